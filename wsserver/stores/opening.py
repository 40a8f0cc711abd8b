"""Opens the store that an address names, and brings the schema of one up to date.

Read next: `split.py`, `sqlite.py`, `memory.py`.
"""

from collections.abc import Callable

from wsserver.stores.address import MEMORY, parse_address
from wsserver.stores.base import Reporter, Store
from wsserver.stores.engine import Engine
from wsserver.stores.memory import MemoryStore
from wsserver.stores.split import SplitStore
from wsserver.stores.sqlite import SqliteStore
from wsserver.stores.sqlite_file import SqliteFile
from wsserver.stores.sqlite_schema import VERSION


def open_store(
    url: str,
    engine: Engine,
    reporter: Reporter,
    history_of: Callable[[str], int],
    history_age_s: float = 0.0,
    power: bool = False,
) -> Store:
    """Open the store at `url`; the rest is what `SqliteStore` says. Raises StoreUnavailable, ValueError for the url."""
    address = parse_address(url)
    memory = MemoryStore(engine.random_bytes, engine.monotonic, history_of)
    if address.kind == MEMORY:
        return memory
    durable = SqliteStore(engine, reporter, address.path, history_of, history_age_s, power)
    return SplitStore(durable, memory, history_of)


def migrate_store(url: str) -> str:
    """Bring the schema of the store at `url` up to date; return the sentence that says what was done.

    Raises StoreUnavailable, and ValueError for the url.
    """
    address = parse_address(url)
    if address.kind == MEMORY:
        return "memory: keeps nothing, so there is nothing to bring up to date"
    file = SqliteFile(address.path)
    version = file.open()
    file.close()
    if version == VERSION:
        return f"{address.path} is up to date (schema {VERSION})"
    return f"{address.path} was brought from schema {version} to {VERSION}"
