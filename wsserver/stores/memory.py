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

    __slots__ = ("epoch", "first", "history", "kept", "name", "seq")

    def __init__(self, name: str, epoch: str, history: int) -> None:
        # configuration
        self.name = name
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
        freed = sum([getsizeof(message.text) for message in self.kept[:count]]) + count * MESSAGE_BYTES
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
        """Number the messages and keep them (`Log.append`).

        One loop, which calls nobody for a message without a key: a third less than a call for each.
        """
        now = self._monotonic()
        if self._keys:
            self._expire_keys(now)
        channels, touched = self._channels, {}
        stored: list[Stored] = []
        for said in batch:
            if said.key is not None and (known := self._keys.get((said.channel, said.user, said.key))) is not None:
                stored.append(Stored(known[0], True))
                continue
            log = channels.get(said.channel) or self._log(said.channel)
            log.seq += 1
            # The name is the log's: what was read from a socket has one of its own in each message.
            message = MessageEvent(log.name, log.seq, said.user, said.text, said.ts)
            log.kept.append(message)
            self._bytes += getsizeof(said.text) + MESSAGE_BYTES
            touched[log.name] = log
            stored.append(Stored(message, False))
            if said.key is not None:
                self._remember(said, message, now)
        self._trim(touched)
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
            log = _ChannelLog(channel, new_epoch(self._random_bytes), self._history_of(channel))
            self._channels[channel] = log
        return log

    def _remember(self, said: Publication, message: MessageEvent, now: float) -> None:
        """Keep what answers the same key a second time: the text is not needed for that, and may be long."""
        assert said.key is not None
        first = MessageEvent(message.channel, message.seq, message.user, "", message.ts)
        self._keys[(said.channel, said.user, said.key)] = (first, now)

    def _trim(self, touched: dict[str, _ChannelLog]) -> None:
        """Something was said in these: drop what they need not keep, and then what there is no room for."""
        for name, log in touched.items():
            self._channels.move_to_end(name)
            # Dropping one by one would move the whole list each time: it may grow by an eighth before it is cut.
            if len(log.kept) > log.history + log.history // 8:
                self._bytes -= log.drop(len(log.kept) - log.history)
        if self._bytes > self._bytes_limit:
            self._make_room()

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
