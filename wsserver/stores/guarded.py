"""A log elsewhere, behind a breaker: while it does not answer, nobody waits for it.

    chat ---> GuardedLog ---> RemoteLog ---> database
                  | open: StoreUnavailable at once (in the next turn), with the reason and the time of the next try

What counts as a failure is StoreUnavailable, a timeout among it. Any other exception is a mistake of ours that the log
found: it was there to find it.

Read next: `resilience/guard.py`; `chat/remote_log.py` for the face on both sides.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from wsserver.chat.log import Done, NotYet, Publication, StoreUnavailable
from wsserver.chat.remote_log import Glanced, Read, RemoteLog
from wsserver.reactor.histogram import LATENCY_BOUNDS_S, Histogram
from wsserver.resilience.breaker import Breaker, Ticket
from wsserver.resilience.guard import Clock, Guard, Probed, Report

_NO_CHANNEL: Final = "*"
"""No channel can be called so (`chat/names.py`), so reading it disturbs nothing."""

_CLOSING: Final = "the server is stopping"


class GuardedLog:
    """A `RemoteLog` around a `RemoteLog`."""

    def __init__(self, log: RemoteLog, breaker: Breaker, clock: Clock, report: Report) -> None:
        """`report` is told of each change of the breaker."""
        self.guard = Guard(breaker, clock, self._probe, report)
        self.commits = Histogram(LATENCY_BOUNDS_S)
        """How long batches took that were stored, in seconds."""
        self.refused = 0
        """Questions that were refused without asking."""
        self._log = log
        self._clock = clock
        self._closed = False

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now; None when all is well."""
        return self.guard.trouble or self._log.trouble

    @property
    def announces(self) -> bool:
        """Whether the log itself tells the other nodes (`RemoteLog.announces`)."""
        return self._log.announces

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        """Store all of `batch` or nothing (`RemoteLog.append`)."""
        begun = self._clock.monotonic()

        def arrive(outcome: Any) -> None:
            if isinstance(outcome, list):
                self.commits.observe(self._clock.monotonic() - begun)
            done(outcome)

        self._ask(partial(self._log.append, batch), arrive)

    def glance(self, channel: str, limit: int, done: Glanced) -> None:
        """Read a channel's head and newest messages (`RemoteLog.glance`)."""
        self._ask(partial(self._log.glance, channel, limit), done)

    def read(self, channel: str, first: int, last: int, done: Read) -> None:
        """Read kept messages (`RemoteLog.read`)."""
        self._ask(partial(self._log.read, channel, first, last), done)

    def close(self) -> None:
        """Let go of everything; callbacks that are still due are not called."""
        self._closed = True
        self.guard.close()
        self._log.close()

    def _ask(self, question: Callable[[Callable[[Any], None]], None], done: Callable[[Any], None]) -> None:
        """Put `question`, if the breaker lets it pass, and note what comes of it."""
        ticket = self.guard.admit()
        if ticket is not None:
            question(partial(self._on_answer, ticket, done))
            return
        self.refused += 1
        refusal = StoreUnavailable(self.guard.trouble or _CLOSING)
        self._clock.call_later(0, partial(self._refuse, done, refusal))  # "later": who asks is not ready to hear now

    def _refuse(self, done: Callable[[Any], None], refusal: StoreUnavailable) -> None:
        if not self._closed:
            done(refusal)

    def _on_answer(self, ticket: Ticket, done: Callable[[Any], None], answer: Any) -> None:
        self.guard.note(ticket, _failure(answer))
        done(answer)

    def _probe(self, done: Probed) -> None:
        self._log.read(_NO_CHANNEL, 1, 1, lambda answer: done(_failure(answer)))


def _failure(answer: Any) -> str | None:
    """Return why there is no answer in an answer; None when it is one."""
    failed = isinstance(answer, StoreUnavailable) and not isinstance(answer, NotYet)
    return str(answer) if failed else None
