"""The PROXY protocol: what a proxy that looks at no request says ahead of it, once a connection, in version 1 or 2.

    PROXY TCP4 203.0.113.9 192.0.2.1 50312 443\\r\\n                     version 1: a line of at most 107 bytes

    0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A | 21 | 11 | 00 0C | 12 bytes ...    version 2
    signature                             |    |    |       source and destination, then TLVs
                                          |    |    length of all that follows
                                          |    1: TCP over IPv4, 2: IPv6, 3: Unix, 0: not told
                                          version 2; 1: PROXY, 0: LOCAL, the proxy speaks for itself (its health check)

It is expected or not, by configuration, and never guessed: a receiver that takes both lets anybody say who they are.
Source: "The PROXY protocol, versions 1 & 2", HAProxy Technologies, sections 2.1 and 2.2.

Bytes in, decision out: nothing here touches a socket. Read next: `clients/preface.py`, which asks.
"""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

LINE_LIMIT: Final = 107
"""Bytes of the longest line there can be in version 1 (section 2.1)."""

SIZE_LIMIT: Final = 536
"""Bytes of a whole header in version 2: what a segment of TCP may always have, so that it comes in one (section 2)."""

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"

_LINE_START: Final = b"PROXY "
_HEAD: Final = struct.Struct("!12sBBH")
_TLV: Final = struct.Struct("!BH")
_ADDRESSES: Final = {0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216}
"""Family and protocol -> bytes of both addresses. The datagrams' own kinds cannot have come by this road."""

_LOCAL, _PROXY = 0x20, 0x21

_FAMILIES: Final[dict[str, type[IPv4Address] | type[IPv6Address]]] = {"TCP4": IPv4Address, "TCP6": IPv6Address}


class ProxyHeaderError(Exception):
    """What came is no header of the PROXY protocol; the text says why."""


class ProxyHeader(NamedTuple):
    """A header that is complete."""

    size: int
    """Bytes; the request begins behind them."""
    source: str
    """Where the client comes from, as in `Transport.address`; "": the proxy does not tell, or speaks for itself."""


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """Return the header that `data` begins with, None while it is not complete. Raises ProxyHeaderError."""
    if data[:12] == SIGNATURE[: len(data)]:
        return _read_binary(data)
    if data[:6] == _LINE_START[: len(data)]:
        return _read_line(data)
    raise ProxyHeaderError("the connection does not begin with the PROXY protocol")


def _read_line(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, LINE_LIMIT)
    if end < 0:
        if len(data) >= LINE_LIMIT:
            raise ProxyHeaderError(f"the line is longer than {LINE_LIMIT} bytes")
        return None
    try:
        words = data[:end].decode("ascii").split(" ")
        if words[1] == "UNKNOWN":  # the rest of the line means nothing
            return ProxyHeader(end + 2, "")
        family = _FAMILIES[words[1]]
        _, _, source, destination, source_port, destination_port = words
        family(destination)
        _port(destination_port)
        return ProxyHeader(end + 2, _write(family(source), _port(source_port)))
    except (ValueError, KeyError, IndexError):
        raise ProxyHeaderError("the line is no PROXY line") from None


def _port(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) <= 5 else -1
    if str(number) != text or number > 65535:
        raise ValueError
    return number


def _read_binary(data: bytes) -> ProxyHeader | None:
    if len(data) < _HEAD.size:
        return None
    _, command, family, length = _HEAD.unpack_from(data)
    size = _HEAD.size + length
    if command not in (_LOCAL, _PROXY):
        raise ProxyHeaderError("neither PROXY nor LOCAL, or not version 2")
    if size > SIZE_LIMIT:
        raise ProxyHeaderError(f"the header is longer than {SIZE_LIMIT} bytes")
    if len(data) < size:
        return None
    if command == _LOCAL:  # what else it says is skipped (section 2.2)
        return ProxyHeader(size, "")
    if family not in _ADDRESSES or length < _ADDRESSES[family]:
        raise ProxyHeaderError("the addresses are of no family of TCP, or cut short")
    _check_tlvs(data[_HEAD.size + _ADDRESSES[family] : size])
    return ProxyHeader(size, _binary_source(data, family))


def _binary_source(data: bytes, family: int) -> str:
    if family == 0x11:
        source, port = struct.unpack_from("!4s4xH", data, _HEAD.size)
        return _write(IPv4Address(source), port)
    if family == 0x21:
        source, port = struct.unpack_from("!16s16xH", data, _HEAD.size)
        return _write(IPv6Address(source), port)
    return ""


def _check_tlvs(data: bytes) -> None:
    """Walk over what else a proxy tells, none of which is used: it must fill the header exactly."""
    place = 0
    while place < len(data):
        if len(data) - place < _TLV.size:
            raise ProxyHeaderError("a TLV is cut short")
        place += _TLV.size + _TLV.unpack_from(data, place)[1]
    if place != len(data):
        raise ProxyHeaderError("a TLV is longer than the header")


def _write(address: IPv4Address | IPv6Address, port: int) -> str:
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise ValueError
        address = address.ipv4_mapped or address
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
