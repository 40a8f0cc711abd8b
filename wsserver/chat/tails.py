"""How much memory the tails of all replicas take together: what has been quiet longest loses its tail first.

Nothing is lost with it: what a replica does not hold is read from the log.

Read next: `replica.py`; `keeper.py`, which counts here.
"""

from collections import OrderedDict
from typing import Final

from wsserver.chat.replica import Replica

TAILS_CHARS: Final = 64 * 1024 * 1024
"""Characters: 64 MiB of English, at most four times that; 500 channels with tails as long as they may be."""


class Tails:
    """Counts them."""

    def __init__(self, limit: int = TAILS_CHARS) -> None:
        self._limit = limit
        self._sizes: OrderedDict[Replica, int] = OrderedDict()  # the longest quiet first
        self.size = 0

    def __len__(self) -> int:
        """How many replicas have a tail."""
        return len(self._sizes)

    def count(self, replica: Replica) -> None:
        """Something was said in a channel; make room for it if need be."""
        self.size += replica.size - self._sizes.pop(replica, 0)
        if replica.size:
            self._sizes[replica] = replica.size
        if self.size > self._limit:
            self._make_room(replica)

    def forget(self, replica: Replica) -> None:
        """It is let go."""
        self.size -= self._sizes.pop(replica, 0)

    def _make_room(self, newest: Replica) -> None:
        for replica in list(self._sizes):
            if self.size <= self._limit or replica is newest:
                return
            if not replica.stretched:  # else somebody is about to read it
                replica.trim(0)
                self.forget(replica)
