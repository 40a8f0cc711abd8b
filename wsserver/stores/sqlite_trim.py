"""What the SQLite file forgets, in small cuts: messages beyond what a channel keeps, ones that are too old, old keys.

Cuts of many channels are made in one statement, small enough for the loop. Numbers are never forgotten: the file notes
how far a channel had come.

Read next: `sqlite_upkeep.py`, which says when.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from wsserver.stores.sqlite_batch import KEY_WINDOW_MS
from wsserver.stores.sqlite_lines import Line, Lines

PORTION: Final = 1000
"""Rows that go at once: a third of a millisecond. A hundred such portions a second keep up with any writing."""

CHANNELS: Final = 100
"""Channels looked at in one go of a sweep: about a millisecond."""

_CUT: Final = "INSERT INTO outgoing SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)"
_AGES: Final = "SELECT seq, ts FROM entry WHERE channel = ? AND seq >= ? ORDER BY seq LIMIT ?"
_CHANNELS: Final = "SELECT id, name FROM channel WHERE id > ? ORDER BY id LIMIT ?"
_EXPIRE: Final = """
DELETE FROM publish_key
WHERE id <= (SELECT max(id) FROM (SELECT id, at FROM publish_key ORDER BY id LIMIT ?) WHERE at <= ?)
"""


class Cut(NamedTuple):
    """The messages of one channel before `below` go."""

    line: Line
    below: int
    rows: int


def write_cuts(connection: sqlite3.Connection, cuts: Sequence[Cut]) -> Sequence[Cut]:
    """Make them all, in one statement, and return them. Raises sqlite3.Error; then nothing has gone."""
    rows = [(cut.line.id, cut.below, cut.line.seq) for cut in cuts]
    connection.execute(_CUT, (msgspec.json.encode(rows).decode(),))
    return cuts


def keep_cuts(lines: Lines, cuts: Sequence[Cut]) -> None:
    """They have been made. A channel may have become known since its cut was thought of."""
    for cut in cuts:
        for line in (cut.line, lines.known.get(cut.line.name)):
            if line is not None:
                line.first = max(line.first, cut.below)


def find_cut(connection: sqlite3.Connection, line: Line, first: int, oldest_ms: int | None = None) -> Cut | None:
    """Return the next cut of a channel whose messages before `first` have gone or are going; None: nothing is due.

    What was said before `oldest_ms` is too old. Raises sqlite3.Error.
    """
    below = min(line.oldest, first + PORTION)
    if below <= first and oldest_ms is not None:
        below = first
        for seq, ts in connection.execute(_AGES, (line.id, first, PORTION)).fetchall():
            if ts >= oldest_ms:
                break
            below = seq + 1
    return Cut(line, below, below - first) if below > first else None


def sweep(
    connection: Callable[[], sqlite3.Connection], lines: Lines, oldest_ms: Callable[[], int | None]
) -> Iterator[Cut | None]:
    """Go through all channels of the file and yield what is to be cut; None now and then, to have a rest.

    Raises sqlite3.Error.
    """
    last = 0
    while rows := connection().execute(_CHANNELS, (last, CHANNELS)).fetchall():
        for _, name in rows:
            line = lines.known.get(name) or lines.peek(connection(), name)
            first = 0 if line is None else line.first
            while line is not None and (cut := find_cut(connection(), line, first, oldest_ms())):
                first = cut.below
                yield cut
        last = rows[-1][0]
        yield None


def expire_keys(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Forget keys whose time is over; return whether there may be more. Raises sqlite3.Error."""
    gone = connection.execute(_EXPIRE, (PORTION, now_ms - KEY_WINDOW_MS)).rowcount
    return gone == PORTION
