"""A breaker at work: whoever asks something passes it, and when nobody asks, the guard tries by itself.

    asker ---> admit() ---> ticket ---> the thing that may fail ---> note(ticket, failure or None)
               None: refuse at once, with `trouble` for a reason

A server that is taken out of a balancer's list because its store is down gets no requests any more; so it must not take
a request to find out that the store is back. When the pause of an open breaker is over, the guard puts a question of
its own, whose answer nobody needs. If a real question comes first, that one is the trial.

Clock and timers are handed in. Read next: `breaker.py`; `stores/guarded.py` and `brokers/guarded.py`, which use it.
"""

from collections.abc import Callable
from typing import Protocol

from wsserver.resilience.breaker import Breaker, State, Ticket

Probed = Callable[[str | None], None]
"""Told what became of a probe: why it failed, or None."""

Report = Callable[[State, State, str], None]
"""Told of each change: the state before, the state now, and why (part of a sentence)."""


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Make it not happen."""


class Clock(Protocol):
    """Where a guard has its time from."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """Call `callback` once, `delay_s` seconds from now."""


class Guard:
    """One breaker, its timer, and whoever wants to know."""

    def __init__(self, breaker: Breaker, clock: Clock, probe: Callable[[Probed], None], report: Report) -> None:
        """`probe(done)` asks the guarded thing something harmless and calls `done` once, later or at once."""
        self.breaker = breaker
        self._clock = clock
        self._probe = probe
        self._report = report
        self._timer: Cancellable | None = None

    @property
    def trouble(self) -> str | None:
        """Why nothing is asked just now, and when it will be; None when all is well."""
        breaker = self.breaker
        return None if breaker.state is State.CLOSED else breaker.describe(self._clock.monotonic())

    def admit(self) -> Ticket | None:
        """Return a ticket for asking now; None: do not ask, `trouble` says why."""
        before = self.breaker.state
        ticket = self.breaker.admit(self._clock.monotonic())
        self._settle(before)
        return ticket

    def note(self, ticket: Ticket, failure: str | None) -> None:
        """Take note of what became of a question: why there is no answer (part of a sentence), or None."""
        before = self.breaker.state
        if failure is None:
            self.breaker.succeeded(ticket)
        else:
            self.breaker.failed(ticket, self._clock.monotonic(), failure)
        self._settle(before)

    def hasten(self) -> None:
        """There is a sign that it works again, such as a new connection: try now and not when the pause is over."""
        if self.breaker.state is State.OPEN:
            self.breaker.hasten(self._clock.monotonic())
            self.close()
            self._try()

    def close(self) -> None:
        """Try nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _settle(self, before: State) -> None:
        """Set the timer by the state, and tell of a change."""
        now = self.breaker.state
        if now is before:
            return
        self.close()
        if now is not State.CLOSED:
            self._arm()
        self._report(before, now, self.breaker.cause)

    def _arm(self) -> None:
        self._timer = self._clock.call_later(self.breaker.wait_s(self._clock.monotonic()), self._try)

    def _try(self) -> None:
        self._timer = None
        ticket = self.admit()
        if self._timer is None:  # no change of state: too early, or one more trial after one that was lost
            self._arm()
        if ticket is not None:
            self._probe(lambda failure: self.note(ticket, failure))
