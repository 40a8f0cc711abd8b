"""Answers: a value with a status, headers and a body, and the bytes that it becomes.

The writer owns what frames an answer (Content-Length, Connection, Date); nobody else may set it. A header that would
break the frame is a mistake of ours and raises AssertionError, also when Python runs with -O.

Read next: `static.py`; `upgrade.py` for the one answer that is not made here.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from wsserver.http.errors import RequestError
from wsserver.http.security import DATA_HEADERS, NOSNIFF, HeaderList

REASONS: Final = {
    200: "OK",
    204: "No Content",
    206: "Partial Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    421: "Misdirected Request",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
"""What stands behind the number. A status that is not here is written without words, which is allowed."""

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"[\t -~]*")
_FRAMING: Final = frozenset(("connection", "content-length", "date", "transfer-encoding"))
_NO_CONTENT: Final = frozenset((204, 304))
"""Statuses whose answers never have a body (RFC 9110 sections 15.3.5 and 15.4.5)."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Its body is `body`, or, for what is too big for one piece, the `slices` that the caller sends."""

    status: int
    headers: HeaderList = ()
    body: bytes = b""
    slices: Iterator[bytes] | None = None
    """`length` bytes in all. If it has a `close`, that must be called when it is not read to its end."""
    length: int = 0
    """Bytes of a body that is not in `body`: of `slices`, or of what GET would have got where this answers HEAD."""
    endless: bool = False
    """Its body follows piece by piece and has no length: it goes on until the connection ends."""


def encode_response(response: Response, *, head_only: bool, keep_alive: bool, minor_version: int, date: str) -> bytes:
    """Return an answer's bytes: head and body, or the head alone for HEAD and where there are slices.

    `keep_alive` is whether the connection goes on after it; `minor_version` the request's (an HTTP/1.0 client has to be
    told that it does); `date` an IMF-fixdate.
    """
    fields = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, '')}\r\nDate: {date}\r\n"]
    for name, value in response.headers:
        if name.lower() in _FRAMING:
            raise AssertionError(f"{name} is written by the encoder alone")
        fields.append(encode_header(name, value))
    fields.append(encode_header(*NOSNIFF))
    if response.endless and keep_alive:
        raise AssertionError("an endless answer ends with the connection")
    if response.status not in _NO_CONTENT and not response.endless:
        fields.append(f"Content-Length: {response.length or len(response.body)}\r\n")
    if not keep_alive:
        fields.append("Connection: close\r\n")
    elif minor_version == 0:
        fields.append("Connection: keep-alive\r\n")
    fields.append("\r\n")
    head = "".join(fields).encode("ascii")
    if head_only or response.slices is not None or response.status in _NO_CONTENT:
        return head
    if response.length:
        raise AssertionError("an answer promises bytes that it does not have")
    return head + response.body


def encode_header(name: str, value: str) -> str:
    """Return one header line with its CRLF. Raises AssertionError for anything but printable ASCII and tabs in it.

    A CR or LF that came from outside would end the header and begin another, or a whole answer of somebody else's.
    """
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise AssertionError(f"not a header: {name!r}: {value!r}")
    return f"{name}: {value}\r\n"


def error_response(error: RequestError) -> Response:
    """Return the answer to a refused request: its sentence, as plain text that nobody takes for anything else."""
    return text_response(error.status, error.detail + "\n", error.headers)


def text_response(status: int, text: str, headers: HeaderList = ()) -> Response:
    """Return an answer in plain text."""
    return data_response(status, "text/plain; charset=utf-8", text.encode("utf-8"), headers)


def json_response(status: int, value: Any, headers: HeaderList = ()) -> Response:
    """Return an answer in JSON. Raises TypeError or ValueError for what JSON cannot say (NaN included)."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return data_response(status, "application/json", text.encode("utf-8"), headers)


def data_response(status: int, content_type: str, body: bytes, headers: HeaderList = ()) -> Response:
    """Return an answer that is no page and that nobody is to keep."""
    usual: HeaderList = (("Content-Type", content_type), ("Cache-Control", "no-store"), *DATA_HEADERS)
    return Response(status, (*usual, *headers), body)
