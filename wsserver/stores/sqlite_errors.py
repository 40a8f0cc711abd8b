"""What SQLite's errors mean to people who run a server, and which of them end it.

Read next: `sqlite.py`, which meets them.
"""

import sqlite3
from typing import Final

SENTENCES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file may not be written",
    sqlite3.SQLITE_PERM: "the file may not be opened",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
    sqlite3.SQLITE_BUSY: "another program is writing to the file",
    sqlite3.SQLITE_LOCKED: "another program is writing to the file",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_CONSTRAINT: "another program has changed the file",
}
"""By primary result code (https://www.sqlite.org/rescode.html)."""

_SYNC_FAILED: Final = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})


def explain(error: sqlite3.Error) -> str:
    """Return the part of a sentence that says what is wrong, with SQLite's own name for it."""
    code = _code(error)
    if code is None:
        return f"SQLite says: {error}"
    sentence = SENTENCES.get(code & 0xFF, "SQLite failed")
    return f"{sentence} ({error.sqlite_errorname})"


def is_of_the_world(error: sqlite3.Error) -> bool:
    """Tell whether the file, the disk or another program is to blame, and not our own code."""
    code = _code(error)
    return code is not None and (code & 0xFF) in SENTENCES


def is_final(error: sqlite3.Error) -> bool:
    """Tell whether fsync(2) failed: the kernel may have thrown away what it could not write, and says so only once.

    So nothing that a later fsync says can be believed (P. Rebello et al., "Can Applications Recover from fsync
    Failures?", 2020); what is really there is found out by opening the file anew, in another process.
    """
    return _code(error) in _SYNC_FAILED


def is_foreign(error: sqlite3.Error) -> bool:
    """Tell whether rows were there that we did not write."""
    code = _code(error)
    return code is not None and code & 0xFF == sqlite3.SQLITE_CONSTRAINT


def _code(error: sqlite3.Error) -> int | None:
    """Return the extended result code; errors that Python's module raises itself have none."""
    return getattr(error, "sqlite_errorcode", None)
