"""A circuit breaker: what has failed several times in a row is left alone for a while, and then tried once.

    CLOSED ----- FAILURES in a row -----> OPEN <--------.
      ^                                    |            |
      |                          its pause is over      | it failed
      |                                    v            |
      '---------- it worked ---------- HALF_OPEN -------'   (one trial at a time)

Who has to wait for an answer that will not come holds up others, and a service that is coming back is not helped by
everybody asking at once (Nygard, "Release It!", chapter 5). A timeout is a failure; a refusal that is the asker's own
fault is an answer. Whoever asks takes a ticket first and brings it back with what became of it. A ticket is good for
the state that it was given in: what was asked before the breaker opened says nothing about what comes after.

The pauses are those of a `Backoff`. It is made short again by the first answer behind the trial, not by the trial: a
service that answers one question and fails at the next five is no better than before.

It reads no clock, asks nobody and keeps no timer: `now` (seconds, monotonic) is an argument. Read next:
`stores/guarded.py`, which uses it.
"""

from enum import IntEnum
from math import ceil
from typing import Final

from wsserver.resilience.backoff import Backoff

FAILURES: Final = 5
"""One failure is an accident, and a row of five is none; at 5 s each the first ones have waited 25 s."""

FIRST_PAUSE_S: Final = 1.0
MOST_PAUSE_S: Final = 30.0
"""A restarted database is there in seconds; one that is gone for an hour is asked 120 times, which is nothing to it."""

TRIAL_S: Final = 10.0
"""A trial of which nothing was heard for so long is given up, and another one admitted. (A link answers within 5 s.)"""


class State(IntEnum):
    """The numbers are those of `wsserver_breaker_state`, so the larger is the worse."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


Ticket = int
"""Says in which of a breaker's states something was asked."""


class Breaker:
    """One breaker for one thing that may fail."""

    __slots__ = ("_backoff", "_due", "_era", "_failures", "cause", "opened", "state")

    def __init__(self, backoff: Backoff) -> None:
        self.state = State.CLOSED
        self.cause = ""  # the last failure, in words
        self.opened = 0  # how often it has opened; statistics
        self._backoff = backoff
        self._failures = 0  # in a row
        self._due = 0.0  # OPEN: when a trial is admitted; HALF_OPEN: when another one is
        self._era = 0  # counts changes of state, and trials

    def admit(self, now: float) -> Ticket | None:
        """Return a ticket for asking now; None: do not ask. After the pause of an open one this begins the trial."""
        if self.state is State.CLOSED:
            return self._era
        if now < self._due:
            return None
        self.state = State.HALF_OPEN
        self._due = now + TRIAL_S
        self._era += 1
        return self._era

    def succeeded(self, ticket: Ticket) -> None:
        """An answer came, be it a refusal."""
        if ticket != self._era:
            return
        self._failures = 0
        if self.state is State.HALF_OPEN:
            self.state = State.CLOSED
            self._era += 1
        else:
            self._backoff.reset()

    def failed(self, ticket: Ticket, now: float, cause: str) -> None:
        """No answer came, or one that says that it cannot be done now. `cause` is part of a sentence."""
        if ticket != self._era:
            return
        self.cause = cause
        self._failures += 1
        if self.state is State.HALF_OPEN or self._failures >= FAILURES:
            self.state = State.OPEN
            self.opened += 1
            self._failures = 0
            self._era += 1
            self._due = now + self._backoff.next()

    def hasten(self, now: float) -> None:
        """There is a sign that it works again: an open breaker admits a trial from now on."""
        if self.state is State.OPEN:
            self._due = min(self._due, now)

    def wait_s(self, now: float) -> float:
        """Return in how many seconds `admit` may answer otherwise; 0 when it admits now."""
        return 0.0 if self.state is State.CLOSED else max(0.0, self._due - now)

    def describe(self, now: float) -> str:
        """Say why nothing is asked, and when it will be: part of a sentence, of no use while CLOSED."""
        if self.state is State.HALF_OPEN:
            return f"{self.cause}; it is being tried again"
        return f"{self.cause}; it is tried again in {ceil(self.wait_s(now)) or 1} s"
