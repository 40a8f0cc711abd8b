"""Opens the store that an address names, and brings the schema of one up to date.

A store is asked and answers; a remote log is asked and answers later (`chat/remote_log.py`). What stands between it and
the chat is put there by whoever opens it.

Read next: `split.py`, `sqlite.py`, `memory.py`; `postgres.py`.
"""

from collections.abc import Callable
from typing import Final

from wsserver.chat.log import StoreUnavailable
from wsserver.reactor.loop import Reactor
from wsserver.reactor.offload import Offload
from wsserver.stores.address import MEMORY, POSTGRES, parse_address
from wsserver.stores.base import Reporter, Store
from wsserver.stores.cached import Source
from wsserver.stores.engine import Engine
from wsserver.stores.memory import MemoryStore
from wsserver.stores.split import SplitStore
from wsserver.stores.sqlite import SqliteStore
from wsserver.stores.sqlite_file import SqliteFile
from wsserver.stores.sqlite_schema import VERSION

MISSING_LIBRARY: Final = "PostgreSQL needs one more package: pip install 'wsserver[postgres]'"


def is_remote(url: str) -> bool:
    """Tell whether the store at `url` is a remote log. Raises ValueError for the url."""
    return parse_address(url).kind == POSTGRES


def open_remote_log(
    url: str,
    reactor: Reactor,
    offload: Offload,
    reporter: Reporter,
    history_of: Callable[[str], int],
    history_age_s: float = 0.0,
    power: bool = False,
) -> Source:
    """Open the remote log at `url`; the rest is what `PostgresLog` says.

    It holds the channels whose `history_of` is not 0. Raises StoreUnavailable, ValueError for the url.
    """
    assert is_remote(url)
    try:
        from wsserver.stores.postgres import PostgresLog
    except ImportError:
        raise StoreUnavailable(MISSING_LIBRARY) from None
    return PostgresLog(reactor, offload, reporter, url, history_of, history_age_s, power)


def open_store(
    url: str,
    engine: Engine,
    reporter: Reporter,
    history_of: Callable[[str], int],
    history_age_s: float = 0.0,
    power: bool = False,
) -> Store:
    """Open the store at `url`, which is not remote; the rest is what `SqliteStore` says.

    Raises StoreUnavailable, ValueError for the url.
    """
    address = parse_address(url)
    assert address.kind != POSTGRES, "open_remote_log opens it"
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
    if address.kind == POSTGRES:
        return _migrate_postgres(url)
    file = SqliteFile(address.path)
    version = file.open()
    file.close()
    if version == VERSION:
        return f"{address.path} is up to date (schema {VERSION})"
    return f"{address.path} was brought from schema {version} to {VERSION}"


def _migrate_postgres(url: str) -> str:
    try:
        from wsserver.stores.postgres_conninfo import Conninfo
        from wsserver.stores.postgres_schema import migrate
    except ImportError:
        raise StoreUnavailable(MISSING_LIBRARY) from None
    conninfo = Conninfo(url)
    before, now = migrate(conninfo)
    if before == now:
        return f"{conninfo.place} is up to date (schema {now})"
    return f"{conninfo.place} was brought from schema {before} to {now}"
