"""What all stores share."""

from wsserver.stores.base import KEY_WINDOW_S, Store, new_epoch
from wsserver.stores.memory import MemoryStore


def test_an_epoch_has_no_colon_and_is_drawn_afresh() -> None:
    draws = iter([b"\x3a" * 8, b"\xff" * 8])
    epochs = [new_epoch(lambda _count: next(draws)) for _ in range(2)]
    assert epochs == ["3a" * 8, "ff" * 8]


def test_a_key_holds_for_five_minutes() -> None:
    assert KEY_WINDOW_S == 300


def test_the_memory_store_is_a_store() -> None:
    store: Store = MemoryStore(bytes, float)
    store.close()
    assert store.head("c").seq == 0
