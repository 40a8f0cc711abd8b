"""Client frames put together by hand, so that the tests do not trust the code they judge."""

import struct

KEY = b"\x12\x9a\x5c\xe7"


def mask(payload: bytes, key: bytes = KEY) -> bytes:
    """RFC 6455 section 5.3, one byte at a time."""
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, width: int | None = None
) -> bytes:
    """One client frame; `width` forces the length into 0, 2 or 8 extra bytes."""
    size = len(payload)
    if width is None:
        width = 0 if size < 126 else 2 if size < 65536 else 8
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    flag = 0x80 if masked else 0
    if width == 0:
        head = struct.pack("!BB", first, flag | size)
    elif width == 2:
        head = struct.pack("!BBH", first, flag | 126, size)
    else:
        head = struct.pack("!BBQ", first, flag | 127, size)
    return head + (KEY + mask(payload) if masked else payload)


def header(opcode: int, size: int, *, fin: bool = True) -> bytes:
    """Only the header of a masked frame that announces `size` bytes, in the 8-byte form, key included."""
    return struct.pack("!BBQ", (0x80 if fin else 0) | opcode, 0xFF, size) + KEY
