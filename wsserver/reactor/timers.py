"""Things that will happen later: a heap of deadlines, with a cancel that costs next to nothing.

Cancelling only marks the timer; its entry stays in the heap until it comes up, or until most entries are such
husks and the heap is rebuilt without them. So a million timers that are armed and cancelled pin no memory, and nobody
searches the heap.

The deadlines of clients are not here one by one: they share timers (`wheel.py`).

Read next: `loop.py`, which asks `next_due` how long it may sleep.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final

FIRE_LIMIT: Final = 1000
"""Timers fired in one turn: thousands that fall due at once must not hold up the sockets."""

COMPACT_ABOVE: Final = 512
"""Below this many husks a rebuild is not worth it."""


class Timer:
    """One callback that is due at `when` (seconds on the monotonic clock)."""

    __slots__ = ("callback", "heap", "when")

    def __init__(self, when: float, callback: Callable[[], None], heap: "Timers") -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback
        self.heap: Timers | None = heap  # None once it was taken out

    def cancel(self) -> None:
        """Make it not happen. Cancelling twice, or after it happened, does nothing."""
        if self.callback is not None:
            self.callback = None
            if self.heap is not None:
                self.heap.note_husk()

    def fire(self) -> None:
        """Make it happen, unless it was cancelled after it was taken out."""
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


class Timers:
    """The heap. Times are seconds on the caller's monotonic clock; this class never reads one."""

    def __init__(self) -> None:
        # The number in the middle keeps timers of one instant in the order they were armed (and never compared).
        self._heap: list[tuple[float, int, Timer]] = []
        self._armed = 0
        self._husks = 0

    def __len__(self) -> int:
        """How many timers will still happen."""
        return len(self._heap) - self._husks

    @property
    def entries(self) -> int:
        """How many heap entries there are, husks included: what the timers pin in memory."""
        return len(self._heap)

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Arrange for `callback` at `when`; return the timer, which can be cancelled."""
        timer = Timer(when, callback, self)
        self._armed += 1
        heappush(self._heap, (when, self._armed, timer))
        return timer

    def next_due(self) -> float | None:
        """When the earliest timer is due; None when there is none."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heappop(heap)
            self._husks -= 1
        return heap[0][0] if heap else None

    def is_overdue(self, then: float) -> bool:
        """Tell whether a timer was due before `then`; a husk counts, so that this is one comparison."""
        heap = self._heap
        return bool(heap) and heap[0][0] < then

    def take_due(self, now: float) -> list[Timer]:
        """Remove and return the timers due at `now`, earliest first, at most FIRE_LIMIT of them; the caller fires them.

        All are taken out before any is fired, so a callback that arms a timer for right now makes the loop go round
        once more and never spin inside one turn.
        """
        heap = self._heap
        due: list[Timer] = []
        while heap and heap[0][0] <= now and len(due) < FIRE_LIMIT:
            timer = heappop(heap)[2]
            timer.heap = None
            if timer.callback is None:
                self._husks -= 1
            else:
                due.append(timer)
        return due

    def note_husk(self) -> None:
        """Called by a timer that was cancelled; rebuilds the heap when more than half of it is husks."""
        self._husks += 1
        if self._husks > COMPACT_ABOVE and self._husks * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapify(self._heap)
            self._husks = 0
