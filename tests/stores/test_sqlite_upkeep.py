"""When things are forgotten, and that nothing happens at rest."""

import pytest

from tests.stores.rig import Shelf
from wsserver.chat.log import Publication
from wsserver.stores.sqlite_upkeep import SLACK, SWEEP_MOST_S


@pytest.fixture(params=["process", "power"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def kept(shelf: Shelf, name: str = "c") -> int:
    [(count,)] = shelf.query("SELECT kept FROM channels WHERE name = ?", name)
    assert isinstance(count, int)
    return count


def test_a_channel_is_cut_when_it_has_grown_well_over_what_it_keeps(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode, history_of=lambda _: 100)
    shelf.engine.advance(1)
    shelf.post(store, 100 + SLACK - 1)
    shelf.engine.advance(1)
    assert kept(shelf) == 100 + SLACK - 1
    shelf.post(store)
    shelf.engine.advance(1)
    assert kept(shelf) == 100


def test_a_busy_channel_does_not_grow_without_end(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode, history_of=lambda _: 50)
    most = 0
    for _ in range(30):
        shelf.post(store, 500)
        shelf.engine.advance(0.1)
        most = max(most, kept(shelf))
    assert most <= 550


def test_many_busy_channels_are_all_cut_and_none_waits_for_the_others(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode, history_of=lambda _: 50)
    names = [f"c{number}" for number in range(40)]
    most = 0
    for _ in range(20):
        shelf.append(store, *[Publication(name, "ann", "x", 5) for name in names for _ in range(50)])
        shelf.engine.advance(0.05)
        most = max([most, *(count for (count,) in shelf.query("SELECT kept FROM channels"))])
    assert most <= 250
    shelf.engine.advance(1)
    assert {count for (count,) in shelf.query("SELECT kept FROM channels")} <= set(range(50, 50 + SLACK))


def test_a_store_that_is_never_idle_forgets_all_the_same(shelf: Shelf) -> None:
    store = shelf.open_sqlite("power", history_of=lambda _: 50)

    def go_on(_: object) -> None:
        if store.head("c").seq < 5000:
            assert store.append([Publication("c", "ann", "x", 5)] * 20, go_on) is None

    go_on(None)
    most = 0
    while store.head("c").seq < 5000:
        shelf.engine.now += 0.02
        for timer in [timer for timer in shelf.engine.armed() if timer.at <= shelf.engine.now]:
            callback, timer.callback = timer.callback, None
            assert callback is not None
            callback()
        shelf.engine.work()
        most = max(most, kept(shelf))
    assert most < 500


def test_at_start_everything_is_cut_to_what_the_settings_say_now(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    for name in "abc":
        shelf.post(store, 3000, name)
    store.close()
    histories = {"a": 5000, "b": 10, "c": 0}
    shelf.open_sqlite(mode, history_of=histories.__getitem__)
    shelf.engine.advance(1)
    assert [kept(shelf, name) for name in "abc"] == [3000, 10, 0]


@pytest.mark.parametrize("age_s", [1.0, 100.0, 86_400.0])
def test_messages_go_soon_after_they_have_grown_too_old(shelf: Shelf, mode: str, age_s: float) -> None:
    store = shelf.open_sqlite(mode, age_s=age_s)
    shelf.post(store, 3)
    shelf.engine.advance(age_s - 0.5)
    assert kept(shelf) == 3
    shelf.post(store, 2)
    shelf.engine.advance(1 + min(SWEEP_MOST_S, max(1.0, age_s / 10)))
    assert kept(shelf) == 2 if age_s > 10 else kept(shelf) <= 2
    shelf.engine.advance(age_s * 2)
    assert kept(shelf) == 0


def test_keys_are_forgotten_a_minute_after_their_time_and_then_nothing_is_looked_at(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    for number in range(2500):
        shelf.append(store, Publication("c", "ann", "x", 5, str(number)))
    shelf.engine.advance(299)
    assert shelf.query("SELECT count(*) FROM publish_key") == [(2500,)]
    shelf.engine.advance(62)
    assert shelf.query("SELECT count(*) FROM publish_key") == [(0,)]
    shelf.engine.advance(61)
    assert shelf.engine.armed() == []


def test_at_rest_there_is_no_timer(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.engine.advance(1)
    assert shelf.engine.armed() == []
    shelf.post(store)
    assert len(shelf.engine.armed()) == 1
    shelf.engine.advance(1)
    assert shelf.engine.armed() == []


def test_in_trouble_nothing_is_forgotten_and_afterwards_it_goes_on(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode, history_of=lambda _: 10)
    shelf.engine.advance(1)
    shelf.post(store, 200)
    store.trouble = "the disk is full"
    shelf.engine.advance(1)
    assert kept(shelf) == 200
    store.trouble = None
    store._upkeep.wake()
    shelf.engine.advance(1)
    assert kept(shelf) == 10


def test_what_is_closed_does_nothing_more(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    shelf.post(store)
    store.close()
    assert shelf.engine.armed() == []
