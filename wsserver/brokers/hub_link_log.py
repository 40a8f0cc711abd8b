"""A worker's end of the log that the hub keeps for all workers: what is asked, what waits for an answer.

Texts go to the hub and do not come back: an outcome is numbers. A batch waits for as long as the disk takes; a question
is given up after ANSWER_LIMIT_S, for the supervisor may be stopped.

Read next: `hub_link.py`, whose socket it uses; `hub_log.py`, the other end.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from wsserver.brokers.hub_wire import Append, Found, Glance, Glanced, Outcome, Read, Refused, framed
from wsserver.chat import remote_log
from wsserver.chat.log import Done, Head, Publication, Stored, StoreUnavailable
from wsserver.chat.vocabulary import MessageEvent
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

ANSWER_LIMIT_S: Final = 5.0
"""So long a question about the log may take (`chat/remote_log.py`)."""

NO_ANSWER: Final = "the supervisor does not answer"
TOO_LARGE: Final = "too much was said at once"

OnAnswer = Callable[[Any], None]


class HubLinkLog:
    """A `RemoteLog`. `passing` is the same for channels that need no disk: a full disk is no trouble of theirs."""

    announces: Final = True

    def __init__(self, reactor: Reactor, write: Callable[[bytes], None]) -> None:
        """`write(frame)` sends a frame to the hub at the end of the turn."""
        # configuration
        self.passing = PassingLog(self)
        self._reactor = reactor
        self._write = write
        # state
        self.silent = False  # a question has been waiting for too long
        self._over = False
        self._store_trouble: str | None = None
        self._last = 0  # the number of the newest question
        self._batches: dict[int, tuple[Sequence[Publication], Done]] = {}
        self._questions: dict[int, tuple[float, OnAnswer]] = {}  # with the time each is asked until
        self._timer: Timer | None = None

    @property
    def link_trouble(self) -> str | None:
        """Why nobody can be reached just now."""
        return NO_ANSWER if self.silent or self._over else None

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now."""
        return self._store_trouble or self.link_trouble

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        """Store `batch` (`RemoteLog.append`). Several may be on their way, each answered for in its turn.

        An answer takes as long as the disk takes; where the hub dies there is none, and we end too.
        """
        number = self._next()
        try:
            frame = framed(Append(number, batch if isinstance(batch, list) else list(batch)))
        except OverflowError:
            self._reactor.call_soon(partial(done, StoreUnavailable(TOO_LARGE)))
            return
        self._batches[number] = batch, done
        self._write(frame)

    def glance(self, channel: str, limit: int, done: remote_log.Glanced) -> None:
        """Read a channel's head and newest messages (`RemoteLog.glance`)."""

        def answered(item: Glanced | Exception) -> None:
            if isinstance(item, Glanced):
                done(remote_log.Glance(Head(item.epoch, item.seq, item.oldest), item.messages))
            else:
                done(item)

        number = self._await(answered)
        self._write(framed(Glance(number, channel, limit)))

    def read(self, channel: str, first: int, last: int, done: remote_log.Read) -> None:
        """Read some messages (`RemoteLog.read`)."""
        number = self._await(lambda item: done(item.messages if isinstance(item, Found) else item))
        self._write(framed(Read(number, channel, first, last)))

    def close(self) -> None:
        """Call back nobody any more (`RemoteLog.close`). The link is closed by whoever has it."""
        self._over = True
        self._batches.clear()
        self._questions.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- what the hub answers ---------------------------------------------------------------------------------------

    def on_trouble(self, sentence: str | None) -> None:
        """The store is in trouble, or well again."""
        self._store_trouble = sentence

    def on_outcome(self, item: Outcome) -> None:
        """A batch is stored."""
        self.silent = False
        waiting = self._batches.pop(item.number, None)
        if waiting is None:
            return  # we have closed meanwhile
        batch, done = waiting
        stored = [
            Stored(MessageEvent(said.channel, seq, said.user, said.text, said.ts), False)
            for said, seq in zip(batch, item.seqs, strict=True)
        ]
        for place, ts in item.repeats:
            message = stored[place].message
            stored[place] = Stored(MessageEvent(message.channel, message.seq, message.user, "", ts), True)
        done(stored)

    def on_refused(self, item: Refused) -> None:
        """A batch, or a question, is refused."""
        waiting = self._batches.pop(item.number, None)
        if waiting is not None:
            waiting[1](StoreUnavailable(item.sentence))
        else:
            self.finish(item.number, StoreUnavailable(item.sentence))

    # -- what is waited for -----------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _await(self, answered: OnAnswer) -> int:
        """Have `answered` called with the hub's answer, or with why there is none; return the number to use."""
        number = self._next()
        self._questions[number] = self._reactor.now + ANSWER_LIMIT_S, answered
        if self._timer is None:
            self._timer = self._reactor.call_later(ANSWER_LIMIT_S, self._on_timer)
        return number

    def finish(self, number: int, answer: Glanced | Found | StoreUnavailable) -> None:
        """Pass on an answer. One that comes too late was given already."""
        self.silent = False
        waiting = self._questions.pop(number, None)
        if waiting is not None:
            waiting[1](answer)

    def _on_timer(self) -> None:
        """Give up what has waited for too long, in the order in which it was asked."""
        self._timer = None
        now = self._reactor.now
        late = [number for number, (until, _) in self._questions.items() if until <= now]
        for number in late:
            self.silent = True
            try:
                self._questions.pop(number)[1](StoreUnavailable(NO_ANSWER))
            except Exception as error:
                self._reactor.report(error)
        oldest = next(iter(self._questions.values()), None)
        if oldest is not None and self._timer is None:
            self._timer = self._reactor.call_later(max(0.0, oldest[0] - now), self._on_timer)


class PassingLog:
    """The log of channels that are kept in the hub's memory only."""

    announces: Final = True

    def __init__(self, log: HubLinkLog) -> None:
        self._log = log
        self.append = log.append
        self.glance = log.glance
        self.read = log.read

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now."""
        return self._log.link_trouble

    def close(self) -> None:
        """It has nothing of its own."""
