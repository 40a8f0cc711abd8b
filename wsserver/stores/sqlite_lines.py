"""Where each channel stands, in memory: read from the file once, then counted along.

The file has one writer, so what is counted here is what the next message gets. `next` runs ahead of `seq` while a batch
is being written, and falls back when it could not be.

Read next: `sqlite_batch.py`, which counts.
"""

import sqlite3
from collections.abc import Callable
from typing import Final

LINES_LIMIT: Final = 200_000
"""Twice the channels that a server has at a time. Beyond it all are forgotten, and read again as they are needed."""

_FIND: Final = """
SELECT id, seq,
       (SELECT max(seq) FROM entry WHERE channel = channel.id),
       (SELECT min(seq) FROM entry WHERE channel = channel.id)
FROM channel WHERE name = ?
"""


class Line:
    """One channel."""

    __slots__ = ("first", "history", "id", "name", "next", "saved", "seq")

    def __init__(self, id: int, name: str, history: int, seq: int, first: int, saved: bool) -> None:
        # configuration
        self.id = id
        self.name = name
        self.history = history  # how many messages are kept
        # state
        self.seq = seq  # of the newest message that readers see
        self.next = seq  # of the newest that has a number
        self.first = first  # of the oldest that is in the file; seq + 1 when there is none
        self.saved = saved  # the file knows the channel

    @property
    def oldest(self) -> int:
        """The seq of the oldest message that may be read: what is over may lie there a while longer."""
        return max(self.first, self.seq - self.history + 1)

    @property
    def excess(self) -> int:
        """How many messages lie in the file and are not kept any more."""
        return self.oldest - self.first


class Lines:
    """All that are known in memory."""

    def __init__(self, history_of: Callable[[str], int]) -> None:
        """`history_of(channel)` is how many messages a channel keeps."""
        self.known: dict[str, Line] = {}
        self._history_of = history_of
        self._last_id = 0

    def load(self, connection: sqlite3.Connection) -> None:
        """Forget everything, and find out where numbers of new channels begin."""
        self.known.clear()
        (self._last_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM channel").fetchone()

    def find(self, connection: sqlite3.Connection, name: str) -> Line | None:
        """Return the line of a channel, read from the file if need be; None when nothing was ever said there."""
        line = self.known.get(name)
        if line is None:
            line = self.peek(connection, name)
            if line is not None:
                self._keep(line)
        return line

    def peek(self, connection: sqlite3.Connection, name: str) -> Line | None:
        """Return the line of a channel as it is in the file; it is not kept."""
        row = connection.execute(_FIND, (name,)).fetchone()
        if row is None:
            return None
        id, passed, newest, first = row
        seq = max(passed, newest or 0)
        return Line(id, name, self._history_of(name), seq, first or seq + 1, True)

    def open(self, connection: sqlite3.Connection, name: str) -> Line:
        """The same, and a new line for a channel that is new; the file learns of it with its first message."""
        line = self.known.get(name) or self.find(connection, name)
        if line is None:
            self._last_id += 1
            line = Line(self._last_id, name, self._history_of(name), 0, 1, False)
            self._keep(line)
        return line

    def release(self, name: str) -> None:
        """Forget a channel, unless a batch with messages of it is being written."""
        line = self.known.get(name)
        if line is not None and line.next == line.seq:
            del self.known[name]

    def _keep(self, line: Line) -> None:
        if len(self.known) >= LINES_LIMIT:
            busy = [other for other in self.known.values() if other.next != other.seq]
            self.known = {other.name: other for other in busy}
        self.known[line.name] = line
