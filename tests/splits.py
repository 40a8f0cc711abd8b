"""One way to feed a byte-eating codec: whole, byte by byte, cut at every point. All must give the same."""

from collections.abc import Iterator


def portions(data: bytes, most_cuts: int = 400) -> Iterator[list[bytes]]:
    """Yield ways to cut `data` into pieces; above `most_cuts` bytes the single cuts are spread evenly."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    step = max(1, len(data) // most_cuts)
    for cut in range(1, len(data), step):
        yield [data[:cut], data[cut:]]
