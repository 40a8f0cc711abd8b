"""What every store promises, whichever it is; and what they share."""

from random import Random

import pytest

from tests.stores.rig import KINDS, Shelf, seqs
from wsserver.chat.log import Publication
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.base import KEY_WINDOW_S, Store, new_epoch

HARMFUL = (
    "häßlich 😀 \u202e\u2028\x1b[31m\x01\x7f",
    "'); DROP TABLE entry; --",
    '"},{"type":"x"}]\\u0000 \\',
    "\ufeff \ufffd\U0010ffff",
    "x" * 65_536,
    "1",
    "null",
)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(shelf: Shelf, kind: str) -> Store:
    return shelf.open(kind)


def test_an_epoch_has_no_colon_and_is_drawn_afresh() -> None:
    draws = iter([b"\x3a" * 8, b"\xff" * 8])
    epochs = [new_epoch(lambda _count: next(draws)) for _ in range(2)]
    assert epochs == ["3a" * 8, "ff" * 8]


def test_a_key_holds_for_five_minutes() -> None:
    assert KEY_WINDOW_S == 300


def test_a_new_store_has_no_trouble_and_no_messages(store: Store) -> None:
    assert store.trouble is None
    head = store.head("c")
    assert (head.seq, head.oldest, ":" in head.epoch, bool(head.epoch)) == (0, 1, False, True)
    assert store.after("c", 0, 10) == store.before("c", 1, 10) == []
    store.release("never heard of")


def test_every_channel_counts_from_one_without_a_gap(shelf: Shelf, store: Store) -> None:
    assert shelf.post(store, 2) + shelf.post(store, 1, "other") + shelf.post(store, 2) == [1, 2, 1, 3, 4]


def test_channels_in_one_batch_count_each_for_itself(shelf: Shelf, store: Store) -> None:
    batch = [Publication(channel, "ann", "text", 5) for channel in "abacab"]
    assert [result.message.seq for result in shelf.append(store, *batch)] == [1, 1, 2, 1, 3, 2]
    assert [seqs(store.after(channel, 0, 9)) for channel in "abc"] == [[1, 2, 3], [1, 2], [1]]


@pytest.mark.parametrize("text", HARMFUL)
def test_what_goes_in_comes_out(shelf: Shelf, store: Store, text: str) -> None:
    name = text[:200]
    (stored,) = shelf.append(store, Publication(name, name, text, 1234))
    assert stored.message == MessageEvent(name, 1, name, text, 1234)
    assert store.after(name, 0, 10) == store.before(name, 2, 10) == [stored.message]


def test_an_empty_batch_is_no_mistake(shelf: Shelf, store: Store) -> None:
    assert shelf.append(store) == []


def test_a_large_batch_is_kept_whole(shelf: Shelf, store: Store) -> None:
    assert shelf.post(store, 5000) == list(range(1, 5001))
    assert seqs(store.after("c", 4990, 100)) == list(range(4991, 5001))


def test_a_channel_gets_its_epoch_when_it_is_first_asked_about_and_keeps_it(shelf: Shelf, store: Store) -> None:
    first = store.head("c")
    shelf.post(store, 3)
    assert (store.head("c").epoch, store.head("c").seq, store.head("c").oldest) == (first.epoch, 3, 1)


@pytest.mark.parametrize(
    ("seq", "limit", "after", "before"),
    [
        (0, 3, [1, 2, 3], []),
        (5, 3, [6, 7, 8], [2, 3, 4]),
        (9, 3, [10], [6, 7, 8]),
        (10, 3, [], [7, 8, 9]),
        (11, 3, [], [8, 9, 10]),
        (99, 3, [], [8, 9, 10]),
        (-5, 3, [1, 2, 3], []),
        (5, 0, [], []),
        (5, 100, [6, 7, 8, 9, 10], [1, 2, 3, 4]),
        (10**20, 10**20, [], list(range(1, 11))),
        (-(10**20), 10**20, list(range(1, 11)), []),
    ],
)
def test_pages_before_and_after(
    shelf: Shelf, store: Store, seq: int, limit: int, after: list[int], before: list[int]
) -> None:
    shelf.post(store, 10)
    assert seqs(store.after("c", seq, limit)) == after
    assert seqs(store.before("c", seq, limit)) == before


