"""What one node knows of one channel of a log that lies elsewhere: how far it has delivered, and the newest messages.

Messages come by several ways, in any order and more than once. They leave here in the order of their seq, each once:

    hear ---> ready (the next ones) ---> take: delivered, and kept in the tail
         \\--> ahead (something before them is missing) ---> ready, when that has come

Pure: it is told what came, and says what is missing. It asks nobody. Read next: `replicas.py`, which does.
"""

from collections.abc import Sequence
from typing import Final

from wsserver.chat.log import Head
from wsserver.chat.vocabulary import MessageEvent

TAIL: Final = 300
"""Messages of the tail: the largest page that anybody may ask for (`history.PAGE_LIMIT`)."""

OPENING: Final = 50
"""Messages that are asked for when a channel is opened or looked at: the page that a join asks for by default. They are
nearly all that such a question costs (0.5 ms of CPU for 300, 0.1 for 50). Who wants older ones has them read."""

TAIL_CHARS: Final = 128 * 1024
"""What they may take; what fits into a page (`history.PAGE_CHARS`)."""

STRETCH: Final = 4
"""So many times as long may a tail be while somebody puts a page together from it and from what is being read."""

SLACK: Final = 32
"""Messages that it may be too long: cutting the front of a list for each message would move the whole list."""

AHEAD: Final = 1000
"""Messages that are kept while something before them is missing; what is over is read when its turn comes."""

MESSAGE_CHARS: Final = 200
"""What a message takes besides its text: two objects and a place in a list."""


