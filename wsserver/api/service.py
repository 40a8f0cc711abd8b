"""The server API: who calls, which call it is, and what becomes of it. For other programs, on the same port.

    POST /api/publish  broadcast  direct  topics/publish  disconnect
    GET  /api/channels  channels/C/presence  channels/C/history  connections

Without a key in the configuration there is no API: every path is 404. With one, nobody learns without it which paths
there are. C is a channel's name, percent-encoded: a slash in it is %2F.

The one place where an ApiError is caught. Read next: `calls.py` and `lists.py`; `answers.py` for refusals.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from wsserver.api.answers import ApiError, answer, from_chat, from_store, refusal
from wsserver.api.bodies import BroadcastBody, DirectBody, DisconnectBody, PublishBody, TopicBody, body_reader
from wsserver.api.calls import Calls
from wsserver.api.keys import ApiKey
from wsserver.api.lists import Lists
from wsserver.api.query import Query
from wsserver.chat.errors import ChatError
from wsserver.chat.log import NotYet, StoreUnavailable
from wsserver.chat.requests import Later
from wsserver.clients.visit import Visit
from wsserver.http.request import Request
from wsserver.http.target import decode_path

Act = Callable[[Visit], Any]
"""Carries out one call and returns what JSON can write; LATER when the answer comes by itself."""

LATER: Final = object()


class ServerApi:
    """What is behind `/api/`."""

    def __init__(self, key: ApiKey | None, calls: Calls, lists: Lists) -> None:
        """`key` is None where there is no API."""
        self._key = key
        self._lists = lists
        self.private = False
        """Only this machine can reach us, so connections may be listed."""
        self._posts: dict[tuple[str, ...], Act] = {
            ("publish",): _later(body_reader(PublishBody), calls.publish),
            ("broadcast",): _later(body_reader(BroadcastBody), calls.broadcast),
            ("direct",): _later(body_reader(DirectBody), calls.direct),
            ("topics", "publish"): _later(body_reader(TopicBody), calls.publish_on_topic),
            ("disconnect",): _later(body_reader(DisconnectBody), calls.disconnect),
        }

    def serve(self, visit: Visit) -> None:
        """Answer one request (`site.Service`)."""
        try:
            if self._key is None:
                raise ApiError(404, "This server has no API; its operator can set api.key.")
            self._key.judge(visit.request, visit.address)
            result = self._find(visit.request)(visit)
            if isinstance(result, Later):
                result.begin(lambda later: visit.answer(answer(later)))
            elif result is not LATER:
                visit.answer(answer(result))
        except ApiError as error:
            visit.answer(refusal(error))
        except ChatError as error:
            visit.answer(refusal(from_chat(error)))
        except NotYet as error:
            error.when_ready(partial(self._serve_again, visit))
        except StoreUnavailable as error:
            visit.answer(refusal(from_store(error)))

    def _serve_again(self, visit: Visit) -> None:
        """What it asks for lay elsewhere and has come. Nothing had been done."""
        if not visit.over:
            self.serve(visit)

    def _find(self, request: Request) -> Act:
        """Return what a request asks for. Raises ApiError 404 or 405."""
        parts = split_path(request.target)
        act = self._posts.get(parts)
        if act is not None:
            _demand(request, "POST")
            return act
        look = self._find_list(parts, request)
        _demand(request, "GET", "HEAD")
        return lambda _visit: look()

    def _find_list(self, parts: tuple[str, ...], request: Request) -> Callable[[], Any]:
        lists = self._lists
        match parts:
            case ("channels",):
                return lists.channels
            case ("channels", name, "presence"):
                return partial(lists.presence, name)
            case ("channels", name, "history"):
                return lambda: lists.history(name, Query(request))
            case ("connections",) if self.private:
                return lambda: lists.connections(Query(request))
            case ("connections",):
                raise ApiError(404, "Connections are listed only where nobody but this machine can ask.")
        raise ApiError(404, "There is no such call in this API.")


def split_path(target: str) -> tuple[str, ...]:
    """Return the parts of a path behind `/api/`, each decoded by itself. `target` is as it came, and was judged."""
    path = target.partition("?")[0]
    if not path.startswith("/"):  # absolute-form
        path = "/" + path.split("/", 3)[3]
    return tuple(decode_path(part) for part in path.split("/")[2:])


def _demand(request: Request, *methods: str) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise ApiError(405, f"This call takes {' or '.join(methods)}.", headers=(("Allow", allowed),))


def _later(read: Callable[[Request], Any], act: Callable[[Visit, Any], None]) -> Act:
    def begin(visit: Visit) -> object:
        act(visit, read(visit.request))
        return LATER

    return begin
