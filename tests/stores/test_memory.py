"""The store in memory: numbers, retention, keys, and what it forgets when there is too much."""

from collections.abc import Callable
from random import Random
from sys import getsizeof

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsserver.chat.log import Publication, Stored
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores import memory
from wsserver.stores.memory import MESSAGE_BYTES, MemoryStore


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(history: int = 10_000, clock: Callable[[], float] | None = None, **options: int) -> MemoryStore:
    return MemoryStore(Random(1).randbytes, clock or Clock(), lambda _channel: history, **options)


def post(
    store: MemoryStore, count: int = 1, channel: str = "c", user: str = "ann", key: str | None = None
) -> list[int]:
    stored = append(store, *[Publication(channel, user, "text", 5, key)] * count)
    return [result.message.seq for result in stored]


def append(store: MemoryStore, *publications: Publication) -> list[Stored]:
    stored = store.append(publications, refuse_to_be_called)
    assert stored is not None
    return stored


def refuse_to_be_called(outcome: object) -> None:
    raise AssertionError(outcome)


def seqs(messages: list[MessageEvent]) -> list[int]:
    return [message.seq for message in messages]


def test_another_store_has_other_epochs() -> None:
    one, other = (MemoryStore(Random(seed).randbytes, Clock()) for seed in (1, 2))
    assert one.head("c").epoch != other.head("c").epoch


def test_a_channel_without_history_numbers_and_keeps_nothing() -> None:
    store = make(0)
    assert post(store, 5) == [1, 2, 3, 4, 5]
    head = store.head("c")
    assert (head.seq, head.oldest) == (5, 6)
    assert store.after("c", 0, 10) == store.before("c", 6, 10) == store.before("c", 3, 10) == []
    assert store._bytes == 0


def test_a_key_holds_for_five_minutes_after_the_first_and_not_longer() -> None:
    clock = Clock()
    store = make(clock=clock)
    post(store, key="k")
    clock.now = 299.9
    assert post(store, key="k") == [1]
    clock.now = 300.0
    assert post(store, key="k") == [2]
    assert len(store._keys) == 1


def test_keys_hold_where_no_history_is_kept() -> None:
    store = make(0)
    assert post(store, 2, key="k") == [1, 1]


def test_too_many_keys_make_the_oldest_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEY_LIMIT", 2)
    store = make()
    for key in "abcd":
        post(store, key=key)
    assert len(store._keys) <= 3
    assert post(store, key="d") == [4]
    assert post(store, key="a") == [5]


def test_a_released_channel_is_forgotten_and_comes_back_with_another_epoch() -> None:
    store = make()
    post(store, 3)
    epoch = store.head("c").epoch
    store.release("c")
    store.release("never heard of")
    assert store._bytes == 0
    head = store.head("c")
    assert (head.seq, head.epoch != epoch) == (0, True)


def test_when_there_is_too_much_the_channel_that_was_quiet_longest_loses_its_oldest_messages() -> None:
    size = getsizeof("text") + MESSAGE_BYTES
    store = make(bytes_limit=10 * size)
    post(store, 3, "busy")  # older than the quiet one, but not quiet
    post(store, 4, "quiet")
    post(store, 3, "busy")
    post(store, 3, "busy")
    assert seqs(store.after("quiet", 0, 99)) == [4]
    post(store, 3, "busy")
    assert store.after("quiet", 0, 99) == []
    assert (store.head("quiet").seq, store.head("quiet").oldest) == (4, 5)
    assert seqs(store.after("busy", 0, 99)) == list(range(3, 13))
    assert store._bytes == 10 * size
    post(store, 1, "quiet")
    assert seqs(store.after("quiet", 0, 99)) == [5]


def test_one_message_beyond_all_limits_is_numbered_and_not_kept() -> None:
    store = make(bytes_limit=100)
    assert post(store) == [1]
    assert store.after("c", 0, 9) == []
    assert store.head("c").oldest == 2


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), max_size=30),
    st.sampled_from([0, 1, 5, 20]),
    st.integers(0, 40) | st.none(),
)
def test_what_is_kept_is_the_newest_without_a_gap_whatever_happens(
    posts: list[tuple[str, int]], history: int, room: int | None
) -> None:
    limit = 10**9 if room is None else room * (getsizeof("text") + MESSAGE_BYTES)
    store = make(history, bytes_limit=limit)
    for channel, count in posts:
        post(store, count, channel)
        for name in "abc":
            head = store.head(name)
            assert seqs(store.after(name, 0, 10_000)) == list(range(head.oldest, head.seq + 1))
            assert head.seq - head.oldest < max(history, 1)
    assert store._bytes == sum(len(log.kept) for log in store._channels.values()) * (getsizeof("text") + MESSAGE_BYTES)
    assert store._bytes <= limit
