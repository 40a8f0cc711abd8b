"""Where a request ends: what its headers say about its body, the connection after it, and whether to invite the body.

Whatever two parsers could read differently is refused (RFC 9112 sections 6 and 9, RFC 9110 section 10.1.1): if a proxy
in front of us sees the end somewhere else, one client's request becomes part of another's.

Read next: `request.py`.
"""

import re
from typing import Final

from wsserver.http.body import Body, SizedBody
from wsserver.http.chunked import ChunkedBody
from wsserver.http.errors import RequestError
from wsserver.http.head import Head
from wsserver.http.headers import Headers
from wsserver.http.limits import RequestLimits

# Judged before int(), which also takes signs, underscores, white space and the digits of other scripts.
_LENGTH: Final = re.compile(r"[0-9]{1,18}")

_OTHER_CODINGS: Final = frozenset(("compress", "deflate", "gzip", "x-compress", "x-gzip"))
"""Transfer codings that exist (RFC 9112 section 7) and that we do not have: 501 and not 400."""


def choose_body(head: Head, limits: RequestLimits) -> Body:
    """Return what will read the body of that request. Raises RequestError 400, 413 or 501."""
    headers = head.headers
    if "transfer-encoding" in headers:
        _require_chunked(head)
        return ChunkedBody(limits)
    length = _parse_length(headers)
    if length > limits.body:
        raise RequestError(413, f"The body is larger than {limits.body} bytes.")
    return SizedBody(length)


def _require_chunked(head: Head) -> None:
    """Let exactly one `chunked` pass (RFC 9112 sections 6.1 and 6.3)."""
    if "content-length" in head.headers:
        raise RequestError(400, "The request has both Content-Length and Transfer-Encoding.")
    if head.line.minor_version == 0:
        raise RequestError(400, "HTTP/1.0 has no Transfer-Encoding.")
    values = head.headers.all("transfer-encoding")
    codings = [coding.strip(" \t").lower() for coding in values[0].split(",")]
    if len(values) == 1 and codings == ["chunked"]:
        return
    if len(values) == 1 and codings[-1] == "chunked" and _OTHER_CODINGS.issuperset(codings[:-1]):
        raise RequestError(501, "The only transfer coding that this server has is chunked.")
    raise RequestError(400, "Transfer-Encoding is not exactly one chunked.")


def _parse_length(headers: Headers) -> int:
    values = headers.all("content-length")
    if not values:
        return 0
    if len(values) > 1 or not _LENGTH.fullmatch(values[0]):
        raise RequestError(400, "Content-Length is not exactly one number.")
    return int(values[0])


def keeps_alive(head: Head) -> bool:
    """Tell whether the connection outlives the request (RFC 9112 section 9.3)."""
    if head.headers.mentions("connection", "close"):
        return False
    return head.line.minor_version >= 1 or head.headers.mentions("connection", "keep-alive")


def wants_invitation(head: Head) -> bool:
    """Tell whether the client waits for `100 Continue` before it sends its body. Raises RequestError 417."""
    values = head.headers.all("expect")
    if any(value.lower() != "100-continue" for value in values):
        raise RequestError(417, "The only expectation that this server meets is 100-continue.")
    return bool(values) and head.line.minor_version >= 1  # RFC 9110 section 10.1.1: HTTP/1.0 knows no interim answer
