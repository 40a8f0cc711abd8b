"""Decides whether what some workers have sent should wait for the others. Pure: it is told the time.

Each append is told to all workers, and each of them then makes a delivery of it: a `send` to every member. When two
workers are both busy, and each is answered for itself, their clients get twice as many sends with half as much in each.
So workers who were there together the last time are waited for, for a moment: they are about to come.

    few are here ------------------------> at once: a send brings one message anyway, and nobody should wait for it
    many, the first for a while ---------> at once
    all who were there last time are ----> at once
    one of them has brought much less ---> is not waited for
    one of them does not come -----------> at the end of the moment, without it, and the next time it is not missed

Read next: `hub_log.py`, which asks.
"""

from collections.abc import Hashable
from typing import Final

MANY: Final = 64
"""Messages from which on it is the cost that counts: a worker that takes in so many has a turn of milliseconds."""

WAIT_S: Final = 0.02
"""So long they wait: a busy worker's turn. Together they are through sooner than each for itself."""

RECENT_S: Final = 0.1
"""The last time is no sign any more when it is longer ago."""

SHARE: Final = 4
"""Who brought less than so small a part of what is here is no company worth waiting for."""


class HubCompany:
    """What was there the last time, and what is there now, by worker. Times are seconds on a clock that never jumps."""

    __slots__ = ("_before", "_here", "_patient", "_since", "_went_at")

    def __init__(self, patient: bool) -> None:
        """`patient`: somebody may be made to wait."""
        # configuration
        self._patient = patient
        # state
        self._here: dict[Hashable, int] = {}  # messages of each worker since the last append
        self._before: dict[Hashable, int] = {}  # the same of the append before
        self._since = 0.0  # when the first of them came
        self._went_at = -1e9  # when the last append was

    def came(self, worker: Hashable, count: int, now: float) -> None:
        """A worker has sent `count` messages."""
        if not self._here:
            self._since = now
        self._here[worker] = self._here.get(worker, 0) + count

    def gone(self, worker: Hashable) -> None:
        """A worker has ended: nobody waits for it."""
        self._before.pop(worker, None)

    def wait(self, now: float) -> float:
        """Return for how long what is here should wait; 0.0: not at all."""
        here = self._here
        count = sum(here.values())
        if not self._patient or count < MANY or self._since - self._went_at > RECENT_S:
            return 0.0
        if not any(worker not in here and brought * SHARE >= count for worker, brought in self._before.items()):
            return 0.0
        return max(0.0, self._since + WAIT_S - now)

    def went(self, now: float) -> None:
        """Take note that all that is here goes now."""
        if self._here:
            self._before, self._here = self._here, {}
            self._went_at = now
