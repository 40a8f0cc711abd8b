"""What the file says about itself: the epoch of its numbers, whether the disk has them all, and the time on its clock.

A server that does not wait for the disk notes under which run of the machine it writes. If the machine lost power
meanwhile, some messages that were seen may be gone, and their numbers would be given again: so the next server that
opens the file in another run of the machine takes a new epoch, and clients learn that they cannot go on from where they
were. A server that was killed, and the same run of the machine: nothing is lost, the epoch stays.

Read next: `sqlite.py`.
"""

import sqlite3

from wsserver.stores.base import new_epoch
from wsserver.stores.engine import Engine


class Marks:
    """The one row of `store`, and the clock by which keys grow old."""

    def __init__(self, engine: Engine, connection: sqlite3.Connection, unsynced: bool) -> None:
        """Take the file over; `unsynced`: from now on it is written without waiting for the disk.

        Raises sqlite3.Error.
        """
        boot = engine.boot_id()
        self.epoch, before = connection.execute("SELECT epoch, unsynced_boot FROM store").fetchone()
        if before is not None and before != boot:
            self.epoch = new_epoch(engine.random_bytes)
        self._unsynced = unsynced
        _write_through(
            connection, "UPDATE store SET epoch = ?, unsynced_boot = ?", (self.epoch, boot if unsynced else None)
        )
        # The wall clock, but without its jumps while we run; and not before what is in the file already.
        (newest,) = connection.execute("SELECT max(at) FROM publish_key").fetchone()
        self._monotonic = engine.monotonic
        self._zero_ms = max(engine.wall_ms(), newest or 0) - engine.monotonic() * 1000

    def now_ms(self) -> int:
        """Return the time on the store's clock: milliseconds since 1970, as of its start, and steady since then."""
        return round(self._zero_ms + self._monotonic() * 1000)

    def close(self, connection: sqlite3.Connection) -> None:
        """Note that the disk has everything. Raises sqlite3.Error."""
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if self._unsynced:
            _write_through(connection, "UPDATE store SET unsynced_boot = NULL", ())


def _write_through(connection: sqlite3.Connection, statement: str, values: tuple[str | None, ...]) -> None:
    """Write, and wait until the disk has it."""
    (before,) = connection.execute("PRAGMA synchronous").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    try:
        connection.execute(statement, values)
    finally:
        connection.execute(f"PRAGMA synchronous = {before}")
