"""A log in a database, and a copy of its newest messages that is quicker to read. The database says what is true.

    glance ---> copy: the newest it knows, without a gap ---> database: where does the channel stand, and what is there
                  | too few, none, too slow                   from the newest of these on?
                  v                                             | another epoch, another message of that number
                the database alone  <---------------------------+
                                                                \\-> the copy, and what came after it

So a copy that is behind, or was lost, costs a question and never tells anybody a part for the whole: head, epoch and
the oldest kept message are always the database's own, of one moment.

Read next: `chat/remote_log.py` for the face; `brokers/redis_recent.py`, which keeps the copy.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from wsserver.chat.log import Done, Outcome, Publication
from wsserver.chat.remote_log import Glance, Glanced, RemoteLog
from wsserver.chat.vocabulary import MessageEvent

ENOUGH: Final = 50
"""Messages: the page that a join asks for by default. What is before them is read when somebody wants it."""

ENOUGH_CHARS: Final = 16 * 1024
"""Or so many characters: long messages are few, here as in what a node keeps of a channel."""


class Recent(Protocol):
    """Where the copy is. Nothing here raises, and `recall` answers within a tenth of a second, perhaps at once."""

    def remember(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Copy `messages`, soon."""

    def recall(self, channel: str, epoch: str, limit: int, done: Callable[[list[MessageEvent]], None]) -> None:
        """Tell at most `limit` of the newest that are known, oldest first, without a gap between them."""

    def forget(self, channel: str, epoch: str) -> None:
        """It is not what the database has."""


class Source(RemoteLog, Protocol):
    """What a log has to know besides."""

    @property
    def epoch(self) -> str:
        """Of what was answered last: while `done` of a batch is called, the one that it is stored in; "": unknown."""

    def glance_since(self, channel: str, limit: int, since: int, done: Glanced) -> None:
        """Do what `glance` does, but leave out messages before number `since`."""


class CachedLog:
    """A `RemoteLog` around one."""

    def __init__(self, log: Source, recent: Recent) -> None:
        self.counts: dict[str, int] = {"hit": 0, "miss": 0}
        """How often the copy had what was asked for, by `observe/families.CACHE_RESULTS`."""
        self._log = log
        self._recent = recent
        self._closed = False
        self.read = log.read

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now."""
        return self._log.trouble

    @property
    def announces(self) -> bool:
        """Whether the log itself tells the other nodes (`RemoteLog.announces`)."""
        return self._log.announces

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        """Store all of `batch` or nothing, and copy what is stored."""
        self._log.append(batch, partial(self._stored, done))

    def glance(self, channel: str, limit: int, done: Glanced) -> None:
        """Read a channel's head and at most `limit` of its newest messages, fewer perhaps though there are more."""
        epoch = self._log.epoch
        if epoch and limit > 0:
            self._recent.recall(channel, epoch, limit, partial(self._recalled, channel, epoch, limit, done))
        else:
            self._ask(channel, limit, done)

    def close(self) -> None:
        """Let go of everything; callbacks that are still due are not called."""
        self._closed = True
        self._log.close()

    def _stored(self, done: Done, outcome: Outcome) -> None:
        epoch = self._log.epoch
        if epoch and isinstance(outcome, list):
            fresh: dict[str, list[MessageEvent]] = {}
            for one in outcome:
                if not one.duplicate:
                    fresh.setdefault(one.message.channel, []).append(one.message)
            for channel, messages in fresh.items():
                self._recent.remember(channel, epoch, messages)
        done(outcome)

    def _recalled(self, channel: str, epoch: str, limit: int, done: Glanced, known: list[MessageEvent]) -> None:
        if self._closed:
            return
        if not _is_enough(known, limit):
            self._ask(channel, limit, done)
            return
        judge = partial(self._judge, channel, epoch, limit, done, known)
        self._log.glance_since(channel, limit, known[-1].seq, judge)

    def _judge(
        self, channel: str, epoch: str, limit: int, done: Glanced, known: list[MessageEvent], answer: Glance | Exception
    ) -> None:
        """The database has told its head, and its messages from the newest that is `known` on."""
        if isinstance(answer, Exception):
            done(answer)
        elif answer.head.epoch != epoch:
            self._ask(channel, limit, done)
        elif (messages := _join(known, answer)) is None:
            self._recent.forget(channel, epoch)
            self._ask(channel, limit, done)
        else:
            self.counts["hit"] += 1
            done(Glance(answer.head, messages[-limit:]))

    def _ask(self, channel: str, limit: int, done: Glanced) -> None:
        """Ask the database for everything, and copy what it says: others may want it too."""
        self.counts["miss"] += 1
        self._log.glance(channel, limit, partial(self._read_through, channel, done))

    def _read_through(self, channel: str, done: Glanced, answer: Glance | Exception) -> None:
        if isinstance(answer, Glance) and answer.messages and _is_enough(answer.messages, ENOUGH):
            self._recent.remember(channel, answer.head.epoch, answer.messages)
        done(answer)


def _is_enough(messages: list[MessageEvent], limit: int) -> bool:
    """Tell whether a glance needs no more than these."""
    if not messages or len(messages) >= min(limit, ENOUGH) or messages[0].seq == 1:
        return bool(messages)
    return sum([len(message.text) for message in messages]) >= ENOUGH_CHARS


def _join(known: list[MessageEvent], answer: Glance) -> list[MessageEvent] | None:
    """Return the kept messages up to the head, as far back as is known; None: what is `known` is not so."""
    head, told = answer.head, answer.messages
    last = known[-1].seq
    if not told:  # all is too old by now, or it has not even what is known
        return [] if head.oldest > head.seq else None
    if told[0].seq > last:  # there is so much news that it is enough, or what is known is kept no more
        return told
    if told[0] != known[-1]:
        return None
    return [message for message in known[:-1] if message.seq >= head.oldest] + told
