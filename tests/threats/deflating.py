"""permessage-deflate from the other side (RFC 7692), on zlib alone: messages compressed, inflated, and read as frames.

Read next: `test_e_bombs.py`, `test_e_compression.py`.
"""

import zlib

from tests.websocket.frames_by_hand import frame

LIMIT = 65536
"""Bytes of one message, inflated, as it is by default."""

RSV1 = 4
COMPRESSED = 0x40
THRESHOLD = 1024
"""Bytes from which on our messages are compressed."""

MIB = 1 << 20


def deflater(bits=15, level=9):
    return zlib.compressobj(level, zlib.DEFLATED, -bits)


def deflate(data, context=None):
    """Compress one message as RFC 7692 section 7.2.1 says."""
    context = context or deflater()
    return (context.compress(data) + context.flush(zlib.Z_SYNC_FLUSH))[:-4]


def compressed(opcode, data, context=None):
    return frame(opcode, deflate(data, context), rsv=RSV1)


def inflate(data, bits=15):
    return zlib.decompressobj(-bits).decompress(data + b"\x00\x00\xff\xff")


def read_frame(one):
    """Return the first byte and the payload of the next frame."""
    first, size = one.read(2)
    if size >= 126:
        size = int.from_bytes(one.read(2 if size == 126 else 8), "big")
    return first, one.read(size)


def read_message(one):
    """Return the next message, inflated if it has to be."""
    first, payload = read_frame(one)
    return first & 0x0F, inflate(payload) if first & COMPRESSED else payload


def refused(compressing, data, **how):
    """Send `data` to a fresh connection; return the code it is refused with, which has to come at once."""
    one = compressing(**how)
    one.send(data)
    return one.close_code()
