"""Decides whether the messages of a turn should wait a moment for company. Pure: it is told the time.

A message that is alone in its turn pays for a whole one: a transaction, a walk through cold caches, a wake-up of
whoever hears it. Two thousand a second in small rooms cost a seventh less when they go in sixes, in a file a quarter
less, and nobody notices three milliseconds. So while messages come thick enough that others are to be expected, a batch
goes only every `wait_s`.

    the last batch went long ago ----------> at once: whoever speaks into silence is heard without delay
    the last one went a moment ago -- wait -> together with those who have come
    nobody came, the last times -----------> at once, for a while: who waits for each answer has no company
    many are here already, or very many come > at once

Read next: `batch.py`, which asks.
"""

from typing import Final

ENOUGH: Final = 16
"""So many messages are company already: what a turn costs is spread over them."""

MANY: Final = 64
"""So many wait for nobody else, though some of them were told to: who is so busy has a turn of milliseconds anyway."""

SKIP_MOST: Final = 256
"""After waiting in vain so many batches go without, from one on, doubled each time: a lone publisher loses 1 %."""


class Company:
    """One lane's habit of waiting. Times are seconds on a clock that never jumps."""

    __slots__ = ("_before", "_next", "_skip", "_skip_next", "_wait_s")

    def __init__(self, wait_s: float) -> None:
        """`wait_s` is the least time from one batch to the next; 0: none."""
        # configuration
        self._wait_s = wait_s
        # state
        self._next = 0.0  # when the next batch may go
        self._before = 0  # how many messages there were when waiting began; 0: nobody waits
        self._skip = 0  # so many batches go without waiting
        self._skip_next = 1

    def wait(self, count: int, now: float) -> float:
        """Return for how long `count` messages should wait; 0.0: not at all."""
        left_s = self._next - now
        if left_s <= 0 or count >= ENOUGH:
            return 0.0
        if self._skip:
            self._skip -= 1
            return 0.0
        self._before = count
        return left_s

    def went(self, count: int, now: float) -> None:
        """Take note that a batch of `count` messages goes now."""
        self._next = now + self._wait_s
        if not self._before:
            return
        if count > self._before:
            self._skip_next = 1
        else:
            self._skip = self._skip_next
            self._skip_next = min(2 * self._skip_next, SKIP_MOST)
        self._before = 0
