"""What lets the workers of one machine hand clients to each other: an inbox for each, and a table that all can read.

    supervisor    Exchange: makes it, keeps it open, says in the table who is down
    worker        Desk: takes from its own inbox, puts into those of others, says in the table what it has

Everything outlives a worker. Who lies in the inbox of one that has died is taken by a neighbour or by its successor.

Read next: `chat/homes.py`, the table, and why; `net/inbox.py`.
"""

from collections.abc import Sequence
from socket import socket
from typing import Final

import msgspec

from wsserver.chat.homes import Homes, size_for
from wsserver.net.inbox import Inbox, OnArrival, put
from wsserver.reactor.loop import Reactor
from wsserver.reactor.shared import close_memory, map_memory, message_pair, new_memory
from wsserver.reactor.world import World


class Shares(msgspec.Struct, frozen=True):
    """What a worker inherits of it: file descriptors."""

    memory: int
    """Of `homes.size_for` bytes."""
    inboxes: list[int]
    """Reading ends, by the index of the worker."""
    outlets: list[int]
    """Writing ends, likewise."""

    @property
    def fds(self) -> list[int]:
        """All of them."""
        return [self.memory, *self.inboxes, *self.outlets]


class Exchange:
    """The supervisor's."""

    def __init__(self, workers: int) -> None:
        """Raises OSError."""
        self._memory: Final = new_memory(size_for(workers))
        self._pairs: Final = [message_pair() for _ in range(workers)]
        self.homes: Final = Homes(map_memory(self._memory), workers)

    @property
    def shares(self) -> Shares:
        """What each worker inherits."""
        inboxes, outlets = zip(*self._pairs, strict=True)
        return Shares(self._memory, [end.fileno() for end in inboxes], [end.fileno() for end in outlets])

    def close(self) -> None:
        """Close it, and the connections that nobody has taken."""
        close_memory(self._memory)
        for end in (end for pair in self._pairs for end in pair):
            end.close()


class Desk:
    """A worker's."""

    def __init__(self, world: World, shares: Shares, index: int) -> None:
        """Adopt what worker `index` has inherited. Raises OSError."""
        memory = map_memory(shares.memory)
        close_memory(shares.memory)
        self.homes: Final = Homes(memory, len(shares.inboxes), index)
        self.homes.begin()
        self._index = index
        self._inboxes: Sequence[socket] = [world.adopt(fd) for fd in shares.inboxes]
        self._outlets: Sequence[socket] = [world.adopt(fd) for fd in shares.outlets]
        self._open: dict[int, Inbox] = {}

    def begin(self, reactor: Reactor, on_arrival: OnArrival) -> None:
        """Take in what others hand over."""
        self._open = {index: Inbox(reactor, sock, on_arrival) for index, sock in enumerate(self._inboxes)}
        self._open[self._index].start()

    def put(self, worker: int, fd: int, data: bytes) -> bool:
        """Hand a connection to another worker (`inbox.put`)."""
        return put(self._outlets[worker], fd, data)

    def take_in(self) -> None:
        """Take in at once what was handed to us before now."""
        self._open[self._index].empty()

    def cover(self, index: int, covering: bool) -> None:
        """Take in what worker `index` was handed, which is down; or leave that to it again."""
        if covering:
            self._open[index].start()
        else:
            self._open[index].pause()

    def close(self) -> None:
        """Close our ends."""
        self.homes.serve(False)
        for sock in (*self._inboxes, *self._outlets):
            sock.close()
