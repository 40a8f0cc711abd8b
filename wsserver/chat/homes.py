"""In which worker of this machine a channel is at home, so that its members can meet in one process.

A message to members in one worker is encoded once and leaves in one `send` for each; to members in two it is all that
twice, and the sends come apart (docs/lab/workers.md). So whoever joins a channel as the first thing is handed to the
worker where that is at home, unless

  - that one is down, drains, or is full,
  - it has LARGE members of the channel already: a large channel wants many cores, and what is done for each member
    outweighs what is done for each worker,
  - it has many more clients than we have.

All of it is advice: any worker can serve any member of any channel. The table is memory that all workers share. A cell
has one writer, the worker whose it is, so there are no locks.

    cells       members that channels of this number have in their home, 16 bits for each of CELLS
    workers     serving (its own word), covered (the supervisor's), clients; 32 bits each

Read next: `moving.py`, which hands a client over.
"""

from typing import Final
from zlib import crc32

CELLS: Final = 1 << 16
"""Channels share cells where there are more; then they count as large a little early."""

LARGE: Final = 64
"""Members in one worker from which on a channel may spread: what is done once for a worker is 2 % of a message then."""

UNEVEN: Final = 1.25
UNEVEN_FROM: Final = 256
"""A worker that has so many times the clients of another, and so many besides, gets no more from it."""

_FULL: Final = 0xFFFF
_CELL_BYTES: Final = 2 * CELLS
_WORDS: Final = 3  # of each worker
_SERVING, _COVERED, _CLIENTS = range(_WORDS)


def size_for(workers: int) -> int:
    """Return the bytes of memory that so many workers share."""
    return _CELL_BYTES + 4 * _WORDS * workers


class Homes:
    """The table, as worker `index` sees it; the supervisor uses `cover` alone."""

    __slots__ = ("_cells", "_index", "_words", "_workers")

    def __init__(self, memory: memoryview, workers: int, index: int = 0) -> None:
        """`memory` is `size_for(workers)` bytes, zeros before the first of them came."""
        self._cells = memory[:_CELL_BYTES].cast("H")
        self._words = memory[_CELL_BYTES : size_for(workers)].cast("I")
        self._workers = workers
        self._index = index

    # -- what a worker says -------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """We are new, and have no members yet, whatever our predecessor had."""
        self.serve(False)
        self.count(0)
        for cell in range(self._index, CELLS, self._workers):
            self._cells[cell] = 0

    def serve(self, serving: bool) -> None:
        """From now on others may hand us clients, or may not."""
        self._words[self._index * _WORDS + _SERVING] = serving

    def count(self, clients: int) -> None:
        """So many clients are here."""
        self._words[self._index * _WORDS + _CLIENTS] = clients

    def enter(self, channel: str) -> None:
        """A client has become a member of `channel` here."""
        cell = _cell_of(channel)
        if cell % self._workers == self._index and self._cells[cell] < _FULL:
            self._cells[cell] += 1

    def exit(self, channel: str) -> None:
        """A client is a member no more."""
        cell = _cell_of(channel)
        if cell % self._workers == self._index and self._cells[cell]:
            self._cells[cell] -= 1

    # -- what the supervisor says -------------------------------------------------------------------------------------

    def cover(self, index: int, covered: bool) -> None:
        """Worker `index` is down or silent, or is back."""
        self._words[index * _WORDS + _COVERED] = covered

    # -- what is asked ------------------------------------------------------------------------------------------------

    def elsewhere(self, channel: str) -> int | None:
        """Return the worker that a new member of `channel` should be handed to; None: it is fine here."""
        cell = _cell_of(channel)
        home = cell % self._workers
        if home == self._index or self._cells[cell] >= LARGE:
            return None
        words, at = self._words, home * _WORDS
        if not words[at + _SERVING] or words[at + _COVERED]:
            return None
        if words[at + _CLIENTS] > words[self._index * _WORDS + _CLIENTS] * UNEVEN + UNEVEN_FROM:
            return None
        return home


def _cell_of(channel: str) -> int:
    """Return the cell of a channel, the same in every process (`hash` is not)."""
    return crc32(channel.encode()) % CELLS
