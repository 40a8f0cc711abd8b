"""The short way for the request that nearly every one is: a GET without a body whose head came in one piece.

    GET /path?query HTTP/1.1 CRLF *( header-line CRLF ) CRLF

One pattern judges the whole head and one loop takes it apart: 3 us instead of 15 for the head of an upgrade, which is
what most connections bring. Only what `head.py` and `framing.py` would accept is taken here, and with the same result;
whatever is the least bit unusual is left to them, and so is every refusal.

Not on the short way: another method or version, a percent sign, an absolute target, a body, Expect, an empty line
before the request, a head of more than 8 KiB, one that is not complete.

Read next: `request.py`, the caller; `head.py`, the long way.
"""

import re
from typing import Final, NamedTuple

from wsserver.http.headers import TOKEN_BYTES, Headers
from wsserver.http.hosts import require_host
from wsserver.http.intake import Intake
from wsserver.http.limits import RequestLimits

# Nothing is tried twice (possessive quantifiers), so time is linear in the head. The target is that of `target.py`
# without `%`; the path ends at its first `?`.
_HEAD: Final = re.compile(
    rb'GET ((/[!"$&->@-\[\]-~]*+)(?:\?([!"$-\[\]-~]*+))?) HTTP/1\.1\r\n'
    rb"((?:" + TOKEN_BYTES + rb"+:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)++)\r\n"
)

_NOT_PLAIN: Final = ("content-length", "transfer-encoding", "expect")
"""Who has one of these has a body, or says something about one."""


class PlainGet(NamedTuple):
    """What there is to know of such a request; the fields are those of `Request`."""

    target: str
    path: str
    query: str
    headers: Headers
    keep_alive: bool


def take_plain_get(intake: Intake, limits: RequestLimits) -> PlainGet | None:
    """Take a whole plain GET off the front; None, and nothing is taken: it has to go the long way.

    Raises RequestError 400 for its Host header, as the long way does.
    """
    match = intake.match(_HEAD)
    if match is None:
        return None
    target, path, query, lines = match.groups(b"")  # before `skip`: a match looks its groups up when it is asked
    size = match.end()
    if size > limits.request_line or size > limits.header_line or size > limits.head:
        return None
    headers = Headers.of_good_lines(lines.decode("latin-1"))
    if headers.has_any(_NOT_PLAIN) or lines.count(b"\n") > limits.headers:
        return None
    intake.skip(size)
    require_host(headers.all("host"), 1)
    keep_alive = not headers.mentions("connection", "close")
    return PlainGet(target.decode("ascii"), path.decode("ascii"), query.decode("ascii"), headers, keep_alive)
