"""Undo the masking of client frames: payload XOR a 4-byte key, over and over (RFC 6455 section 5.3).

A loop per byte takes 7 to 65 times as long as the ways used here:

  - up to LARGE bytes: the payload and the repeated key as two big integers, one XOR (about half a microsecond at 64 B);
  - above: every fourth byte has the same key byte, so each of the four residues is one `bytes.translate` through a
    table of 256 answers, and one strided copy back (46 us at 64 KiB, where big integers take 88);
  - above it where numpy is installed (the extra `speed`): one XOR in machine words (3 us at 64 KiB).

Read next: `masking_numpy.py`; then `parser.py`.
"""

from typing import Final

try:
    from wsserver.websocket import masking_numpy
except ImportError:  # the way of the standard library is the default
    masking_numpy = None  # type: ignore[assignment]

LARGE: Final = 512
"""Bytes from where both other ways win over big integers (measured; at 512 B all three take 1.1 to 1.4 us)."""

_XOR_TABLES: Final = tuple(bytes(value ^ key for value in range(256)) for key in range(256))


def unmask(payload: bytes | memoryview, key: bytes) -> bytes:
    """Return `payload` XOR the repeated `key` (4 bytes)."""
    size = len(payload)
    if size > LARGE:
        buffer = bytearray(payload)
        unmask_from(buffer, 0, key)
        return bytes(buffer)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")


def translate_from(buffer: bytearray, start: int, key: bytes) -> None:
    """XOR what is behind `start` in `buffer` with the repeated `key`, where it lies. It needs no numpy."""
    for residue in range(4):
        part = slice(start + residue, None, 4)
        buffer[part] = buffer[part].translate(_XOR_TABLES[key[residue]])


unmask_from: Final = translate_from if masking_numpy is None else masking_numpy.xor_from
"""XOR what is behind `start` in a buffer with a key, where it lies: chosen once, by what is installed."""


def rotate(key: bytes, count: int) -> bytes:
    """Return the key as it continues after `count` bytes of payload."""
    shift = count & 3
    return key[shift:] + key[:shift]
