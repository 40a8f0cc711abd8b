"""What the SQLite file forgets, cut by cut: messages beyond what a channel keeps, messages that are too old, old keys.

A cut is small enough to be made on the loop. Numbers are never forgotten: the file notes how far a channel had come.

Read next: `sqlite_upkeep.py`, which says when.
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from wsserver.stores.sqlite_batch import KEY_WINDOW_MS
from wsserver.stores.sqlite_lines import Line, Lines

PORTION: Final = 1000
"""Rows in a cut: about a millisecond. A hundred such cuts a second keep up with any writing."""

CHANNELS: Final = 100
"""Channels looked at in one go of a sweep: about a millisecond, too."""

_CUT: Final = "INSERT INTO outgoing VALUES (?, ?, ?)"
_AGES: Final = "SELECT seq, ts FROM entry WHERE channel = ? AND seq >= ? ORDER BY seq LIMIT ?"
_CHANNELS: Final = "SELECT id, name FROM channel WHERE id > ? ORDER BY id LIMIT ?"
_EXPIRE: Final = """
DELETE FROM publish_key
WHERE id <= (SELECT max(id) FROM (SELECT id, at FROM publish_key ORDER BY id LIMIT ?) WHERE at <= ?)
"""


class Cut:
    """The messages of one channel before `below` go."""

    __slots__ = ("_below", "_line", "_lines")

    def __init__(self, lines: Lines, line: Line, below: int) -> None:
        self._lines = lines
        self._line = line
        self._below = below

    def write(self, connection: sqlite3.Connection) -> None:
        """Make it, in one statement. Raises sqlite3.Error; then nothing has gone."""
        connection.execute(_CUT, (self._line.id, self._below, self._line.seq))

    def keep(self, _: None) -> None:
        """It has been made. The channel may have become known since it was thought of."""
        for line in (self._line, self._lines.known.get(self._line.name)):
            if line is not None:
                line.first = max(line.first, self._below)


def find_cut(connection: sqlite3.Connection, lines: Lines, line: Line, oldest_ms: int | None) -> Cut | None:
    """Return the next cut of a channel, if there is one; what was said before `oldest_ms` is too old.

    Raises sqlite3.Error.
    """
    below = min(line.oldest, line.first + PORTION)
    if below == line.first and oldest_ms is not None:
        for seq, ts in connection.execute(_AGES, (line.id, line.first, PORTION)).fetchall():
            if ts >= oldest_ms:
                break
            below = seq + 1
    return Cut(lines, line, below) if below > line.first else None


def sweep(
    connection: Callable[[], sqlite3.Connection], lines: Lines, oldest_ms: Callable[[], int | None]
) -> Iterator[Cut | None]:
    """Go through all channels of the file and yield what is to be cut; None now and then, to have a rest.

    A cut has to be made and kept before the next is asked for. Raises sqlite3.Error.
    """
    last = 0
    while rows := connection().execute(_CHANNELS, (last, CHANNELS)).fetchall():
        for last, name in rows:  # noqa: B007
            line = lines.known.get(name) or lines.peek(connection(), name)
            while line is not None and (cut := find_cut(connection(), lines, line, oldest_ms())):
                yield cut
        yield None


def expire_keys(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Forget keys whose time is over; return whether there may be more. Raises sqlite3.Error."""
    gone = connection.execute(_EXPIRE, (PORTION, now_ms - KEY_WINDOW_MS)).rowcount
    return gone == PORTION
