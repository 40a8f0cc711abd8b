"""Two stores as one: channels that keep nothing do not trouble the disk.

Channels with a history are in the durable part; the others get their numbers, epochs and keys from the part in memory,
so they are as quick as memory, have a new epoch at each start, and go on when the disk does not.

Read next: `memory.py`, `sqlite.py`.
"""

from collections.abc import Callable, Sequence

from wsserver.chat.log import Done, Head, Log, Publication, Stored
from wsserver.chat.vocabulary import MessageEvent
from wsserver.reactor.histogram import Histogram
from wsserver.stores.base import Store


class SplitStore:
    """Goes by the channel's name."""

    def __init__(self, durable: Store, passing: Store, history_of: Callable[[str], int]) -> None:
        """`history_of(channel)` is how many messages a channel keeps; with 0 it is in `passing`."""
        self._durable = durable
        self._passing = passing
        self._history_of = history_of

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored durably."""
        return self._durable.trouble

    @property
    def commits(self) -> Histogram | None:
        """How long batches took that were stored durably."""
        return getattr(self._durable, "commits", None)

    def append(self, batch: Sequence[Publication], done: Done) -> list[Stored] | None:
        """Not here: a batch is of one part (`Log.append`)."""
        raise AssertionError("append to a part")

    def head(self, channel: str) -> Head:
        """Return where `channel` stands (`Log.head`)."""
        return self.part_of(channel).head(channel)

    def after(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the oldest kept messages after `seq` (`Log.after`)."""
        return self.part_of(channel).after(channel, seq, limit)

    def before(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the newest kept messages before `seq` (`Log.before`)."""
        return self.part_of(channel).before(channel, seq, limit)

    def release(self, channel: str) -> None:
        """Forget what is kept of `channel` in memory only (`Log.release`)."""
        self.part_of(channel).release(channel)

    def part_of(self, channel: str) -> Log:
        """Return the part that holds `channel`."""
        return self._durable if self._history_of(channel) else self._passing

    def close(self) -> None:
        """Close both."""
        self._durable.close()
        self._passing.close()
