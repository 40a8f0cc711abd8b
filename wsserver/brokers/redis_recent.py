"""A copy in Redis of the newest messages of channels that are in a database, for nodes that open such a channel.

It is a copy and may be anything: behind, with holes, gone. Whoever reads it has to ask the database what is true of it
(`stores/cached.py`). A message never changes within its epoch, so nodes may write in any order, and twice.

    remember ---> [gathered for a turn] ---> REMEMBER, in one send with what is announced
    recall   ---> the newest messages that follow each other without a gap, or nothing

Read next: `redis_scripts.py` for REMEMBER; `redis.py`, whose link this uses.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Final

import msgspec

from wsserver.brokers import redis_scripts as scripts
from wsserver.brokers.redis import RedisBroker
from wsserver.chat.vocabulary import MessageEvent
from wsserver.reactor.loop import Reactor

ROWS: Final = 100
"""Messages of a channel: twice the page that a join asks for by default."""

ROWS_BYTES: Final = 128 * 1024
"""What they may take, beside 100 bytes each that Redis needs; as much as a node keeps of a channel (`replica.py`)."""

LIFE_S: Final = 600
"""A channel in which nothing is new for so long is left to the database: memory of Redis is for who is where."""

ANSWER_S: Final = 0.1
"""Redis answers within a millisecond. One that is slower saves nobody anything."""

REST_S: Final = 1.0
"""So long it is not asked again after it was too slow."""

Recalled = Callable[[list[MessageEvent]], None]

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[int, str, str, int]).decode


class RedisRecent:
    """One node's way to it. Nothing here raises, and whatever fails is a copy that is not there."""

    def __init__(self, reactor: Reactor, broker: RedisBroker) -> None:
        # configuration
        self._reactor = reactor
        self._broker = broker
        # state
        self._fresh: dict[tuple[str, str], list[MessageEvent]] = {}  # of this turn, by channel and epoch
        self._rests_until = 0.0

    def remember(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Copy `messages`, which are in the database, at the end of this turn."""
        if not self._broker.up or not messages:
            return
        if not self._fresh:
            self._reactor.at_end_of_turn(self._flush)
        self._fresh.setdefault((channel, epoch), []).extend(messages)

    def recall(self, channel: str, epoch: str, limit: int, done: Recalled) -> None:
        """Call `done`, perhaps at once, with at most `limit` of the newest messages known in `epoch`, oldest first.

        They follow each other without a gap. There are none when Redis has none, or does not answer in time.
        """
        if not self._broker.up or self._reactor.now < self._rests_until:
            done([])
            return
        question = _Question(done)
        timer = self._reactor.call_later(ANSWER_S, partial(self._on_slow, question))

        def on_reply(reply: Any) -> None:
            timer.cancel()
            question.answer(self._opened(channel, epoch, reply))

        key = self._broker.names.recent(channel, epoch)[0]
        self._broker.commands.call(("ZRANGE", key, -min(limit, ROWS), -1), on_reply)

    def forget(self, channel: str, epoch: str) -> None:
        """Remove the copy: it is not what the database has."""
        self._broker.commands.call(("DEL", *self._broker.names.recent(channel, epoch)))

    def _flush(self) -> None:
        fresh, self._fresh = self._fresh, {}
        if not self._broker.up:
            return
        for (channel, epoch), messages in fresh.items():
            rows = _rows(messages)
            if rows:
                keys = self._broker.names.recent(channel, epoch)
                arguments = [LIFE_S, ROWS, ROWS_BYTES, *rows]
                scripts.run(self._broker.commands, scripts.REMEMBER, keys, arguments, _ignore)

    def _on_slow(self, question: "_Question") -> None:
        self._rests_until = self._reactor.now + REST_S
        question.answer([])

    def _opened(self, channel: str, epoch: str, reply: Any) -> list[MessageEvent]:
        if not isinstance(reply, list):
            return []
        try:
            messages = [MessageEvent(channel, *_decode(row)) for row in reply]
        except (msgspec.DecodeError, TypeError):
            self.forget(channel, epoch)
            return []
        if any(one.seq == other.seq for one, other in pairwise(messages)):
            self.forget(channel, epoch)  # two messages of one number: one of them is wrong, for ever
            return []
        return _unbroken(messages)


class _Question:
    """Answered once."""

    __slots__ = ("_done",)

    def __init__(self, done: Recalled) -> None:
        self._done: Recalled | None = done

    def answer(self, messages: list[MessageEvent]) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(messages)


def _rows(messages: list[MessageEvent]) -> list[Any]:
    """Return numbers and rows in turn, of as many of the newest as are kept; none if one cannot be encoded."""
    rows: list[Any] = []
    size = 0
    for message in messages[: -ROWS - 1 : -1]:
        try:
            row = _encode((message.seq, message.user, message.text, message.ts))
        except (ValueError, OverflowError):
            return []
        size += len(row)
        if size > ROWS_BYTES:
            break
        rows += (message.seq, row)
    return rows


def _unbroken(messages: list[MessageEvent]) -> list[MessageEvent]:
    """Return the newest of `messages` up to the first gap."""
    start = len(messages) - 1
    while start > 0 and messages[start - 1].seq == messages[start].seq - 1:
        start -= 1
    return messages[start:] if messages else messages


def _ignore(_reply: Any) -> None:
    """What could not be copied is read from the database."""
