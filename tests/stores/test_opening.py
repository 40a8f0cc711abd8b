"""Which store an address opens."""

import sys

import pytest

from tests.reactor.fakes import fake_reactor
from tests.stores.rig import Shelf
from wsserver.chat.log import StoreUnavailable
from wsserver.reactor.offload import Offload
from wsserver.stores.memory import MemoryStore
from wsserver.stores.opening import is_remote, migrate_store, open_remote_log, open_store
from wsserver.stores.split import SplitStore
from wsserver.stores.sqlite import SqliteStore


def test_memory_is_memory(shelf: Shelf) -> None:
    assert isinstance(open_store("memory:", shelf.engine, shelf.reporter, lambda _: 5), MemoryStore)


def test_a_file_keeps_what_has_a_history_and_memory_the_rest(shelf: Shelf) -> None:
    store = open_store(f"sqlite:{shelf.path}", shelf.engine, shelf.reporter, {"kept": 5, "passing": 0}.__getitem__)
    shelf.opened.append(store)
    assert isinstance(store, SplitStore)
    assert isinstance(store.part_of("kept"), SqliteStore)
    assert isinstance(store.part_of("passing"), MemoryStore)


def test_an_address_that_is_none_is_refused(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="expected"):
        open_store("redis:x", shelf.engine, shelf.reporter, lambda _: 5)
    with pytest.raises(ValueError, match="expected"):
        migrate_store("")


def test_only_postgresql_is_remote() -> None:
    assert [is_remote(url) for url in ("postgresql://h", "postgres://h", "sqlite:x", "memory:")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    for name in ("postgres", "postgres_conninfo"):
        monkeypatch.setitem(sys.modules, f"wsserver.stores.{name}", None)
    reactor = fake_reactor()
    with pytest.raises(StoreUnavailable, match=r"wsserver\[postgres\]"):
        open_remote_log("postgresql://h", reactor, Offload(reactor.post), shelf.reporter, lambda _: 5)
    with pytest.raises(StoreUnavailable, match=r"wsserver\[postgres\]"):
        migrate_store("postgresql://h")
    reactor.close()


def test_a_file_is_made_and_brought_up_to_date_and_it_is_said(shelf: Shelf) -> None:
    url = f"sqlite:{shelf.path}"
    assert migrate_store(url) == f"{shelf.path} was brought from schema 0 to 1"
    assert migrate_store(url) == f"{shelf.path} is up to date (schema 1)"
    assert "nothing" in migrate_store("memory:")


def test_a_file_that_is_in_use_is_left_alone(shelf: Shelf) -> None:
    shelf.open_sqlite()
    with pytest.raises(StoreUnavailable, match="another wsserver"):
        migrate_store(f"sqlite:{shelf.path}")
