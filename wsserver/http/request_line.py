"""The first line of a request: method, target, version, and exactly one space between them (RFC 9112 section 3).

Read next: `head.py`.
"""

import re
from dataclasses import dataclass
from typing import Final

from wsserver.http.errors import RequestError
from wsserver.http.headers import TOKEN_BYTES
from wsserver.http.target import Target, parse_target

_TOKEN: Final = re.compile(TOKEN_BYTES)
_VERSION: Final = re.compile(rb"HTTP/([0-9])\.([0-9])")

_KNOWN_METHODS: Final = frozenset(
    (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH")
)
"""RFC 9110 section 9.3 and RFC 5789. Which of them a path allows, its page decides (405); any other is 501 here."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A first line, taken apart."""

    method: str
    target: Target
    minor_version: int
    """0 or 1: HTTP/1.0 or HTTP/1.1."""


def parse_request_line(line: bytes) -> RequestLine:
    """Take a request line without its CRLF apart. Raises RequestError 400, 405, 501 or 505."""
    parts = line.split(b" ")
    if len(parts) != 3:
        raise RequestError(400, "The request line is not a method, a target and a version with single spaces between.")
    raw_method, raw_target, raw_version = parts
    if not _TOKEN.fullmatch(raw_method):
        raise RequestError(400, "The request line does not start with a method.")
    minor_version = _parse_version(raw_version)
    if raw_method not in _KNOWN_METHODS:
        raise RequestError(501, "This server does not know that method. Methods are written in upper case.")
    method = raw_method.decode("ascii")
    return RequestLine(method, parse_target(raw_target, method), minor_version)


def may_start_request(byte: int) -> bool:
    """Tell whether a request, or the empty line that may come before it, can begin with that byte.

    Judged as soon as it is here, so that a TLS client that talks to a plain port is not left waiting.
    """
    return byte == 0x0D or _TOKEN.fullmatch(bytes((byte,))) is not None


def _parse_version(raw: bytes) -> int:
    match = _VERSION.fullmatch(raw)
    if match is None:
        raise RequestError(400, "The request line does not end with an HTTP version.")
    if match[1] != b"1" or match[2] not in (b"0", b"1"):
        raise RequestError(505, "This server speaks HTTP/1.1 and HTTP/1.0.")
    return int(match[2])
