"""Where a request really comes from, when a proxy says so that we trust (X-Forwarded-For; RFC 7239, Forwarded).

    client ---> proxy ---> proxy ---> us            X-Forwarded-For: client, first proxy
                             |
                             +-- the address of the connection

Anybody can write such a header, and each proxy only adds to what it was given. So it is read from the right, from the
connection on, as long as what stands there is a trusted proxy's: the first address that is not is the client's, and
what stands left of it is only the client's own word. Of the two headers one is read, the configured one: a proxy that
knows only the other would hand on what a client wrote into this one.

What `X-Forwarded-Host` and `X-Forwarded-Proto` say is not read. A proxy has to pass `Host` on as it came; then pages of
the site are same-origin behind TLS, too (`access/origins.py`).

Read next: `net/proxy_protocol.py`, the same for proxies that look at no request; `clients/handshake.py`, which asks.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from wsserver.http.headers import TOKEN_BYTES, Headers

UNIX: Final = "unix"
"""How the address of whoever comes through a Unix socket is written."""

X_FORWARDED_FOR: Final = "x-forwarded-for"
FORWARDED: Final = "forwarded"

HOPS: Final = 16
"""Trusted proxies in a row; a chain of more is no chain but a trick to have us judge thousands of addresses."""

_PAIR: Final = re.compile(rf'[ \t]*({TOKEN_BYTES.decode()})=(?:"([^"\\]*)"|({TOKEN_BYTES.decode()}))[ \t]*')
_V4_AND_PORT: Final = re.compile(r"([0-9.]{7,15}):([0-9]{1,5})")
_V6_AND_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\](?::([0-9]{1,5}))?")

_Address = IPv4Address | IPv6Address


class TrustedProxies:
    """The proxies of one server: who they are, and how they say whom they speak for."""

    def __init__(
        self,
        networks: Sequence[str],
        header: str = X_FORWARDED_FOR,
        preface: bool = False,
        on_garbage: Callable[[str, str], None] = lambda _address, _value: None,
    ) -> None:
        """`networks`: addresses, networks ("10.0.0.0/8") and "unix"; `header`: X_FORWARDED_FOR or FORWARDED.

        `preface`: each connection of theirs begins with the PROXY protocol. `on_garbage(address, value)` hears, once,
        of a header that is none, or of a preface. Raises ValueError for what is no network.
        """
        # configuration
        self._networks = tuple(ip_network(network) for network in networks if network != UNIX)
        self._unix = UNIX in networks
        self._header = header
        self._preface = preface
        self._on_garbage = on_garbage
        # state
        self._told = False

    def trusts(self, address: str) -> bool:
        """Tell whether a connection from `address` ("10.0.0.1:5000", "[::1]:5000", "unix") is a proxy's of ours."""
        if address == UNIX:
            return self._unix
        parsed = parse_source(address)
        return parsed is not None and self._has(parsed[0])

    def wants_preface(self, address: str) -> bool:
        """Tell whether a connection from `address` has to begin with the PROXY protocol."""
        return self._preface and self.trusts(address)

    def source_of(self, headers: Headers, address: str) -> str:
        """Return where a request comes from, written like `address`, which its connection has; port 0: not told.

        That is `address` itself for whoever is not trusted, and also where the header is missing or garbage.
        """
        if headers.get(self._header) is None or not self.trusts(address):
            return address
        elements = headers.elements(self._header)
        source = None
        for element in reversed(elements[-HOPS:]):
            source = parse_source(element) if self._header == X_FORWARDED_FOR else parse_forwarded(element)
            if source is None or not self._has(source[0]):
                break
        else:
            if len(elements) > HOPS:
                source = None
        if source is None:
            self.tell(address, headers.get(self._header) or "")
            return address
        return write_source(*source)

    def _has(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)

    def tell(self, address: str, value: str) -> None:
        """What the proxy at `address` said is garbage: `value`, or a word about it."""
        if not self._told:
            self._told = True
            self._on_garbage(address, value)


def parse_source(text: str) -> tuple[_Address, int] | None:
    """Return (address, port or 0) of what a proxy names: with or without a port, IPv6 with or without brackets.

    None for anything else: "unknown", a name, a mistake. An IPv4 address that is dressed as IPv6 is undressed.
    """
    match = _V4_AND_PORT.fullmatch(text) or _V6_AND_PORT.fullmatch(text)
    host, port = (match[1], int(match[2] or 0)) if match is not None else (text, 0)
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        address = address.ipv4_mapped or address
    return (address, port) if port <= 65535 else None


def parse_forwarded(element: str) -> tuple[_Address, int] | None:
    """Return what `for` says in one element of Forwarded (RFC 7239 section 4), like `parse_source`."""
    found = None
    for pair in element.split(";"):
        match = _PAIR.fullmatch(pair)
        if match is None:
            return None
        if match[1].lower() == "for":
            if found is not None:
                return None
            found = match[2] if match[2] is not None else match[3]
    return parse_source(found) if found is not None else None


def write_source(address: _Address, port: int) -> str:
    """Write an address and a port as the listener does."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
