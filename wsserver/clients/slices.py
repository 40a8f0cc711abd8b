"""Work that would hold everybody up is done in slices, and those who have such work take turns.

A turn of the reactor gives SLICE_S to what is cut so, before it asks the kernel what is new: whoever sends something
meanwhile is heard right after. Whose slice is used up goes behind the others: served in the order in which they came,
the last would wait until all before it are done.

    work: [ A | B | C ]    a turn: A A A A (2 ms)  poll, events, flush
          [ B | C | A ]            B B (done) C C  poll, events, flush
          [ A | C ]   ...

What is cut has to keep its own order; here nothing is known of that.

Read next: `chat/rounds.py`, the largest such work.
"""

from collections import deque
from typing import Final

from wsserver.clients.router import Step
from wsserver.reactor.loop import Reactor

SLICE_S: Final = 0.002
"""So long may others wait for it: what a delivery to 700 members takes. A shorter one spends more on turning than it
gives; a turn costs 20 us or so."""


class Slices:
    """One for each server."""

    __slots__ = ("_armed", "_reactor", "_work")

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._work: deque[Step] = deque()
        self._armed = False  # the next turn gives a slice

    def __len__(self) -> int:
        """How many have work left."""
        return len(self._work)

    def add(self, step: Step) -> None:
        """Call `step`, from the next turn on, until it returns False or raises; see `router.Surroundings`."""
        self._work.append(step)
        self._arm()

    def _arm(self) -> None:
        if not self._armed:
            self._reactor.call_later(0.0, self._serve)  # a timer: those come before the poll
            self._armed = True

    def _serve(self) -> None:
        """Give out one slice; what is over of it goes to the next in the row."""
        self._armed = False
        monotonic = self._reactor.world.monotonic
        end = monotonic() + SLICE_S
        while self._work:
            step = self._work.popleft()
            try:
                more = step()
                while more and monotonic() < end:
                    more = step()
            except Exception as error:  # the others go on
                self._reactor.report(error)
                more = False
            if more:
                self._work.append(step)
            if monotonic() >= end:
                break
        if self._work:
            self._arm()
