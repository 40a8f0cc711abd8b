"""The store that forgets everything when the server stops: the log of each channel is a list.

It gives the same promises as the others while the server runs. What it may keep is bounded three ways: messages a
channel, bytes in all (the channel that has been quiet longest loses its oldest messages first), and keys.

Read next: `base.py` for the rules; `chat/log.py` for what each method promises.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from sys import getsizeof
from typing import Final

from wsserver.chat.log import Done, Head, Log, Publication, Stored
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.base import HISTORY, KEY_WINDOW_S, new_epoch

BYTES_LIMIT: Final = 256 * 1024 * 1024
"""A quarter of a small machine."""

MESSAGE_BYTES: Final = 200
"""What a message takes besides its text: two objects and a place in a list."""

KEY_LIMIT: Final = 250_000
"""Eight hundred keys a second for five minutes, some 400 bytes each; beyond it the oldest are forgotten early."""

_Key = tuple[str, str, str]


class _ChannelLog:
    """The messages of one channel. `kept[i].seq == first + i`; more than `history` of them may lie here, unread."""

    __slots__ = ("epoch", "first", "history", "kept", "seq")

    def __init__(self, epoch: str, history: int) -> None:
        # configuration
        self.epoch = epoch
        self.history = history
        # state
        self.seq = 0  # of the newest message
        self.first = 1  # the seq that kept[0] has, or will have
        self.kept: list[MessageEvent] = []

    @property
    def oldest(self) -> int:
        """The seq of the oldest message that may be read."""
        return max(self.first, self.seq - self.history + 1)

    def read(self, start: int, stop: int) -> list[MessageEvent]:
        """Return the messages from seq `start` to before `stop` that may be read."""
        start = max(start, self.oldest)
        return self.kept[start - self.first : max(stop, start) - self.first]

    def drop(self, count: int) -> int:
        """Forget the `count` oldest messages; return how many bytes that frees."""
        freed = sum(map(_size, self.kept[:count]))
        del self.kept[:count]
        self.first += count
        return freed


class MemoryStore:
    """All channels. Keys have a life of their own: they also hold where no history is kept."""

    def __init__(
        self,
        random_bytes: Callable[[int], bytes],
        monotonic: Callable[[], float],
        history_of: Callable[[str], int] = lambda _channel: HISTORY,
        bytes_limit: int = BYTES_LIMIT,
    ) -> None:
        """`history_of(channel)` is how many messages a channel keeps; it is asked once, when the channel is new."""
        self.trouble: str | None = None  # it never has any
        self._random_bytes = random_bytes
        self._monotonic = monotonic
        self._history_of = history_of
        self._bytes_limit = bytes_limit
        self._bytes = 0
        self._channels: OrderedDict[str, _ChannelLog] = OrderedDict()  # the longest quiet first
        self._keys: dict[_Key, tuple[MessageEvent, float]] = {}  # with the time of the first; in that order

    def append(self, batch: Sequence[Publication], done: Done) -> list[Stored] | None:
        """Number the messages and keep them (`Log.append`)."""
        now = self._monotonic()
        self._expire_keys(now)
        stored = [self._append_one(publication, now) for publication in batch]
        if self._bytes > self._bytes_limit:
            self._make_room()
        return stored

    def head(self, channel: str) -> Head:
        """Return where `channel` stands (`Log.head`)."""
        log = self._log(channel)
        return Head(log.epoch, log.seq, log.oldest)

    def after(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the oldest kept messages after `seq` (`Log.after`)."""
        log = self._log(channel)
        start = max(seq + 1, log.oldest)
        return log.read(start, start + limit)

    def before(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the newest kept messages before `seq` (`Log.before`)."""
        log = self._log(channel)
        stop = min(seq, log.seq + 1)
        return log.read(stop - limit, stop)

    def release(self, channel: str) -> None:
        """Forget `channel`; if it comes back it has another epoch."""
        log = self._channels.pop(channel, None)
        if log is not None:
            self._bytes -= log.drop(len(log.kept))

    def part_of(self, channel: str) -> Log:
        """It is all of one piece (`Log.part_of`)."""
        return self

    def close(self) -> None:
        """Forget everything."""
        self._channels.clear()
        self._keys.clear()
        self._bytes = 0

    def _log(self, channel: str) -> _ChannelLog:
        log = self._channels.get(channel)
        if log is None:
            log = _ChannelLog(new_epoch(self._random_bytes), self._history_of(channel))
            self._channels[channel] = log
        return log

    def _append_one(self, publication: Publication, now: float) -> Stored:
        if publication.key is None:
            return Stored(self._keep(publication), False)
        key = (publication.channel, publication.user, publication.key)
        known = self._keys.get(key)
        if known is not None:
            return Stored(known[0], True)
        message = self._keep(publication)
        # The text is not needed to answer a second time, and may be long.
        first = MessageEvent(message.channel, message.seq, message.user, "", message.ts)
        self._keys[key] = (first, now)
        return Stored(message, False)

    def _keep(self, publication: Publication) -> MessageEvent:
        name = publication.channel
        log = self._log(name)
        log.seq += 1
        message = MessageEvent(name, log.seq, publication.user, publication.text, publication.ts)
        if not log.history:
            log.first = log.seq + 1
            return message
        log.kept.append(message)
        self._bytes += _size(message)
        self._channels.move_to_end(name)
        # Dropping one by one would move the whole list each time: it may grow by an eighth before it is cut.
        if len(log.kept) > log.history + log.history // 8:
            self._bytes -= log.drop(len(log.kept) - log.history)
        return message

    def _make_room(self) -> None:
        """Let the channels that have been quiet longest lose messages until the rest fits."""
        while self._bytes > self._bytes_limit:
            name, log = next(iter(self._channels.items()))
            excess, count = self._bytes - self._bytes_limit, 0
            while excess > 0 and count < len(log.kept):
                excess -= _size(log.kept[count])
                count += 1
            self._bytes -= log.drop(count)
            if not log.kept:
                self._channels.move_to_end(name)  # it has nothing left to give: do not ask it each time

    def _expire_keys(self, now: float) -> None:
        """Forget the keys whose time is over; each is looked at once, when it goes."""
        keys = self._keys
        while keys:
            oldest = next(iter(keys))
            if now - keys[oldest][1] < KEY_WINDOW_S and len(keys) <= KEY_LIMIT:
                return
            del keys[oldest]


def _size(message: MessageEvent) -> int:
    """What a message pins: a character takes one, two or four bytes, by the widest of its text."""
    return getsizeof(message.text) + MESSAGE_BYTES
