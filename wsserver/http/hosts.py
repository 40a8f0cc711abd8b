"""The syntax of `Host` (RFC 9110 section 7.2): a name or an address, and perhaps a port.

Which hosts are ours is not decided here but in `access/origins.py`. Read next: `target.py`.
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final

from wsserver.http.errors import RequestError

# Narrower than RFC 3986's reg-name, which also allows percent escapes and !$&'()*+,;= : no host on the net has them,
# and what contains them is a trick (a comma for those who read lists, an escape for those who decode).
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._~-]{1,255})(?::([0-9]{0,5}))?")


_LONGEST: Final = 255 + len(":65535")
"""Characters of what `_HOST` may match."""

_REMEMBERED: Final = 256
"""Hosts that need not be judged again: nearly all requests bring one of a few. 100 KiB at most."""


def split_host(host: str) -> tuple[str, int | None] | None:
    """Return (name, port or None) of the text of a Host header, or None if it is no such text.

    The name is in lower case and without its trailing dot; an IPv6 address is in its shortest form, in brackets.
    """
    return _split(host) if len(host) <= _LONGEST else None


@lru_cache(_REMEMBERED)
def _split(host: str) -> tuple[str, int | None] | None:
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    name = match[1].lower()
    if ".." in name:
        return None  # an empty label; without it "a.." would become "a.", which is another way to write "a"
    if name[0] == "[":
        try:
            name = f"[{IPv6Address(name[1:-1])}]"
        except ValueError:
            return None
    port = int(match[2]) if match[2] else None
    if port is not None and port > 65535:
        return None
    return name.removesuffix(".") or name, port


def require_host(hosts: tuple[str, ...], minor_version: int) -> None:
    """Judge the Host headers of a request (RFC 9112 section 3.2). Raises RequestError 400.

    HTTP/1.1 must have one; nobody may have two.
    """
    if not hosts and minor_version >= 1:
        raise RequestError(400, "An HTTP/1.1 request must have a Host header.")
    if len(hosts) > 1:
        raise RequestError(400, "The request has more than one Host header.")
    if hosts and split_host(hosts[0]) is None:
        raise RequestError(400, "The Host header is not a host name or address with an optional port.")
