"""Checkpoints: what is in the WAL gets into the file and onto the disk, and the WAL begins anew.

A thread makes them, beside the writing, since they wait for the disk. What is written meanwhile is left over, and the
WAL only begins anew when nothing is; so a second one follows, a short one, while writing pauses. Where the disk took
long for the first, the pause is put off until the WAL is very long.

    WAL > 16 MiB --> beside the writing --quick, or WAL > 128 MiB--> while batches wait --> WAL empty

Read next: `sqlite_upkeep.py`, which looks how long the WAL is.
"""

import sqlite3
from collections.abc import Callable
from typing import Final, Protocol

from wsserver.stores.base import Reporter
from wsserver.stores.engine import Engine
from wsserver.stores.sqlite_errors import explain, is_final
from wsserver.stores.sqlite_file import SqliteFile

WAL_BYTES: Final = 16 * 1024 * 1024
"""Readers look through the WAL first; four thousand pages cost them little, and a checkpoint of them 50 ms."""

WAL_LONG_BYTES: Final = 128 * 1024 * 1024
"""Then it has to be cut even if everybody waits for the disk meanwhile."""

QUICK_S: Final = 0.2
"""A disk that took no longer for 16 MiB takes a fraction of it for what is left over."""


class Writing(Protocol):
    """The part of the store that is held up."""

    def pause(self, then: Callable[[], None]) -> None:
        """Call `then` as soon as nothing is being written; nothing is written from there until `resume`."""

    def resume(self) -> None:
        """Go on writing."""

    def lose(self, sentence: str) -> None:
        """The disk cannot be believed any more."""


class Checkpoints:
    """Of one file, one at a time."""

    def __init__(
        self,
        engine: Engine,
        reporter: Reporter,
        file: SqliteFile,
        writing: Writing,
        connect: Callable[[], sqlite3.Connection],
    ) -> None:
        self.running = False
        self._engine = engine
        self._reporter = reporter
        self._file = file
        self._writing = writing
        self._connect = connect
        self._above = WAL_BYTES  # the length of the WAL from which on it is worth another
        self._began_at = 0.0

    def look(self) -> None:
        """Begin one if the WAL is long."""
        if self.running:
            return
        size = self._file.wal_bytes()
        if size < WAL_BYTES:
            self._above = WAL_BYTES
        elif size >= self._above:
            self.running = True
            self._began_at = self._engine.monotonic()
            self._engine.offload(self._run, self._on_first)

    def _run(self) -> tuple[int, int, int]:
        """Copy what no reader holds back; return (0, pages in the WAL, pages of it that are in the file now)."""
        connection = self._connect()
        try:
            result: tuple[int, int, int] = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return result
        finally:
            connection.close()

    def _on_first(self, result: tuple[int, int, int] | Exception) -> None:
        quick = self._engine.monotonic() - self._began_at <= QUICK_S
        if isinstance(result, Exception) or not (quick or self._file.wal_bytes() >= WAL_LONG_BYTES):
            self._end(result)
        else:
            self._writing.pause(self._finish)

    def _finish(self) -> None:
        self._engine.offload(self._run, self._on_second)

    def _on_second(self, result: tuple[int, int, int] | Exception) -> None:
        self._end(result)
        if isinstance(result, tuple) and result[1] == result[2]:
            self._above = WAL_BYTES  # the next write begins the WAL anew
        self._writing.resume()

    def _end(self, result: tuple[int, int, int] | Exception) -> None:
        """What is left over, because of a reader or the disk, is left until the WAL has grown as much again."""
        self.running = False
        self._above = self._file.wal_bytes() + WAL_BYTES
        if isinstance(result, sqlite3.Error) and is_final(result):
            self._writing.lose(explain(result))
        elif isinstance(result, sqlite3.Error):
            # The WAL still takes what is written, as long as there is room for it.
            self._reporter.trouble(f"a checkpoint failed: {explain(result)}")
        elif isinstance(result, Exception):
            raise result
