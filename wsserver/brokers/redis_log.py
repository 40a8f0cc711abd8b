"""The log in Redis, for channels that are kept nowhere else: numbered, kept for a while, and published in one step.

Redis is memory: a Redis that comes back empty begins anew, and every channel has another epoch then, so nobody is told
that he missed nothing. Channels that are quiet for days are forgotten.

A batch whose answer was lost is not given up: when the link is back it is sent again under the same name.

Read next: `redis_batch.py`; `chat/remote_log.py` for what each method promises.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from wsserver.brokers import redis_scripts as scripts
from wsserver.brokers.envelope import decode_row
from wsserver.brokers.redis import RedisBroker
from wsserver.brokers.redis_batch import Batch, Parcel, pack
from wsserver.brokers.redis_commands import LinkDown
from wsserver.brokers.redis_errors import explain
from wsserver.chat.log import Done, Doubtful, Head, Publication, Stored, StoreUnavailable
from wsserver.chat.remote_log import Glance, Glanced, Read
from wsserver.chat.vocabulary import MessageEvent
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

QUIET_LIFE_S: Final = 7 * 86400
"""A channel in which nobody has said anything for so long is forgotten, unless `history_age` says another time: Redis
is memory, and names of channels are free for everybody to make up."""

SHORTEST_LIFE_S: Final = 86400
"""Even where messages are kept for less: numbers of a channel that people are in must not begin anew over night."""

DOUBT_LIMIT_S: Final = 30.0
"""So long the outcome of a batch may be unknown. Clients wait for it, and everything behind it waits too."""

EPOCHS: Final = 65_536
"""Channels of which the epoch is remembered, some 200 bytes each; others are noticed when somebody asks."""


class RedisLog:
    """Numbers and keeps messages (`chat/remote_log.py`)."""

    announces = True

    def __init__(
        self, reactor: Reactor, broker: RedisBroker, history_of: Callable[[str], int], history_age_s: float
    ) -> None:
        """`history_of(channel)`: messages kept; `history_age_s`: seconds that they are kept at least, 0 for ever."""
        # configuration
        self._reactor = reactor
        self._broker = broker
        self._commands = broker.commands
        self._history_of = history_of
        self._life_s = max(SHORTEST_LIFE_S, round(history_age_s)) if history_age_s else QUIET_LIFE_S
        # state
        self._epochs: dict[str, str] = {}  # channel -> the one that was seen last
        self._doubtful: list[Parcel] = []  # sent, and the link broke before there was an answer
        self._doubt_timer: Timer | None = None
        self._named = 0
        self._closed = False
        broker.on_links_up.append(self._on_link_up)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now."""
        return self._commands.link.trouble or self._commands.complaint

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        """Store and publish `batch`."""
        whole = Batch(batch, done)
        for parcel in pack(whole, self._broker.node, self._broker.names, self._new_name, self._rules):
            self._send(parcel)
        if not whole.left:
            self._reactor.call_soon(partial(done, []))

    def glance(self, channel: str, limit: int, done: Glanced) -> None:
        """Read where `channel` stands, and its newest messages."""

        def answer(epoch: str, seq: int, oldest: int, messages: list[MessageEvent]) -> Glance:
            self._note_epoch(channel, epoch)
            return Glance(Head(epoch, seq, oldest), messages)

        self._read(channel, -limit, 0, answer, done)

    def read(self, channel: str, first: int, last: int, done: Read) -> None:
        """Read messages by their numbers."""
        self._read(channel, max(first, 1), last, lambda _epoch, _seq, _oldest, messages: messages, done)

    def close(self) -> None:
        """Nobody is called back any more; the links are the broker's."""
        self._closed = True
        self._doubtful.clear()
        if self._doubt_timer is not None:
            self._doubt_timer.cancel()

    # -- appending --------------------------------------------------------------------------------------------------

    def _rules(self, channel: str) -> tuple[str, int, int]:
        epoch = self._reactor.world.random_bytes(8).hex()
        return epoch, self._history_of(channel), self._life_s

    def _new_name(self) -> str:
        self._named += 1
        return f"{self._broker.node}:{self._named}"

    def _send(self, parcel: Parcel) -> None:
        scripts.run(self._commands, scripts.APPEND, parcel.keys, parcel.arguments, partial(self._on_reply, parcel))

    def _on_reply(self, parcel: Parcel, reply: Any) -> None:
        if self._closed:
            return
        if isinstance(reply, LinkDown):
            if reply.sent or parcel.doubtful_since is not None:
                self._doubt(parcel)
            else:
                self._settle(parcel, StoreUnavailable(str(reply)))
        elif type(reply) is bytes:
            try:
                self._stored(parcel, *parcel.open(reply))
            except msgspec.DecodeError:
                self._settle(parcel, StoreUnavailable("Redis has given an answer that makes no sense"))
        else:
            sentence = explain(reply) if isinstance(reply, Exception) else "it gives an answer that makes no sense"
            self._settle(parcel, StoreUnavailable(f"Redis refuses to store: {sentence}"))

    def _stored(self, parcel: Parcel, epoch: str, fresh: list[MessageEvent]) -> None:
        if self._note_epoch(parcel.channel, epoch) and fresh:
            self._broker.told.on_announced(parcel.channel, epoch, fresh)  # an outcome does not tell that all is new
        self._settle(parcel, None)

    def _settle(self, parcel: Parcel, failure: Exception | None) -> None:
        batch = parcel.batch
        batch.left -= 1
        batch.failure = batch.failure or failure
        if batch.left:
            return
        stored = [one for one in batch.stored if one is not None]
        if batch.failure is None:
            batch.done(stored)
            return
        self._tell_of(stored)
        batch.done(batch.failure)

    def _tell_of(self, stored: list[Stored]) -> None:
        """A part of a batch that failed is stored, and the other nodes have heard of it: so must this one."""
        for one in stored:
            channel = one.message.channel
            if not one.duplicate:
                self._broker.told.on_announced(channel, self._epochs.get(channel, ""), [one.message])

    def _doubt(self, parcel: Parcel) -> None:
        if parcel.doubtful_since is None:
            parcel.doubtful_since = self._reactor.now
        self._doubtful.append(parcel)
        if self._commands.up:
            self._on_link_up()
        elif self._doubt_timer is None:
            self._doubt_timer = self._reactor.call_later(DOUBT_LIMIT_S, self._give_up)

    def _on_link_up(self) -> None:
        doubtful, self._doubtful = self._doubtful, []
        for parcel in doubtful:
            self._send(parcel)

    def _give_up(self) -> None:
        """Tell the truth: it may have been stored."""
        self._doubt_timer = None
        doubtful, self._doubtful = self._doubtful, []
        for parcel in doubtful:
            left_s = (parcel.doubtful_since or 0) + DOUBT_LIMIT_S - self._reactor.now
            if left_s > 0:
                self._doubtful.append(parcel)
                if self._doubt_timer is None:
                    self._doubt_timer = self._reactor.call_later(left_s, self._give_up)
                continue
            self._settle(parcel, Doubtful("the link to Redis broke, and whether it was stored is not known"))

    # -- reading ----------------------------------------------------------------------------------------------------

    def _read(
        self,
        channel: str,
        first: int,
        last: int,
        answer: Callable[[str, int, int, list[MessageEvent]], Any],
        done: Callable[[Any], None],
    ) -> None:
        epoch, _, life_s = self._rules(channel)

        def on_reply(reply: Any) -> None:
            if not self._closed:
                done(_opened(channel, reply, answer))

        log = self._broker.names.log(channel)
        scripts.run(self._commands, scripts.GLANCE, [f"{log}h", f"{log}m"], [epoch, life_s, first, last], on_reply)

    def _note_epoch(self, channel: str, epoch: str) -> bool:
        """Remember an epoch; tell whether another one was known."""
        known = self._epochs.pop(channel, None)
        self._epochs[channel] = epoch
        if len(self._epochs) > EPOCHS:
            del self._epochs[next(iter(self._epochs))]
        return known is not None and known != epoch


def _opened(channel: str, reply: Any, answer: Callable[[str, int, int, list[MessageEvent]], Any]) -> Any:
    """Return what a reply of GLANCE means; an exception when it is none."""
    if isinstance(reply, LinkDown):
        return StoreUnavailable(str(reply))
    if isinstance(reply, Exception):
        return StoreUnavailable(f"Redis refuses to read: {explain(reply)}")
    try:
        epoch, seq, oldest, first, *rows = reply
        decoded = map(decode_row, rows)
        messages = [MessageEvent(channel, at, *row) for at, row in enumerate(decoded, first)]
        return answer(epoch.decode("ascii"), int(seq), int(oldest), messages)
    except (TypeError, ValueError, AttributeError, msgspec.DecodeError):
        return StoreUnavailable("Redis has given an answer that makes no sense")
