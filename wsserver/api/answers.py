"""Answers in JSON, those that say no included: every refusal below `/api` and `/events` has the same four fields.

    {"error": "`text`: expected `str`, got `int`.", "code": "bad_message", "field": "text", "retry": false}

`error` is a sentence for people, `code` is for programs and, where the chat has a word for it, the chat's; `field` is
there when one field is to blame. Whatever refuses a request, the parser of HTTP or the store, comes through here.

Read next: `service.py`, which catches what is raised.
"""

import re
from typing import Any, Final

import msgspec

from wsserver.chat.errors import RETRY, ChatError
from wsserver.chat.log import StoreUnavailable
from wsserver.http.errors import RequestError
from wsserver.http.response import Response, data_response, error_response
from wsserver.http.security import HeaderList

PLACES: Final = frozenset(("/api", "/events"))
"""Where refusals are in JSON; everywhere else people read them."""

_CODES: Final = {
    401: "auth_required",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    421: "wrong_host",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
}
"""What a status is called; any other is a bad request."""

_STATUSES: Final = {
    "auth_required": 401,
    "forbidden": 403,
    "no_such_user": 404,
    "too_large": 413,
    "rate_limited": 429,
    "internal": 500,
    "too_many_channels": 503,
    "store_unavailable": 503,
    "broker_unavailable": 503,
}
"""What the chat's codes are in HTTP; any other is 400."""

_TEMPORARY: Final = frozenset((408, 429, 503))
_RETRY_AFTER: Final = ("Retry-After", "1")

# "`text` must ...", "`text`: expected ...", "`to[0]`: ...", "Object missing required field `text`."
_FIELD: Final = re.compile(r"(?:Object missing required field )?`(\w+)[^`]*`")

_encode: Final = msgspec.json.Encoder().encode


class ApiError(Exception):
    """A call that is refused: `status`, a sentence, what it is called, which field is to blame, further headers."""

    def __init__(
        self, status: int, sentence: str, code: str | None = None, field: str | None = None, headers: HeaderList = ()
    ) -> None:
        super().__init__(f"{status}: {sentence}")
        self.status = status
        self.sentence = sentence
        self.code = code or _CODES.get(status, "bad_request")
        self.field = field
        self.headers = headers


def answer(value: Any, headers: HeaderList = ()) -> Response:
    """Return `value` as JSON, 200. Raises what msgspec raises for what JSON cannot write."""
    return data_response(200, "application/json", _encode(value), headers)


def refusal(error: ApiError, headers: HeaderList = ()) -> Response:
    """Return the answer to a call that is refused."""
    body: dict[str, Any] = {"error": error.sentence, "code": error.code}
    if error.field is not None:
        body["field"] = error.field
    body["retry"] = error.status in _TEMPORARY
    return data_response(error.status, "application/json", _encode(body), (*error.headers, *headers))


def bad_field(field: str, fault: str) -> ApiError:
    """Return the refusal of one field; `fault` ends a sentence that begins with it."""
    return ApiError(400, f"`{field}` {fault}.", "bad_message", field)


def from_chat(error: ChatError) -> ApiError:
    """Return what the chat has refused, for HTTP."""
    status = _STATUSES.get(error.code, 400)
    match = _FIELD.match(error.message)
    field = "channel" if error.code == "bad_channel" else match[1] if match is not None else None
    return ApiError(status, error.message, error.code, field, (_RETRY_AFTER,) if RETRY[error.code] else ())


def from_store(error: StoreUnavailable) -> ApiError:
    """Return what to say when the store cannot be read."""
    return from_chat(ChatError("store_unavailable", f"The channel cannot be read: {error.told}. Try again."))


def explain(path: str, error: RequestError) -> Response:
    """Answer a request that was refused before anybody looked at it (`Site.explain`)."""
    if "/".join(path.split("/", 2)[:2]) in PLACES:
        return refusal(ApiError(error.status, error.detail, headers=error.headers))
    return error_response(error)
