"""What `--store` may say: which kind of store, and where it is.

Read next: `opening.py`, which opens what is named here.
"""

from typing import Final, NamedTuple

MEMORY: Final = "memory"
SQLITE: Final = "sqlite"
POSTGRES: Final = "postgresql"

EXPECTED: Final = (
    'memory: or sqlite:PATH, such as "sqlite:wsserver.db", or postgresql://USER:PASSWORD@HOST:PORT/DATABASE'
)

_POSTGRES_BEGINNINGS: Final = ("postgresql://", "postgres://")
"""Both are libpq's ("Connection URIs")."""


class Address(NamedTuple):
    """`kind` is MEMORY, SQLITE or POSTGRES; `path` is the path of the file, or the whole URL."""

    kind: str
    path: str = ""


def parse_address(url: str) -> Address:
    """Return what `url` names. Raises ValueError when it is none of the three.

    PATH is a path as the shell knows it: nothing in it is decoded, and what has no `/` in front is relative to where
    the server was started. SQLite's own name for a database in memory is none. What a URL of PostgreSQL says is judged
    by libpq, when it is opened: all of its options may stand behind a `?`.
    """
    kind, _, path = url.partition(":")
    if kind == MEMORY and url == "memory:":
        return Address(MEMORY)
    if kind == SQLITE and path and path != ":memory:" and "\0" not in path:
        return Address(SQLITE, path)
    if url.startswith(_POSTGRES_BEGINNINGS) and "\0" not in url:
        return Address(POSTGRES, url)
    raise ValueError(f"expected {EXPECTED}")
