"""Whom to load: a WebSocket URL, taken apart and looked up.

Read next: `options.py`.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from wsserver.bench.errors import UsageError
from wsserver.reactor.world import World

_PORT: Final = 80  # RFC 6455 section 3

SocketAddress = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and a path on it."""

    host: str
    """Without the brackets of IPv6."""
    port: int
    path: str
    """With the query; empty where the URL names none."""

    @property
    def authority(self) -> str:
        """Return host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORT else f"{host}:{self.port}"


def parse_url(url: str) -> Target:
    """Take ws://host[:port][/path][?query] apart. Raises UsageError."""
    if any(c <= " " or c > "~" for c in url):
        raise UsageError(f"{url!r} has characters that a URL may not have; write them as %XX")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}") from None
    if parts.scheme == "wss":
        raise UsageError("the load tester speaks no TLS: load the server behind whatever ends it, with ws://")
    if parts.scheme != "ws" or not host or parts.fragment or parts.username is not None:
        raise UsageError(f"{url!r}: expected ws://HOST:PORT/PATH, such as ws://127.0.0.1:8080/echo")
    path = "" if parts.path in ("", "/") and not parts.query else parts.path or "/"
    return Target(host, _PORT if port is None else port, f"{path}?{parts.query}" if parts.query else path)


def look_up(world: World, target: Target, foreign: bool) -> tuple[int, SocketAddress]:
    """Return (address family, address) of the server. Only loopback, unless `foreign`. Raises UsageError."""
    try:
        found = world.resolve_tcp(target.host, target.port)
    except OSError as error:
        raise UsageError(f"'{target.host}' cannot be found: {error.strerror or error}") from None
    family, address = found[0]
    if not foreign and not is_loopback(address):
        raise UsageError(f"{target.host} is another machine; if it is yours to load, say --i-own-this-server")
    return family, address


def is_loopback(address: SocketAddress) -> bool:
    """Tell whether a socket address is this machine and nobody else's."""
    return ip_address(str(address[0]).partition("%")[0]).is_loopback
