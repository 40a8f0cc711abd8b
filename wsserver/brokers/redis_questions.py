"""Questions to all other nodes, and who still waits for their answers.

Redis says how many heard a question. So many answers are waited for, less our own, but never longer than a second.

Read next: `redis.py`, which carries them.
"""

from collections.abc import Callable
from typing import Any, Final

from wsserver.chat.broker import Answers, BrokerUnavailable, Incomplete
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

PATIENCE_S: Final = 1.0
"""A node that lives answers within some milliseconds; somebody waits for the sum."""

WAITING_LIMIT: Final = 10_000
"""Questions on their way: ten thousand a second, each to every node. More are refused."""


class _Waiting:
    __slots__ = ("answers", "done", "expected", "timer")

    def __init__(self, done: Answers, timer: Timer) -> None:
        self.done = done
        self.timer = timer
        self.answers: list[Any] = []
        self.expected: int | None = None  # None until Redis has said how many heard it


class Questions:
    """Those of this node."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._waiting: dict[int, _Waiting] = {}
        self._asked = 0

    def __len__(self) -> int:
        """How many are on their way."""
        return len(self._waiting)

    def ask(self, done: Answers) -> int | None:
        """Return a number for a new question; None when there are too many, which `done` has been told."""
        if len(self._waiting) >= WAITING_LIMIT:
            done(BrokerUnavailable("too many questions to the other nodes are on their way"))
            return None
        self._asked += 1
        number = self._asked
        timer = self._reactor.call_later(PATIENCE_S, self._finisher(number))
        self._waiting[number] = _Waiting(done, timer)
        return number

    def on_heard(self, number: int, count: int) -> None:
        """So many nodes, without us, heard the question."""
        waiting = self._waiting.get(number)
        if waiting is not None:
            waiting.expected = count
            self._look(number, waiting)

    def on_answer(self, number: int, value: Any) -> None:
        """One node has answered; late answers are for nobody."""
        waiting = self._waiting.get(number)
        if waiting is not None:
            waiting.answers.append(value)
            self._look(number, waiting)

    def fail(self, number: int, sentence: str) -> None:
        """Nobody has heard it."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            waiting.timer.cancel()
            waiting.done(BrokerUnavailable(sentence))

    def close(self) -> None:
        """Nobody is called back any more."""
        for waiting in self._waiting.values():
            waiting.timer.cancel()
        self._waiting.clear()

    def _look(self, number: int, waiting: _Waiting) -> None:
        if waiting.expected is not None and len(waiting.answers) >= waiting.expected:
            waiting.timer.cancel()
            self._finish(number)

    def _finisher(self, number: int) -> Callable[[], None]:
        return lambda: self._finish(number)

    def _finish(self, number: int) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return
        if waiting.expected is None and not waiting.answers:
            waiting.done(BrokerUnavailable("Redis has not said who was asked"))
        elif waiting.expected is None or len(waiting.answers) < waiting.expected:
            waiting.done(Incomplete(waiting.answers))
        else:
            waiting.done(waiting.answers)
