"""Stores that are closed behind each test, whatever happened in it."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.postgres import Database, Postgres
from tests.stores.postgres_rig import Node
from tests.stores.rig import Shelf
from wsserver.stores import sqlite_file
from wsserver.stores.postgres_conninfo import Conninfo
from wsserver.stores.postgres_schema import migrate

IN_MEMORY = Path("/dev/shm")


@pytest.fixture
def fast_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose disk need not be waited for, where there is one."""
    if not os.access(IN_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="wsserver-", dir=IN_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is about to let go of a file here."""
    monkeypatch.setattr(sqlite_file, "LOCK_PAUSE_S", 0)


@pytest.fixture
def shelf(fast_folder: Path) -> Iterator[Shelf]:
    shelf = Shelf(fast_folder)
    yield shelf
    shelf.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A private PostgreSQL for all tests that need nothing of their own."""
    with Postgres() as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Database:
    """A database with our schema."""
    database = Database(postgres, postgres.new_database())
    migrate(Conninfo(database.url))
    return database


@pytest.fixture
def node(database: Database) -> Iterator[Callable[..., Node]]:
    """Makes nodes over that database, and closes them."""
    nodes: list[Node] = []

    def make(url: str = "", **options: Any) -> Node:
        nodes.append(Node(url or database.url, **options))
        return nodes[-1]

    yield make
    for one in nodes:
        one.close()
