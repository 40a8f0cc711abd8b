"""Which store an address opens."""

import pytest

from tests.stores.rig import Shelf
from wsserver.chat.log import StoreUnavailable
from wsserver.stores.memory import MemoryStore
from wsserver.stores.opening import migrate_store, open_store
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


def test_a_file_is_made_and_brought_up_to_date_and_it_is_said(shelf: Shelf) -> None:
    url = f"sqlite:{shelf.path}"
    assert migrate_store(url) == f"{shelf.path} was brought from schema 0 to 1"
    assert migrate_store(url) == f"{shelf.path} is up to date (schema 1)"
    assert "nothing" in migrate_store("memory:")


def test_a_file_that_is_in_use_is_left_alone(shelf: Shelf) -> None:
    shelf.open_sqlite()
    with pytest.raises(StoreUnavailable, match="another wsserver"):
        migrate_store(f"sqlite:{shelf.path}")