@pytest.mark.parametrize("history", [1, 3, 8, 100])
def test_a_channel_keeps_exactly_so_many_messages_at_every_moment(shelf: Shelf, kind: str, history: int) -> None:
    store = shelf.open(kind, history)
    for seq in range(1, 300):
        shelf.post(store)
        if seq % 7 == 0:
            shelf.engine.advance(0.05)
        head = store.head("c")
        kept = list(range(max(1, seq - history + 1), seq + 1))
        assert seqs(store.after("c", 0, 1000)) == seqs(store.before("c", seq + 1, 1000)) == kept
        assert (head.seq, head.oldest) == (seq, kept[0])


def test_how_much_is_kept_is_asked_for_each_channel(shelf: Shelf, kind: str) -> None:
    store = shelf.open(kind, histories={"a": 1, "b": 2})
    for channel in ("a", "b"):
        shelf.post(store, 5, channel)
    assert (seqs(store.after("a", 0, 9)), seqs(store.after("b", 0, 9))) == ([5], [4, 5])


def test_a_channel_without_history_numbers_and_keeps_nothing(shelf: Shelf, kind: str) -> None:
    store = shelf.open(kind, 0)
    assert shelf.post(store, 5) == [1, 2, 3, 4, 5]
    head = store.head("c")
    assert (head.seq, head.oldest) == (5, 6)
    assert store.after("c", 0, 10) == store.before("c", 6, 10) == store.before("c", 3, 10) == []


def test_a_key_is_stored_once_and_answered_with_the_first_message(shelf: Shelf, store: Store) -> None:
    (first,) = shelf.append(store, Publication("c", "ann", "one", 1, "k"))
    (second,) = shelf.append(store, Publication("c", "ann", "two", 2, "k"))
    assert (first.duplicate, second.duplicate) == (False, True)
    assert (second.message.seq, second.message.ts) == (1, 1)
    assert store.head("c").seq == 1


def test_a_key_twice_in_one_batch_is_stored_once(shelf: Shelf, store: Store) -> None:
    one, two = Publication("c", "ann", "one", 1, "k"), Publication("c", "ann", "two", 2, "k")
    between = Publication("c", "ann", "between", 3)
    results = shelf.append(store, one, between, two)
    assert [(result.message.seq, result.duplicate) for result in results] == [(1, False), (2, False), (1, True)]
    assert [message.text for message in store.after("c", 0, 9)] == ["one", "between"]


def test_a_key_is_of_one_user_in_one_channel(shelf: Shelf, store: Store) -> None:
    numbers = shelf.post(store, key="k") + shelf.post(store, user="bob", key="k")
    assert numbers + shelf.post(store, channel="other", key="k") == [1, 2, 1]


def test_a_key_holds_for_five_minutes_after_the_first_and_not_longer(shelf: Shelf, store: Store) -> None:
    shelf.post(store, key="k")
    shelf.engine.advance(299.9)
    assert shelf.post(store, key="k") == [1]
    shelf.engine.advance(0.1)
    assert shelf.post(store, key="k") == [2]
    assert shelf.post(store, key="k") == [2]


def test_keys_hold_where_no_history_is_kept(shelf: Shelf, kind: str) -> None:
    store = shelf.open(kind, 0)
    assert shelf.post(store, 2, key="k") == [1, 1]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "memory"])
def test_whatever_happens_every_store_says_the_same_as_the_one_in_memory(shelf: Shelf, kind: str) -> None:
    luck = Random(7)
    histories = {"a": 5, "b": 40, "c": 0}
    store, model = shelf.open(kind, histories=histories), shelf.open("memory", histories=histories)
    for _ in range(300):
        names = "c" if kind == "split" and luck.random() < 0.3 else "ab" if kind == "split" else "abc"
        batch = [
            Publication(luck.choice(names), luck.choice("uv"), str(luck.random()), 5, luck.choice([None, "k", "l"]))
            for _ in range(luck.randrange(1, 30))
        ]
        assert shelf.append(store, *batch) == shelf.append(model, *batch)
        if luck.random() < 0.2:
            shelf.engine.advance(luck.choice([0.05, 1, 200]))
        for name in histories:
            one, other = store.head(name), model.head(name)
            assert (one.seq, one.oldest) == (other.seq, other.oldest)
            seq, limit = luck.randrange(-2, one.seq + 3), luck.randrange(60)
            assert store.after(name, seq, limit) == model.after(name, seq, limit)
            assert store.before(name, seq, limit) == model.before(name, seq, limit)
