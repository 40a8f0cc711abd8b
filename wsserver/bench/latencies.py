"""How long things took: counts by microsecond while the load runs, an HDR histogram when somebody asks.

Recording a value in the histogram costs a microsecond, a count in a dict a tenth of it, and there are 100,000 values a
second. What is measured is the caller's business; that it is measured from when something was *due* is what corrects an
open loop for coordinated omission (a tester that waits for a stalled server before it sends the next message measures
the stall once, and not for everyone who would have come meanwhile).

Read next: `pacer.py`, which says when something is due.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from hdrh.histogram import HdrHistogram

LOWEST_US: Final = 1
HIGHEST_US: Final = 3_600_000_000
"""An hour; no run lasts longer."""
SIGNIFICANT_FIGURES: Final = 3
"""Any value is told with an error below 0.1 %."""

FOLD_AT: Final = 100_000
"""Different values after which the counts are folded into the histogram: they would grow with the load otherwise."""

PERCENTILES: Final = (50.0, 95.0, 99.0, 99.9)


class Latencies:
    """Latencies of one kind, in whole microseconds."""

    def __init__(self) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int)  # `counts[us] += 1` is how to record
        self._histogram = HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_FIGURES)
        self._greatest = 0

    def fold(self) -> None:
        """Move the counts into the histogram."""
        for us, count in self.counts.items():
            self._histogram.record_value(min(max(us, LOWEST_US), HIGHEST_US), count)
        self._greatest = max(self._greatest, *self.counts) if self.counts else self._greatest
        self.counts.clear()

    def fold_if_many(self) -> None:
        """Keep what the counts pin in memory bounded."""
        if len(self.counts) > FOLD_AT:
            self.fold()

    def encode(self) -> str:
        """Return all of it as one line of text, HdrHistogram's own (version 2, compressed, base64)."""
        self.fold()
        return str(self._histogram.encode().decode("ascii"))

    @property
    def total(self) -> int:
        """How many values there are."""
        self.fold()
        return int(self._histogram.get_total_count())

    @property
    def greatest_us(self) -> int:
        """The greatest value, as exactly as it was recorded here."""
        self.fold()
        return self._greatest

    def at(self, percentile: float) -> int:
        """Return the value, in microseconds, that so many percent of all do not exceed; 0 where there are none."""
        self.fold()
        if not self._histogram.get_total_count():
            return 0
        return min(int(self._histogram.get_value_at_percentile(percentile)), self._greatest or HIGHEST_US)

    @classmethod
    def merged(cls, encoded: Iterable[tuple[str, int]]) -> "Latencies":
        """Return the sum of what several processes recorded: pairs of `encode()` and `greatest_us`."""
        merged = cls()
        for text, greatest in encoded:
            merged._histogram.decode_and_add(text.encode("ascii"))
            merged._greatest = max(merged._greatest, greatest)
        return merged
