"""What PostgreSQL's errors mean to people who run a server, and what is to be done about them.

Read next: `postgres_link.py`, which meets them.
"""

from typing import Final

from psycopg import pq

SENTENCES: Final = {
    "08": "the database cannot be reached",
    "25": "the database does not accept writing; it may be a standby",
    "28": "the database does not let us in",
    "3D": "there is no such database",
    "3F": "its schema is not there; run `wsserver migrate`",
    "42": "its schema is not ours, or may not be used; run `wsserver migrate`",
    "53": "the database has no room left",
    "55": "the database is busy with something else",
    "57": "the database is shutting down or starting",
    "58": "the disk of the database reports an error",
    "XX": "the database is damaged",
}
"""By class of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

FORBIDDEN: Final = "42501"
"""The schema may well be ours; `wsserver migrate` would not help."""


def explain(code: str) -> str | None:
    """Return what the SQLSTATE `code` means; None: nothing that is known here."""
    if code == FORBIDDEN:
        return "its user may not do that; let the user who owns the schema serve, or grant this one what that may do"
    return SENTENCES.get(code[:2])


AGAIN: Final = frozenset({"40001", "40P01"})
"""Another transaction was in the way: the same statement is expected to work when it is tried again."""

TOO_SLOW: Final = frozenset({"57014", "55P03"})
"""Ended by `statement_timeout` or `lock_timeout`. The link is as good as before."""


class Refused(Exception):
    """The database has answered: no. Nothing of what was asked for has been done."""

    def __init__(self, code: str, sentence: str) -> None:
        """`code` is the SQLSTATE."""
        super().__init__(sentence)
        self.code = code


class LinkLost(Exception):
    """There was no answer and there will be none: what was asked for may have been done, or not."""


def refusal(result: pq.abc.PGresult) -> Refused | LinkLost:
    """Return what an error result says. Raises nothing; a session that is ended has not answered."""
    code = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    severity = result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) or b""
    text = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(errors="replace")
    if not code:  # libpq's own words: the connection has ended
        return LinkLost("the connection to the database is lost")
    if severity in (b"FATAL", b"PANIC"):
        return LinkLost(f"{explain(code) or 'the database ended the session'} ({text})")
    if code in TOO_SLOW:
        return Refused(code, "the database took too long")
    return Refused(code, f"{explain(code) or 'the database refused it'} ({text or code})")
