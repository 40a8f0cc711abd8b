"""The layout of one frame that a server sends (RFC 6455 section 5.2): header and payload, never masked.

Receiving is `parser.py`. Read next: `prepared.py`.
"""

from struct import Struct
from typing import Final

# Header of every final frame with a payload below 126 bytes, by opcode and length: a table lookup instead of two
# bytes put together for each message.
SHORT_HEADERS: Final = tuple(tuple(bytes((0x80 | opcode, size)) for size in range(126)) for opcode in range(16))

SHORT_PAYLOAD: Final = 125
"""Bytes of payload up to which the header is two bytes long."""

_pack_medium: Final = Struct(">BBH").pack
_pack_long: Final = Struct(">BBQ").pack

RSV1: Final = 0x40
"""The bit of a first frame's first byte that says: this message is compressed."""


def encode_header(opcode: int, size: int) -> bytes:
    """Return the header of a final, unmasked frame: 2, 4 or 10 bytes, the length in its shortest form."""
    if size <= SHORT_PAYLOAD:
        return SHORT_HEADERS[opcode][size]
    if size < 0x10000:
        return _pack_medium(0x80 | opcode, 126, size)
    return _pack_long(0x80 | opcode, 127, size)


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """Return the whole final, unmasked frame for `payload`."""
    size = len(payload)
    if size <= SHORT_PAYLOAD:
        return SHORT_HEADERS[opcode][size] + payload
    return encode_header(opcode, size) + payload


def encode_compressed_frame(opcode: int, data: bytes) -> bytes:
    """Return the whole final, unmasked frame of a compressed message, RSV1 set (RFC 7692 section 6)."""
    header = bytearray(encode_header(opcode, len(data)))
    header[0] |= RSV1
    return bytes(header) + data
