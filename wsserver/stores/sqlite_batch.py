"""One batch on its way into the SQLite file: which numbers its messages get, and the rows that say so.

    Plan(...)          numbers and keys are decided, in the loop, from memory and a few look-ups
      write_rows       on the loop: a transaction, a row a call. Nothing waits for the disk
      write_at_once    in a thread that does wait: one statement, because each call that comes back from C has to wait
                       for the busy loop to let go of the interpreter (100 rows: 456 ms in 100 calls, 3 ms in one)
    keep or drop       the numbers hold, or fall back

Read next: `sqlite.py`.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from wsserver.chat.log import Publication, Stored
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.base import KEY_WINDOW_S
from wsserver.stores.sqlite_lines import Line, Lines

KEY_WINDOW_MS: Final = round(KEY_WINDOW_S * 1000)

_FIND_KEY: Final = "SELECT seq, ts FROM publish_key WHERE channel = ? AND user = ? AND key = ? AND at > ?"
_INSERT_CHANNEL: Final = "INSERT INTO channel (id, name) VALUES (?, ?)"
_INSERT_ENTRY: Final = "INSERT INTO entry VALUES (?, ?, ?, ?, ?)"
_INSERT_KEY: Final = "INSERT OR REPLACE INTO publish_key (channel, user, key, seq, ts, at) VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_ENTRIES: Final = """
INSERT INTO entry
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)
"""
_INSERT_ALL: Final = """
INSERT INTO incoming
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
FROM json_each(?)
"""

_Entry = tuple[int, int, str, str, int]
_Key = tuple[int, str, str]


class Plan:
    """What is going to be written, and what will have become of each publication then."""

    __slots__ = ("_at", "channels", "entries", "keys", "lines", "stored")

    def __init__(self, connection: sqlite3.Connection, lines: Lines, batch: Sequence[Publication], at_ms: int) -> None:
        """`at_ms` is the time on the store's clock. Raises sqlite3.Error, and then nothing is left behind."""
        self._at = at_ms
        self.stored: list[Stored] = []
        self.entries: list[_Entry] = []
        self.channels: dict[int, str] = {}  # new ones: name by id
        self.keys: dict[_Key, tuple[int, int]] = {}  # (seq, ts) by (channel, user, key)
        self.lines: dict[int, Line] = {}  # that get messages
        try:
            for publication in batch:
                self._add(connection, lines, publication)
        except BaseException:
            self.drop()
            raise

    def _add(self, connection: sqlite3.Connection, lines: Lines, publication: Publication) -> None:
        name, user, text, ts, key = (
            publication.channel, publication.user, publication.text, publication.ts, publication.key,
        )  # fmt: skip
        line = lines.known.get(name) or lines.open(connection, name)
        id = line.id
        if key is not None:
            known = self.keys.get((id, user, key)) or _find_key(connection, line, user, key, self._at)
            if known is not None:
                self.stored.append(Stored(MessageEvent(name, known[0], user, "", known[1]), True))
                return
        line.next = seq = line.next + 1
        self.lines[id] = line
        if not line.saved:
            self.channels[id] = name
        if key is not None:
            self.keys[id, user, key] = seq, ts
        self.entries.append((id, seq, user, text, ts))
        self.stored.append(Stored(MessageEvent(name, seq, user, text, ts), False))

    def keep(self) -> None:
        """It has been written: the numbers hold, and readers see them."""
        for line in self.lines.values():
            line.seq = line.next
            line.saved = True

    def drop(self) -> None:
        """It has not been written: the numbers are free again."""
        for line in self.lines.values():
            line.next = line.seq

    def write_rows(self, connection: sqlite3.Connection) -> None:
        """Write it in one transaction. Raises sqlite3.Error; nothing has been written then."""
        execute = connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            if self.channels:
                connection.executemany(_INSERT_CHANNEL, self.channels.items())
            connection.executemany(_INSERT_ENTRY, self.entries)
            if self.keys:
                connection.executemany(_INSERT_KEY, self._key_rows())
            execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                execute("ROLLBACK")
            raise

    def write_at_once(self, connection: sqlite3.Connection) -> None:
        """Write it in one statement, which is a transaction of its own. The same otherwise."""
        if not self.channels and not self.keys:
            connection.execute(_INSERT_ENTRIES, (msgspec.json.encode(self.entries).decode(),))
            return
        unnamed = dict(self.channels)
        keys = {(id, seq): key for (id, _, key), (seq, _) in self.keys.items()}
        rows = [
            (id, unnamed.pop(id, None), seq, user, text, ts, keys.get((id, seq)), self._at)
            for id, seq, user, text, ts in self.entries
        ]
        connection.execute(_INSERT_ALL, (msgspec.json.encode(rows).decode(),))

    def _key_rows(self) -> list[tuple[int, str, str, int, int, int]]:
        return [(id, user, key, seq, ts, self._at) for (id, user, key), (seq, ts) in self.keys.items()]


def _find_key(connection: sqlite3.Connection, line: Line, user: str, key: str, at_ms: int) -> tuple[int, int] | None:
    """Return seq and ts of the message that `key` was used for within the window."""
    if not line.saved:
        return None
    found: tuple[int, int] | None = connection.execute(
        _FIND_KEY, (line.id, user, key, at_ms - KEY_WINDOW_MS)
    ).fetchone()
    return found
