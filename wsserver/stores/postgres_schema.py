"""Puts the schema in place and judges the one that is there: what happens before a server runs, so it may wait.

    migrate    steps from the version that is there to ours, in one transaction, one node at a time
    check      the database can be reached, lets us in, and has our version

Read next: `postgres_statements.py` for what is put in place.
"""

from typing import Final

from psycopg import pq

from wsserver.chat.log import StoreUnavailable
from wsserver.reactor.poller import READ, WRITE, open_poller
from wsserver.stores.postgres_conninfo import Conninfo
from wsserver.stores.postgres_errors import explain
from wsserver.stores.postgres_statements import STEPS, VERSION

CONNECT_S: Final = 5
"""A database that is not there within so long is not there."""

LOCK: Final = 0x77737376
"""`wssv`: the advisory lock by which one node migrates and the others wait."""

_MISSING: Final = frozenset({"42P01", "3F000"})
"""undefined_table, invalid_schema_name."""


class _Refused(Exception):
    """The database said no."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def check(conninfo: Conninfo) -> None:
    """Raise StoreUnavailable, with advice, unless the database is there and has our schema. Blocks."""
    conn = _connect(conninfo)
    try:
        version = _version(conn, conninfo)
    finally:
        conn.finish()
    if version is None:
        raise StoreUnavailable(f"{conninfo.place} has no schema of wsserver; run `wsserver migrate` with this --store")
    if version < VERSION:
        raise StoreUnavailable(
            f"{conninfo.place} has schema {version}, this wsserver needs {VERSION}; run `wsserver migrate` first"
        )
    if version > VERSION:
        raise StoreUnavailable(
            f"{conninfo.place} has schema {version}, of a newer wsserver; this one knows {VERSION}: run the newer one"
        )


def migrate(conninfo: Conninfo) -> tuple[int, int]:
    """Bring the schema up to date; return the versions before and now. Raises StoreUnavailable. Blocks."""
    conn = _connect(conninfo)
    try:
        _run(conn, f"BEGIN; SELECT pg_advisory_xact_lock({LOCK})")
        before = _version(conn, conninfo, "SAVEPOINT here", "ROLLBACK TO here") or 0
        if before > VERSION:
            raise StoreUnavailable(f"{conninfo.place} has schema {before}, of a newer wsserver")
        for step in STEPS[before:]:
            _run(conn, step)
        _run(conn, f"UPDATE wsserver.store SET version = {VERSION}; COMMIT")
    except _Refused as error:
        raise StoreUnavailable(f"{conninfo.place} could not be brought up to date: {error}") from None
    finally:
        conn.finish()
    return before, VERSION


def _connect(conninfo: Conninfo) -> pq.abc.PGconn:
    conn = pq.PGconn.connect_start(conninfo.render())
    conn.notice_handler = None
    reason = _wait_for(conn)
    if reason is None:
        return conn
    conn.finish()
    raise StoreUnavailable(
        f"the database {conninfo.place} cannot be used ({reason}); see that it runs and that --store names it rightly"
    )


def _wait_for(conn: pq.abc.PGconn) -> str | None:
    """Wait until it is connected, for at most CONNECT_S a step; return why it is not."""
    status: int = pq.PollingStatus.FAILED if conn.status == pq.ConnStatus.BAD else pq.PollingStatus.WRITING
    while status in (pq.PollingStatus.READING, pq.PollingStatus.WRITING):
        poller = open_poller("poll")  # a new one each time: the socket may be another after each step
        poller.register(conn.socket, READ if status == pq.PollingStatus.READING else WRITE)
        if not poller.poll(CONNECT_S):
            return "it does not answer"
        status = conn.connect_poll()
    if status == pq.PollingStatus.OK:
        return None
    return "; ".join(line.strip() for line in conn.get_error_message().strip().splitlines())


def _version(conn: pq.abc.PGconn, conninfo: Conninfo, before: str = "", undo: str = "") -> int | None:
    """Return the version of the schema; None: there is none. Raises StoreUnavailable."""
    if before:
        _run(conn, before)
    try:
        result = _run(conn, "SELECT version FROM wsserver.store")
    except _Refused as error:
        if error.code not in _MISSING:
            raise StoreUnavailable(
                f"{conninfo.place}: {explain(error.code) or 'the database refused it'} ({error})"
            ) from None
        if undo:
            _run(conn, undo)
        return None
    version = result.get_value(0, 0) if result.ntuples else None
    return None if version is None else int(version)


def _run(conn: pq.abc.PGconn, statement: str) -> pq.abc.PGresult:
    """Have a statement, or several, done; return the last result. Raises _Refused."""
    result = conn.exec_(statement.encode())
    if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        return result
    code = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    text = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.get_error_message().encode()
    raise _Refused(code, text.decode(errors="replace"))
