"""The bodies of calls: JSON objects with typed fields, judged as they are decoded.

What a decoder can check by itself is said here; names are judged by the chat, by the same rules as a client's. Fields
that are not listed are ignored.

Read next: `calls.py`, which carries them out.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import DecodeError, Struct, ValidationError

from wsserver.api.answers import ApiError, from_chat
from wsserver.chat.codec_json import TOO_DEEP, explain
from wsserver.chat.errors import ChatError
from wsserver.chat.vocabulary import Key, Text
from wsserver.http.request import Request

# What programs send with JSON that say nothing about it: curl and urllib call any body a form.
_TYPES: Final = frozenset(("", "application/json", "application/x-www-form-urlencoded"))
_CHARSETS: Final = frozenset(("", "utf-8", "utf8", "us-ascii"))

_T = TypeVar("_T", bound=Struct)


class Body(Struct, kw_only=True, gc=False):
    """What all calls have in common: `user` is the name that they speak under, by default the server's."""

    user: str | None = None


class PublishBody(Body):
    """Say `text` in `channel`; the same `key` again within five minutes is stored once."""

    channel: str
    text: Text
    key: Key | None = None


class BroadcastBody(Body):
    """Say `text` to every client."""

    text: Text


class DirectBody(Body):
    """Say `text` to every client of the user `to`."""

    to: str
    text: Text


class TopicBody(Body):
    """Hand `data`, whatever it is, to the subscribers of `topic`."""

    topic: str
    data: Any


class DisconnectBody(Struct, gc=False):
    """Close every connection of `user`."""

    user: str


def body_reader(kind: type[_T]) -> Callable[[Request], _T]:
    """Return what reads bodies of one kind; it raises ApiError 400 or 415."""
    decode = msgspec.json.Decoder(kind).decode

    def read(request: Request) -> _T:
        _judge_type(request)
        if not request.body:
            raise ApiError(400, "The body is empty; it must be a JSON object.", "bad_json")
        try:
            return decode(request.body)
        except ValidationError as error:
            raise from_chat(ChatError("bad_message", explain(str(error)))) from None
        except (DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, f"The body is not JSON: {error}.", "bad_json") from None
        except RecursionError:
            raise ApiError(400, TOO_DEEP, "bad_message") from None

    return read


def _judge_type(request: Request) -> None:
    """Let pass what is JSON in UTF-8, or says nothing that contradicts it."""
    if request.headers.get("content-encoding") not in (None, "identity"):
        raise ApiError(415, "The body must not be compressed.", headers=(("Accept-Encoding", "identity"),))
    kind, _, parameters = (request.headers.get("content-type") or "").lower().partition(";")
    name, _, charset = parameters.strip(" \t").partition("=")
    fits = kind.strip(" \t") in _TYPES or kind.strip(" \t").endswith("+json")
    if not fits or (name == "charset" and charset.strip('"') not in _CHARSETS):
        raise ApiError(415, "The body must be JSON in UTF-8: Content-Type: application/json.")
