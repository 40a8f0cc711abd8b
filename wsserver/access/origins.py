"""Whose pages may talk to us: the Host and the Origin of a request, against what is configured.

Two attacks are stopped here, before anything of the request is acted on. DNS rebinding: a foreign page makes its own
name point to our address; its requests carry that name in Host. Cross-site WebSocket hijacking (RFC 6455 section 10.2):
a foreign page connects to us with the visitor's rights; its requests carry its Origin. Comparisons are of whole names,
never of a beginning, an end or a pattern.

No token is judged here. Read next: `clients/handshake.py`, which asks.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from wsserver.http.errors import RequestError
from wsserver.http.hosts import split_host
from wsserver.http.request import Request

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")

ANY: Final = "*"

_ORIGIN: Final = re.compile(r"(https?)://([^/?#@]+)")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_REMEMBERED: Final = 64
"""Hosts that were let pass and need not be judged again: nearly all requests bring one of a few."""


class OriginRule:
    """Who may knock at one server.

    `origins` are foreign origins that are welcome, as a browser writes them ("https://chat.example"); `hosts` the names
    that Host may have, "*" for any, none for the default; `bound_host` the address or name that the server listens on,
    None for a Unix socket; `port` the one it has there.
    """

    def __init__(self, origins: Sequence[str], hosts: Sequence[str], bound_host: str | None, port: int) -> None:
        self._origins = frozenset(origins) - {"null"}  # what sandboxed frames of anybody have
        names = tuple(hosts) or _default_names(bound_host)
        if bound_host is None:
            names += ("localhost",)
        self._any_name = ANY in names
        self._names = frozenset(map(_normalise, names))
        # A numeric Host cannot be rebound to us: no name was looked up. On "every address", all of them are ours.
        self._any_address = not hosts and bound_host is not None and _is_wildcard(bound_host)
        # Somebody who tried another name for this machine is told one that works. Of configured names none is told.
        local = not hosts and bound_host is not None and _is_loopback(bound_host)
        self._passed: set[str] = set()  # texts of Host that were let pass: judging one takes 8 us, finding it 0.1
        self._hint = f" Try http://localhost:{port}/." if local else ""

    def check_host(self, request: Request) -> None:
        """Let a request for one of our names pass, whatever its port. Raises RequestError 421.

        HTTP/1.0 may come without a Host: no browser does.
        """
        host = request.headers.get("host")
        if host in self._passed or host is None or self._any_name:
            return
        name = _normalise(host)
        if name not in self._names and not (self._any_address and _address(name) is not None):
            detail = "This server does not go by that name; its operator can add it to server.hosts."
            raise RequestError(421, detail + self._hint)
        if len(self._passed) >= _REMEMBERED:
            self._passed.clear()  # ports are free to choose: whoever tries many must not fill our memory
        self._passed.add(host)

    def check_origin(self, request: Request) -> None:
        """Let an upgrade pass that comes from no page, from a page of ours, or from a welcome one.

        Raises RequestError 403. An origin is ours if it has Host's name and port, by http or https: behind a proxy that
        ends TLS, we cannot tell which of them it was.
        """
        origins = request.headers.all("origin")
        if not origins:
            return
        if len(origins) == 1 and (origins[0] in self._origins or _is_same(origins[0], request.headers.get("host"))):
            return
        raise RequestError(403, "Pages of that origin may not connect; the operator can add it to server.origins.")


def _default_names(bound_host: str | None) -> tuple[str, ...]:
    if bound_host is None:
        return ()
    local = _is_loopback(bound_host) or _is_wildcard(bound_host)
    return (bound_host, *LOOPBACK_NAMES) if local else (bound_host,)


def _is_same(origin: str, host: str | None) -> bool:
    """Tell whether an origin has the name and port that a Host header has, each with its scheme's port by default."""
    match = _ORIGIN.fullmatch(origin)
    theirs = split_host(match[2]) if match is not None else None
    ours = split_host(host) if host is not None else None
    if match is None or theirs is None or ours is None:
        return False
    default = _DEFAULT_PORTS[match[1]]
    our_port, their_port = (default if port is None else port for port in (ours[1], theirs[1]))
    return (ours[0], our_port) == (theirs[0], their_port)


def _normalise(host: str) -> str:
    """Return the name of a host without port, as `split_host` writes it; an IPv6 address may lack its brackets."""
    bare = _address(host)
    split = split_host(f"[{bare}]" if isinstance(bare, IPv6Address) else host)
    return split[0] if split is not None else host.lower()


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text is, with or without brackets; None for a name."""
    try:
        return ip_address(host[1:-1] if host.startswith("[") else host)
    except ValueError:
        return None


def _is_loopback(bound_host: str) -> bool:
    """Tell whether only this machine can reach a server that listens there."""
    address = _address(bound_host)
    return _normalise(bound_host) == "localhost" or (address is not None and address.is_loopback)


def _is_wildcard(bound_host: str) -> bool:
    """Tell whether a server that listens there listens on every address of the machine."""
    address = _address(bound_host)
    return bound_host == "" or (address is not None and address.is_unspecified)
