"""Unmask with numpy (the extra `speed`): the only file of this floor that needs more than the standard library.

Read next: `masking.py`.
"""

from typing import Final

import numpy

_WORD: Final = numpy.dtype("<u4")


def xor_from(buffer: bytearray, start: int, key: bytes) -> None:
    """XOR what is behind `start` in `buffer` with the repeated `key`, where it lies.

    The few bytes before and behind the machine words go one by one: numpy takes three times as long when its words do
    not lie where words should.
    """
    begin = min(start + (-start & 3), len(buffer))
    count = (len(buffer) - begin) >> 2
    end = begin + 4 * count
    for index in (*range(start, begin), *range(end, len(buffer))):
        buffer[index] ^= key[(index - start) & 3]
    if count:
        shift = (begin - start) & 3
        words = numpy.frombuffer(buffer, _WORD, count, begin)
        numpy.bitwise_xor(words, int.from_bytes(key[shift:] + key[:shift], "little"), words)
