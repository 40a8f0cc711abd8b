"""Notices that the log is in trouble while a batch is out, and has refused what would only gather behind it.

What has become of that batch nobody may know before the log is back; a database has 30 s for it (`stores/postgres.py`).
Those who speak meanwhile have not to wait for that: nothing of theirs has left, so "not stored, try again" is true.

    batch out ... LOOK_S ... is the log in trouble?   no: look again
                                                     yes: what gathers is refused, and what comes, until it has answered

Read next: `batch.py`; `lane.py`, which refuses what comes.
"""

from collections.abc import Callable
from typing import Final

from wsserver.chat.lane import Lane
from wsserver.chat.log import StoreUnavailable
from wsserver.clients.router import Surroundings, Timer

LOOK_S: Final = 1.0
"""Between two looks while batches are out. A log is in trouble after 5 s without an answer: a second more is little."""


class Overdue:
    """Looks after one lane."""

    __slots__ = ("_lane", "_refuse", "_surroundings", "_timer", "_trouble")

    def __init__(
        self,
        surroundings: Surroundings,
        lane: Lane,
        trouble: Callable[[], str | None],
        refuse: Callable[[Lane, StoreUnavailable], None],
    ) -> None:
        """`trouble()` says why nothing can be stored just now; `refuse(lane, why)` refuses what gathers."""
        self._surroundings = surroundings
        self._lane = lane
        self._trouble = trouble
        self._refuse = refuse
        self._timer: Timer | None = None

    def begin(self) -> None:
        """A batch is out."""
        if self._timer is None:
            self._timer = self._surroundings.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._timer = None
        lane = self._lane
        if lane.out is None:
            return
        trouble = self._trouble()
        lane.refusal = None if trouble is None else StoreUnavailable(trouble)
        self.begin()
        if lane.refusal is not None:
            self._refuse(lane, lane.refusal)