class Replica:
    """One channel. `tail[-1].seq == seq` unless the tail is empty; `ready[0].seq == seq + 1` likewise."""

    __slots__ = (
        "_ahead", "_history", "_known", "_oldest", "counted", "counted_at", "epoch", "ready", "seq", "size",
        "stretched", "tail",
    )  # fmt: skip

    def __init__(self, head: Head, messages: Sequence[MessageEvent], history: int) -> None:
        """Begin where the log stood; `messages` are the newest then. The channel keeps `history` of them."""
        # configuration
        self._history = history
        self.epoch = head.epoch
        # state
        self.seq = head.seq  # of the newest message that was delivered here
        self.tail: list[MessageEvent] = []
        self.size = 0  # characters of the tail
        self.ready: list[MessageEvent] = []  # what is to be delivered next
        self.stretched = False  # somebody needs the tail as it is
        self.counted = 0  # characters of the tail that are counted among those of all (`tails.py`)
        self.counted_at = 0  # and when, in the order of such counts
        self._ahead: dict[int, MessageEvent] = {}
        self._known = head.seq  # the newest that was heard of
        self._oldest = head.oldest
        if history and messages and messages[-1].seq == head.seq and _is_whole(messages):
            self._keep(messages)

    @property
    def head(self) -> Head:
        """Where this node stands: the stream goes on behind it."""
        return Head(self.epoch, self.seq, self.oldest)

    @property
    def oldest(self) -> int:
        """The oldest message that may be read."""
        return max(self._oldest, self.seq + 1 - self._history)

    @property
    def readable(self) -> bool:
        """The log keeps messages: what is missing can be read."""
        return self._history > 0

    @property
    def end(self) -> int:
        """The seq up to which nothing is missing."""
        return self.seq + len(self.ready)

    @property
    def gap(self) -> tuple[int, int] | None:
        """The first and the last message of what is missing next; None: nothing is."""
        end = self.seq + len(self.ready)
        if self._known <= end:
            return None
        return end + 1, min(self._ahead) - 1 if self._ahead else self._known

    def anew(self, head: Head, messages: Sequence[MessageEvent]) -> "Replica":
        """Return what takes its place when the log is another one."""
        return Replica(head, messages, self._history)

    def know(self, seq: int) -> None:
        """The log has messages up to `seq`."""
        self._known = max(self._known, seq)

    def doubt(self, seq: int) -> None:
        """The log has nothing behind `seq`, whatever was said."""
        self._ahead.clear()
        self._known = max(self.end, seq)

    def hear(self, messages: Sequence[MessageEvent]) -> bool:
        """Take messages, however they came. False: one of them is not what it was when it was heard before."""
        if self.follow(messages):
            return True
        agreed = True
        for message in messages:
            seq, end = message.seq, self.end
            if seq == end + 1:
                self.ready.append(message)
                if self._ahead:
                    agreed &= self._ahead.get(seq, message) == message
                    self._advance()
            elif seq > end:
                known = self._ahead.get(seq)
                if known is None and len(self._ahead) < AHEAD:
                    self._ahead[seq] = message
                agreed &= known is None or known == message
            else:
                agreed &= self._is_known(message)
        self._known = max(self._known, self.end, max(self._ahead, default=0))
        return agreed

    def follow(self, messages: Sequence[MessageEvent]) -> bool:
        """Take messages, or none: when they are the next ones and nothing is missing behind them, as nearly always.

        A third of what it costs to take them one by one.
        """
        seq = self.seq + len(self.ready)
        if self._ahead or self._known > seq + len(messages):
            return False
        for message in messages:
            seq += 1
            if message.seq != seq:
                return False
        self.ready += messages
        self._known = seq
        return True

    def take(self) -> list[MessageEvent]:
        """Return what is to be delivered now; from here on it counts as delivered."""
        messages, self.ready = self.ready, []
        if messages:
            self.seq = messages[-1].seq
            if self._history:
                self._keep(messages)
        return messages

    def lose_before(self, seq: int) -> None:
        """The log has dropped what was before `seq`."""
        self._oldest = max(self._oldest, seq)

    @property
    def tail_start(self) -> int:
        """The seq of the first message of the tail, or of the one that would be."""
        return self.seq + 1 - len(self.tail)

    def read(self, first: int, last: int) -> list[MessageEvent]:
        """Return what the tail holds of that range."""
        start = self.tail_start
        return self.tail[max(first - start, 0) : max(last + 1 - start, 0)]

    def trim(self, tail: int = TAIL, chars: int = TAIL_CHARS) -> None:
        """Forget of the tail what is more than it may hold."""
        drop = max(0, len(self.tail) - tail)
        size = self.size - drop * MESSAGE_CHARS - sum([len(message.text) for message in self.tail[:drop]])
        while size > chars and drop < len(self.tail):
            size -= _size(self.tail[drop])
            drop += 1
        if drop:
            del self.tail[:drop]
        self.size = size

    def _keep(self, messages: Sequence[MessageEvent]) -> None:
        self.tail += messages
        self.size += sum([len(message.text) for message in messages]) + MESSAGE_CHARS * len(messages)
        stretch = STRETCH if self.stretched else 1
        if len(self.tail) > TAIL * stretch + SLACK or self.size > TAIL_CHARS * stretch:
            self.trim(TAIL * stretch, TAIL_CHARS * stretch)

    def _advance(self) -> None:
        """Let follow what was ahead."""
        self._ahead.pop(self.end, None)
        while (message := self._ahead.pop(self.end + 1, None)) is not None:
            self.ready.append(message)

    def _is_known(self, message: MessageEvent) -> bool:
        """Tell whether `message`, which was heard before, is still the same, as far as that is remembered."""
        seq = message.seq
        if seq > self.seq:
            return self.ready[seq - self.seq - 1] == message
        start = self.tail_start
        return seq < start or self.tail[seq - start] == message


def agrees(replica: Replica, head: Head, messages: Sequence[MessageEvent], seq: int) -> bool:
    """Tell whether the log still is what `replica` knows: asked when that stood at `seq`, it answered the rest."""
    return head.epoch == replica.epoch and head.seq >= seq and replica.hear(messages)


def _is_whole(messages: Sequence[MessageEvent]) -> bool:
    return messages[-1].seq - messages[0].seq == len(messages) - 1


def _size(message: MessageEvent) -> int:
    return len(message.text) + MESSAGE_CHARS
