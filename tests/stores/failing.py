"""Connections to SQLite of which the call that a test names fails, before it has done its work or behind it."""

import sqlite3
from typing import Any

from wsserver.stores.sqlite_file import STATEMENTS, connect

NAMES = {
    sqlite3.SQLITE_FULL: "SQLITE_FULL",
    sqlite3.SQLITE_CORRUPT: "SQLITE_CORRUPT",
    sqlite3.SQLITE_IOERR_WRITE: "SQLITE_IOERR_WRITE",
    sqlite3.SQLITE_IOERR_FSYNC: "SQLITE_IOERR_FSYNC",
}


class Failing:
    """Counts the calls of all connections that it opened: `execute` and `executemany`, without those of opening."""

    def __init__(self) -> None:
        self.calls = 0
        self._at = 0
        self._code = 0
        self._after = False

    def fail_at(self, number: int, code: int, after: bool = False) -> None:
        """Let call `number` fail with a result code of SQLite, `after`: when it has done its work. 0: none fails."""
        self._at, self._code, self._after = number, code, after

    def connect(self, path: str, synchronous: str) -> sqlite3.Connection:
        plain = connect(path, synchronous)
        plain.close()
        connection = sqlite3.connect(
            path,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
            factory=self._factory(),
        )
        sqlite3.Connection.execute(connection, f"PRAGMA synchronous = {synchronous}")
        sqlite3.Connection.execute(connection, "PRAGMA wal_autocheckpoint = 0")
        sqlite3.Connection.execute(connection, "PRAGMA journal_size_limit = 0")
        return connection

    def _call(self, call: Any, *arguments: Any) -> Any:
        self.calls += 1
        if self.calls != self._at:
            return call(*arguments)
        if self._after:
            call(*arguments)
        error = sqlite3.OperationalError("as the test wishes")
        error.sqlite_errorcode = self._code
        error.sqlite_errorname = NAMES[self._code]
        raise error

    def _factory(self) -> type[sqlite3.Connection]:
        failing = self

        class Connection(sqlite3.Connection):
            def execute(self, *arguments: Any) -> Any:
                if arguments[0] == "ROLLBACK":
                    return super().execute(*arguments)
                return failing._call(super().execute, *arguments)

            def executemany(self, *arguments: Any) -> Any:
                return failing._call(super().executemany, *arguments)

        return Connection
