"""Questions that a worker puts to all others: handed on, gathered, and answered within a second, whoever is missing.

The hub reads neither questions nor answers.

Read next: `hub.py`.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Raw

from wsserver.brokers.hub_wire import Answers, Asking, framed
from wsserver.brokers.hub_worker import HubWorker
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

PATIENCE_S: Final = 1.0
"""So long a question waits for answers (`chat/broker.py`): a worker whose turns take longer is not there."""


class _Question:
    __slots__ = ("asker", "due", "number", "timer", "values")

    def __init__(self, asker: HubWorker, number: int, due: set[HubWorker], timer: Timer) -> None:
        self.asker = asker
        self.number = number  # what the asker calls it
        self.due = due  # who has not answered yet
        self.timer = timer
        self.values: list[Raw] = []


class HubQuestions:
    """All that are on their way."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._last = 0
        self._open: dict[int, _Question] = {}

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, asker: HubWorker, number: int, question: Raw, others: Iterable[HubWorker]) -> None:
        """Put a question to `others`."""
        due = set(others)
        if not due:
            asker.send(framed(Answers(number, [])))
            return
        self._last = mine = self._last + 1
        timer = self._reactor.call_later(PATIENCE_S, lambda: self._finish(mine))
        self._open[mine] = _Question(asker, number, due, timer)
        frame = framed(Asking(mine, question))
        for worker in due:
            worker.send(frame)

    def answer(self, worker: HubWorker, number: int, value: Raw) -> None:
        """Note an answer; one that comes too late is too late."""
        question = self._open.get(number)
        if question is not None and worker in question.due:
            question.values.append(value.copy())
            self._leave_out(worker, number, question)

    def drop(self, worker: HubWorker) -> None:
        """A worker is gone: nobody waits for it, and what it asked is not answered."""
        for number, question in list(self._open.items()):
            if question.asker is worker:
                question.timer.cancel()
                del self._open[number]
            elif worker in question.due:
                self._leave_out(worker, number, question)

    def _leave_out(self, worker: HubWorker, number: int, question: _Question) -> None:
        question.due.discard(worker)
        if not question.due:
            self._finish(number)

    def _finish(self, number: int) -> None:
        question = self._open.pop(number)
        question.timer.cancel()
        question.asker.send(framed(Answers(question.number, question.values)))
