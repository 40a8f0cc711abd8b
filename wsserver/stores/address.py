"""What `--store` may say: which kind of store, and where it is.

Read next: `opening.py`, which opens what is named here.
"""

from typing import Final, NamedTuple

MEMORY: Final = "memory"
SQLITE: Final = "sqlite"

EXPECTED: Final = 'memory: or sqlite:PATH, such as "sqlite:wsserver.db"'


class Address(NamedTuple):
    """`kind` is MEMORY or SQLITE; `path` is where the file is, for SQLite."""

    kind: str
    path: str = ""


def parse_address(url: str) -> Address:
    """Return what `url` names. Raises ValueError when it is neither `memory:` nor `sqlite:PATH`.

    PATH is a path as the shell knows it: nothing in it is decoded, and what has no `/` in front is relative to where
    the server was started. SQLite's own name for a database in memory is none.
    """
    kind, _, path = url.partition(":")
    if kind == MEMORY and url == "memory:":
        return Address(MEMORY)
    if kind == SQLITE and path and path != ":memory:" and "\0" not in path:
        return Address(SQLITE, path)
    raise ValueError(f"expected {EXPECTED}")
