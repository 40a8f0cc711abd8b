"""One way to feed a byte-eating codec: whole, byte by byte, cut at every point. All must give the same."""

from collections.abc import Iterator
from zlib import crc32


def portions(data: bytes, most_cuts: int = 400) -> Iterator[list[bytes]]:
    """Yield ways to cut `data` into pieces; above `most_cuts` bytes the single cuts are spread evenly."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    step = max(1, len(data) // most_cuts)
    for cut in range(1, len(data), step):
        yield [data[:cut], data[cut:]]


def few_portions(data: bytes) -> Iterator[list[bytes]]:
    """Yield three ways to cut `data`: whole, byte by byte, and into three pieces at points that its checksum gives.

    For those who try a million inputs: each input is always cut alike, and a similar one elsewhere.
    """
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    number = crc32(data)
    first, second = sorted((number % (len(data) + 1), (number >> 16) % (len(data) + 1)))
    yield [data[:first], data[first:second], data[second:]]
