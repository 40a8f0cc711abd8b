"""Undo the masking of client frames: payload XOR a 4-byte key, over and over (RFC 6455 section 5.3).

A loop per byte takes 7 to 65 times as long as either of the two ways used here:

  - up to LARGE bytes: the payload and the repeated key as two big integers, one XOR (about half a microsecond at 64 B);
  - above: every fourth byte has the same key byte, so each of the four residues is one `bytes.translate` through a
    table of 256 answers, and one strided copy back (half of the big integers' time at 16 KiB).

Read next: `parser.py`.
"""

from typing import Final

LARGE: Final = 4096
"""Bytes from where translating wins over big integers (measured; the two are equal between 3 and 6 KiB)."""

_XOR_TABLES: Final = tuple(bytes(value ^ key for value in range(256)) for key in range(256))


def unmask(payload: bytes, key: bytes) -> bytes:
    """Return `payload` XOR the repeated `key` (4 bytes)."""
    size = len(payload)
    if size > LARGE:
        return _unmask_large(payload, key)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")


def _unmask_large(payload: bytes, key: bytes) -> bytes:
    result = bytearray(len(payload))
    for residue in range(4):
        result[residue::4] = payload[residue::4].translate(_XOR_TABLES[key[residue]])
    return bytes(result)


def rotate(key: bytes, count: int) -> bytes:
    """Return the key as it continues after `count` bytes of payload."""
    shift = count & 3
    return key[shift:] + key[:shift]
