"""How much memory the tails of all replicas take together: what has been quiet longest loses its tail first.

Nothing is lost with it: what a replica does not hold is read from the log.

Read next: `replica.py`; `keeper.py`, which counts here.
"""

from typing import Final

from wsserver.chat.replica import Replica

TAILS_CHARS: Final = 64 * 1024 * 1024
"""Characters: 64 MiB of English, at most four times that; 500 channels with tails as long as they may be."""


ROOM: Final = 8
"""An eighth is given up at once, so that looking for who has been quiet longest is rare."""


class Tails:
    """Counts them. What it knows of a replica is kept in the replica, which is in the cache when something was said."""

    def __init__(self, limit: int = TAILS_CHARS) -> None:
        self._limit = limit
        self._replicas: dict[Replica, None] = {}  # those that have a tail
        self._said = 0  # how often something was counted
        self.size = 0

    def __len__(self) -> int:
        """How many replicas have a tail."""
        return len(self._replicas)

    def count(self, replica: Replica) -> None:
        """Something was said in a channel; make room for it if need be."""
        if not replica.size:
            self.forget(replica)
            return
        if not replica.counted:
            self._replicas[replica] = None
        self.size += replica.size - replica.counted
        replica.counted = replica.size
        self._said = replica.counted_at = self._said + 1
        if self.size > self._limit:
            self._make_room(replica)

    def forget(self, replica: Replica) -> None:
        """It is let go."""
        self.size -= replica.counted
        replica.counted = 0
        self._replicas.pop(replica, None)

    def _make_room(self, newest: Replica) -> None:
        for replica in sorted(self._replicas, key=_counted_at):
            if self.size <= self._limit - self._limit // ROOM or replica is newest:
                return
            if not replica.stretched:  # else somebody is about to read it
                replica.trim(0)
                self.forget(replica)


def _counted_at(replica: Replica) -> int:
    return replica.counted_at
