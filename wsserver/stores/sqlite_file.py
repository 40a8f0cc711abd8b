"""The SQLite file: who may use it, how it is opened, whether it is sound, and how long its log of changes has grown.

One server at a time has it (flock(2) on the file itself, given up by the kernel however the server ends): it counts in
memory, so a second one would give the same numbers again. Others may read at any time.

Nothing here opens the file a second time by itself: closing any descriptor of a file drops all POSIX locks that the
process has on it (fcntl(2)), SQLite's own among them. So the one for flock is closed last.

Read next: `sqlite.py`.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from time import sleep
from typing import Final

from wsserver.chat.log import StoreUnavailable
from wsserver.stores.sqlite_errors import explain
from wsserver.stores.sqlite_schema import migrate

NEEDED: Final = (3, 38, 0)
"""STRICT tables (3.37), `->>` and json_each without asking (3.38, February 2022)."""

CHECK_BELOW: Final = 64 * 1024 * 1024
"""Files up to this size are checked at each start, which takes about a third of a second then; larger ones are not."""

LOCK_TRIES: Final = 20
LOCK_PAUSE_S: Final = 0.1
"""A server that was told to end, or killed, lets go of its file within these two seconds; then the next may start."""

STATEMENTS: Final = 64
"""Prepared statements kept for a connection; there are fewer."""

Connect = Callable[[str, str], sqlite3.Connection]


def connect(path: str, synchronous: str) -> sqlite3.Connection:
    """Open a connection: no implied transactions, no automatic checkpoints, no waiting for locks; for any thread.

    `synchronous`: NORMAL does not wait for the disk at a commit, FULL does (https://www.sqlite.org/pragma.html).
    """
    connection = sqlite3.connect(
        path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
    )
    try:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA journal_size_limit = 0")  # so the size of the WAL tells how much is in it
    except BaseException:
        connection.close()
        raise
    return connection


class SqliteFile:
    """One file, held from `open` to `close`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._wal = f"{path}-wal"
        self._fd = -1
        self._inode = 0

    def open(self) -> int:
        """Take the file, make it if need be, check it, bring it up to date; return the version that it had.

        Raises StoreUnavailable with a sentence that says what to do.
        """
        if sqlite3.sqlite_version_info < NEEDED:
            raise StoreUnavailable(f"SQLite 3.38 or newer is needed, Python has {sqlite3.sqlite_version}")
        self._take()
        try:
            return self._prepare()
        except sqlite3.Error as error:
            self.close()
            advice = "restore it from a backup, or try `sqlite3 FILE .recover`, or name another file"
            raise StoreUnavailable(f"{self.path} cannot be used: {explain(error)}; {advice}") from error
        except BaseException:
            self.close()
            raise

    def is_ours(self) -> bool:
        """Tell whether the file is still where it was: what is written to a deleted file is lost."""
        try:
            return os.stat(self.path).st_ino == self._inode
        except OSError:
            return False

    def wal_bytes(self) -> int:
        """Return the size of the WAL: what has been written since the last checkpoint that was complete."""
        try:
            return os.stat(self._wal).st_size
        except OSError:
            return 0

    def close(self) -> None:
        """Let others have the file. All connections must be closed."""
        if self._fd != -1:
            os.close(self._fd)
            self._fd = -1

    def _take(self) -> None:
        orphaned = self.wal_bytes() and not (os.path.exists(self.path) and os.path.getsize(self.path))
        if orphaned:
            raise StoreUnavailable(
                f"{self.path} is missing or empty but {self._wal} is there; restore the one or remove the other"
            )
        try:
            # Nobody else's business: chats are private, and SQLite gives the WAL the rights of the file.
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._lock()
            self._inode = os.fstat(self._fd).st_ino
        except BlockingIOError:
            self.close()
            raise StoreUnavailable(f"{self.path} is used by another wsserver; stop it, or name another file") from None
        except OSError as error:
            self.close()
            raise StoreUnavailable(f"{self.path} cannot be opened: {error.strerror}") from error

    def _lock(self) -> None:
        """Have the file for ourselves. Raises BlockingIOError when somebody else has it, and keeps it."""
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                sleep(LOCK_PAUSE_S)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _prepare(self) -> int:
        connection = connect(self.path, "FULL")
        try:
            version = migrate(connection, self.path)
            if os.path.getsize(self.path) <= CHECK_BELOW:
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if found != "ok":
                    what = found.splitlines()[-1]  # the first says only which database
                    raise StoreUnavailable(
                        f"{self.path} is damaged ({what}); restore it from a backup, "
                        "or try `sqlite3 FILE .recover`, or name another file"
                    )
            # What a killed server left in the WAL goes into the file, and onto the disk.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return version
        finally:
            connection.close()
