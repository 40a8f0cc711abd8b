"""Two stores as one."""

import pytest

from tests.stores.rig import Shelf, seqs
from wsserver.stores.split import SplitStore
from wsserver.stores.sqlite import SqliteStore


def test_each_channel_is_where_its_history_says(shelf: Shelf) -> None:
    store = shelf.open("split", histories={"kept": 5, "passing": 0})
    shelf.post(store, 2, "kept")
    shelf.post(store, 3, "passing", key="k")
    assert (store.head("kept").seq, store.head("passing").seq) == (2, 1)
    assert (seqs(store.after("kept", 0, 9)), store.before("passing", 2, 9)) == ([1, 2], [])
    assert shelf.query("SELECT name FROM channels") == [("kept",)]
    store.release("kept")
    store.release("passing")
    assert (store.head("kept").seq, store.head("passing").seq) == (2, 0)


def test_without_history_a_channel_has_an_epoch_of_its_own_at_each_start(shelf: Shelf) -> None:
    epochs = []
    for _ in range(2):
        store = shelf.open("split", histories={"kept": 5, "passing": 0})
        epochs.append((store.head("kept").epoch, store.head("passing").epoch))
        store.close()
    assert epochs[0][0] == epochs[1][0]
    assert len({epoch for pair in epochs for epoch in pair}) == 3


def test_what_passes_goes_on_when_the_durable_part_is_in_trouble(shelf: Shelf) -> None:
    store = shelf.open("split", histories={"kept": 5, "passing": 0})
    durable = store.part_of("kept")
    assert isinstance(store, SplitStore)
    assert isinstance(durable, SqliteStore)
    durable.trouble = "the disk is full"
    assert store.trouble == "the disk is full"
    assert shelf.post(store, 1, "passing") == [1]


def test_a_batch_is_given_to_a_part(shelf: Shelf) -> None:
    with pytest.raises(AssertionError):
        shelf.open("split").append([], print)
