"""Counts of how long things took, in buckets: what is cheap to keep and can be added up over processes.

Read next: `loop.py`, which counts its turns; `observe/metrics.py`, which shows them.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

TURN_BOUNDS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""What is asked of a turn is that it takes no more than 20 ms, so that is a bound."""

LATENCY_BOUNDS_S: Final = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
"""From a transaction in a file that is not waited for (40 us) to the time limit of a link to a database (5 s)."""


class Histogram:
    """`counts[i]` were at most `bounds[i]` seconds and more than the bound before it; the last count is above all."""

    __slots__ = ("bounds", "counts", "longest_s", "sum_s")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` rise."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum_s = 0.0
        self.longest_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one that took so long."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum_s += seconds
        if seconds > self.longest_s:
            self.longest_s = seconds
