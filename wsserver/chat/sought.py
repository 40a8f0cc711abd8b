"""Messages of one channel that clients have seen on another node and this node has not delivered yet.

A client that changes nodes may be further than the node that it comes to: the broker is slow, or the way to it is cut.
It waits until this node is as far, or until the log has said that there is no such message.

    ask ---> wait ---> reach: delivered here ---> go on
                  \\-> begin, answer: the log has been asked, and it is not there, or cannot be had ---> go on

Pure. Read next: `keeper.py`, which asks the log; `history.py`, where a client says what it has seen.
"""

from collections.abc import Callable
from typing import Final

from wsserver.chat.log import NotYet, StoreUnavailable

ANSWER_S: Final = 1.0
"""So long an answer of the log is good for those who have waited for it: many of them go on turn by turn."""


class Sought:
    """What is waited for, by seq."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[Callable[[], None]]] = {}
        self._asked: set[int] = set()  # of these the log is being asked
        self._answers: dict[int, tuple[float, str | None]] = {}  # until when, and why there is none

    def __len__(self) -> int:
        """How many seqs are waited for."""
        return len(self._waiting)

    def ask(self, seq: int, now: float) -> NotYet | None:
        """Return None if the log has just said that there is no such message; else what it is to be waited for by.

        Raises StoreUnavailable if the log could not be asked.
        """
        until, failure = self._answers.get(seq, (now, None))
        if until <= now:
            return NotYet(self._waiting.setdefault(seq, []).append)
        if failure is not None:
            raise StoreUnavailable(failure)
        return None

    def begin(self) -> None:
        """The log is asked now: what is waited for later is not answered by that."""
        self._asked = set(self._waiting)

    def answer(self, newest: int, now: float) -> None:
        """When it was asked, the log had messages up to `newest`; those will be delivered, others are not there."""
        self._decide({seq for seq in self._asked if seq > newest}, None, now)

    def fail(self, failure: str, now: float) -> None:
        """The log cannot tell."""
        self._decide(set(self._waiting), failure, now)

    def reach(self, seq: int) -> None:
        """Everything up to `seq` is delivered."""
        if self._waiting:
            self._wake([wanted for wanted in self._waiting if wanted <= seq])

    def is_beyond(self, seq: int) -> bool:
        """Tell whether anything behind `seq` is waited for."""
        return any(wanted > seq for wanted in self._waiting)

    def drop(self) -> None:
        """It is another log, or nobody's any more: all ask again."""
        self._wake(list(self._waiting))

    def _decide(self, seqs: set[int], failure: str | None, now: float) -> None:
        self._answers = {seq: answer for seq, answer in self._answers.items() if answer[0] > now}
        here = seqs & self._waiting.keys()
        self._answers.update(dict.fromkeys(here, (now + ANSWER_S, failure)))
        self._asked.clear()
        self._wake(sorted(here))

    def _wake(self, seqs: list[int]) -> None:
        waiting = [waiter for seq in seqs for waiter in self._waiting.pop(seq)]
        for waiter in waiting:
            waiter()
