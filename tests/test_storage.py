"""The store as the server has it."""

from pathlib import Path

import pytest

from tests.reactor.fakes import fake_reactor, turn
from wsserver.chat.log import Publication, StoreUnavailable
from wsserver.config import from_assignment, load
from wsserver.storage import Storage


def open_storage(reactor, *assignments):
    config = load(flags=[from_assignment(assignment) for assignment in assignments])
    return Storage(reactor, config, lambda _channel: config.chat.history, lambda: None)


@pytest.fixture
def reactor():
    reactor = fake_reactor()
    yield reactor
    reactor.close()


def test_what_the_settings_name_is_opened(reactor, tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    storage = open_storage(reactor, f"store.url=sqlite:{path}", "chat.history=2")
    batch = [Publication("c", "ann", "x", 5)] * 3
    assert storage.store.part_of("c").append(batch, print) is not None
    assert len(storage.store.after("c", 0, 9)) == 2
    assert path.exists()
    storage.close()


def test_what_is_in_the_way_is_said(reactor, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        open_storage(reactor, f"store.url=sqlite:{tmp_path}/nowhere/chat.db")


def test_a_batch_that_is_on_its_way_at_the_end_gets_onto_the_disk(reactor, tmp_path: Path) -> None:
    url = f"store.url=sqlite:{tmp_path}/chat.db"
    storage = open_storage(reactor, url, "store.durability=power")
    told: list[object] = []
    assert storage.store.part_of("c").append([Publication("c", "ann", "x", 5)], told.append) is None
    storage.close()
    turn(reactor)
    assert told == []
    storage = open_storage(reactor, url)
    assert storage.store.head("c").seq == 1
    storage.close()


def test_a_fault_names_its_part(reactor) -> None:
    storage = open_storage(reactor, "store.url=memory:")
    assert storage.fault is None
    storage.store.trouble = "the disk is full"
    assert storage.fault == "store: the disk is full"
    storage.close()
