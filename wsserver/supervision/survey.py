"""The numbers of all workers and of the supervisor, when a worker is asked for them (`GET /metrics`).

    one worker -- SumUp(own) --> [ Survey ] -- Measure --> every other worker that serves
               <-- Sum ---------            <-- Measured --

They go over the links that there are anyway, so nothing that the workers stand on has to be well for it. Who does not
answer in time is left out, and counted as silent; he is asked no more until he has answered. One who is known to be
silent (`watch.py`) is not asked at all.

Counters never fall for that, nor when a worker dies: what is known of its counters stays in the sum. What a worker
counted between the last look at it and its death is lost.

Read next: `observe/families.py`, how numbers are added up; `supervisor.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wsserver.observe.families import Snapshot, counters, merge, of_workers
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer
from wsserver.supervision.child import WATCHED, Child, Stage
from wsserver.supervision.orders import Measure, Measured, Sum, SumUp

PATIENCE_S: Final = 1.0
"""A worker that lives answers within some milliseconds; one with 50,000 clients and much to do takes half a second."""


@dataclass(slots=True)
class _Round:
    """One question that is under way."""

    asker: Child
    asked_as: int
    """The asker's number for it."""
    timer: Timer
    awaited: set[int] = field(default_factory=set)
    """Indexes of those who have not answered."""
    answers: dict[int, Snapshot] = field(default_factory=dict)


class Survey:
    """All questions that are under way, and what is known of the counters of each worker."""

    def __init__(self, reactor: Reactor, children: Sequence[Child], own: Callable[[], Snapshot]) -> None:
        """`own` returns the numbers of this process."""
        self.restarts = 0
        """Times that a worker has ended and was started again."""
        self._reactor = reactor
        self._children = children
        self._own = own
        self._last = 0
        self._rounds: dict[int, _Round] = {}
        self._owing: set[int] = set()  # whose answer is overdue
        self._known: dict[int, Snapshot] = {}  # index -> the counters of its process, as heard last
        self._past: Snapshot = {}  # the counters of all processes that have ended

    def begin(self, asker: Child, said: SumUp) -> None:
        """Ask all others that can be asked; the asker hears the sum, at once if there are none."""
        self._last = number = self._last + 1
        timer = self._reactor.call_later(PATIENCE_S, lambda: self._give_up(number))
        self._rounds[number] = one = _Round(asker, said.number, timer)
        self._note(asker, said.own)
        one.answers[asker.index] = said.own
        for child in self._children:
            if child is not asker and child.stage is Stage.SERVING and child.index not in self._owing:
                one.awaited.add(child.index)
                child.say(Measure(number))
        self._look(number, one)

    def hear(self, child: Child, said: Measured) -> None:
        """A worker has answered; it may be late."""
        self._owing.discard(child.index)
        self._note(child, said.snapshot)
        one = self._rounds.get(said.number)
        if one is not None and child.index in one.awaited:
            one.awaited.remove(child.index)
            one.answers[child.index] = said.snapshot
            self._look(said.number, one)

    def lose(self, child: Child) -> None:
        """A worker's process has ended: nobody waits for it, and its counters stay."""
        index = child.index
        self._owing.discard(index)
        self._past = merge([self._past, self._known.pop(index, {})])
        for number, one in list(self._rounds.items()):
            one.awaited.discard(index)
            one.answers.pop(index, None)  # its counters would be in the sum twice
            if one.asker is child:
                one.timer.cancel()
                del self._rounds[number]
            else:
                self._look(number, one)

    def _note(self, child: Child, snapshot: Snapshot) -> None:
        self._known[child.index] = counters(snapshot)

    def _give_up(self, number: int) -> None:
        one = self._rounds[number]
        self._owing |= one.awaited
        one.awaited.clear()
        self._look(number, one)

    def _look(self, number: int, one: _Round) -> None:
        """Tell the sum if all have answered that will."""
        if one.awaited:
            return
        one.timer.cancel()
        del self._rounds[number]
        rest = [known for index, known in self._known.items() if index not in one.answers]
        own = {**self._own(), **self._of_workers(one)}
        one.asker.say(Sum(one.asked_as, merge([*one.answers.values(), *rest, self._past, own])))

    def _of_workers(self, one: _Round) -> Snapshot:
        """Return what those who have answered cannot say of the others."""
        serving = {child.index for child in self._children if child.stage in WATCHED}
        down = len(self._children) - len(serving)
        return of_workers(0, len(serving - one.answers.keys()), down, self.restarts)
