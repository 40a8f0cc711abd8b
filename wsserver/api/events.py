"""`GET /events?channel=C`: a channel as Server-Sent Events, for whoever may join it. Read only.

Who goes on says from where, with `Last-Event-ID`, as browsers do by themselves, or with `last_event_id` in the query
where a header cannot be set. Pages of other origins may read if they may open a WebSocket; only they are told (CORS).
Where tokens are asked for, one comes in the `Authorization` header: an `EventSource` cannot send that, `fetch` can.

The stream ends with the connection: it has no length and no chunks, which every client of HTTP/1.0 and 1.1 understands.

Read next: `feeds.py`, for what is sent; `event_stream.py`, for how it is written.
"""

from functools import partial
from typing import Final

from wsserver.api.answers import ApiError, from_chat, from_store, refusal
from wsserver.api.event_stream import MEDIA_TYPE, Place, parse_place
from wsserver.api.feeds import Feeds
from wsserver.api.keys import CHALLENGE, too_many
from wsserver.api.query import Query
from wsserver.chat.authority import Authority, BadToken, Grant, Rules
from wsserver.chat.errors import ChatError
from wsserver.chat.log import NotYet, StoreUnavailable
from wsserver.chat.names import judge_channel
from wsserver.chat.router import find_token
from wsserver.clients.site import Site
from wsserver.clients.visit import Visit
from wsserver.http.request import Request
from wsserver.http.response import Response
from wsserver.http.security import HeaderList
from wsserver.websocket.codes import RATE_LIMITED

_STREAM: Final[HeaderList] = (
    ("Content-Type", MEDIA_TYPE),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),  # nginx would keep a stream to itself until it has a buffer full
)

_VARY: Final = ("Vary", "Origin")

_PREFLIGHT: Final[HeaderList] = (
    ("Access-Control-Allow-Methods", "GET, HEAD"),
    ("Access-Control-Allow-Headers", "Authorization, Last-Event-ID, Cache-Control"),
    ("Access-Control-Max-Age", "600"),  # seconds; Chrome keeps it no longer than two hours, Safari ten minutes
)


class EventStreams:
    """What is behind `/events`."""

    def __init__(self, feeds: Feeds, site: Site, authority: Authority | None, rules: Rules) -> None:
        """Without an `authority` no token is asked for. `site` knows whose pages may read."""
        self._feeds = feeds
        self._site = site
        self._authority = authority
        self._rules = rules

    def serve(self, visit: Visit) -> None:
        """Answer one request (`site.Service`). Raises RequestError 403 for pages of strangers."""
        request = visit.request
        self._site.judge_origin(request)
        cors = _cors(request)
        try:
            if request.method == "OPTIONS":
                visit.answer(Response(204, (*_PREFLIGHT, *cors)))
                return
            if request.method not in ("GET", "HEAD"):
                raise ApiError(405, "Events are only read.", headers=(("Allow", "GET, HEAD, OPTIONS"),))
            self._open(visit, (*_STREAM, *cors))
        except ApiError as error:
            visit.answer(refusal(error, cors))
        except ChatError as error:
            visit.answer(refusal(from_chat(error), cors))
        except NotYet as error:
            error.when_ready(partial(self._serve_again, visit))
        except StoreUnavailable as error:
            visit.answer(refusal(from_store(error), cors))

    def _serve_again(self, visit: Visit) -> None:
        """The channel lay elsewhere and is here now. Nothing had been sent."""
        if not visit.over:
            self.serve(visit)

    def _open(self, visit: Visit, headers: HeaderList) -> None:
        grant = self._judge_token(visit)
        query = Query(visit.request)
        channel = query.text("channel")
        if channel is None:
            raise ApiError(400, "`channel` is missing: /events?channel=NAME.", "bad_message", "channel")
        judge_channel(channel)
        self._judge_right(channel, grant)
        self._feeds.open(visit, channel, _place(visit.request, query), grant, headers)

    def _judge_token(self, visit: Visit) -> Grant | None:
        """Return what the token grants. Raises ApiError 401 or 429, and RequestError 400 for one in the URL."""
        if self._authority is None:
            return None
        token = find_token(visit.request)
        if token is None:
            raise ApiError(401, "Show a token: Authorization: Bearer TOKEN.", headers=(CHALLENGE,))
        try:
            return self._authority.judge(token, visit.address)
        except BadToken as error:
            if error.code == RATE_LIMITED:
                raise too_many("tokens") from None
            raise ApiError(401, f"The token is refused: {error.reason}.", headers=(CHALLENGE,)) from None

    def _judge_right(self, channel: str, grant: Grant | None) -> None:
        """Let somebody pass who may join. Nobody has a name here but by a token."""
        if grant is not None and not grant.covers(channel):
            raise ChatError("forbidden", f"Your token does not cover the channel {channel!r}.")
        members = self._rules(channel).join
        if members is not None and (grant is None or grant.user not in members):
            raise ChatError("forbidden", f"The channel {channel!r} is only for some users, and you are none of them.")


def _place(request: Request, query: Query) -> Place | None:
    """Return where the reader was; None: it does not say."""
    text = request.headers.get("last-event-id") or query.text("last_event_id")
    return parse_place(text) if text else None


def _cors(request: Request) -> HeaderList:
    """Return what a browser wants to hear before it lets the page that asks read; that page may."""
    origin = request.headers.get("origin")
    return (_VARY,) if origin is None else (("Access-Control-Allow-Origin", origin), _VARY)
