"""Checkpoints: when, how often, and who waits for them."""

import sqlite3
from collections.abc import Callable

import pytest

from tests.stores.failing import Failing
from tests.stores.rig import FakeEngine, Shelf, seqs
from wsserver.chat.log import Outcome, Publication
from wsserver.stores import sqlite_checkpoint
from wsserver.stores.sqlite_checkpoint import QUICK_S

LONG = 256 * 1024
"""How long the WAL may get in these tests."""

FILL = 450 * 1024
"""What `fill` writes at most: a text of a thousand letters takes a page of its own."""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_checkpoint, "WAL_BYTES", LONG)
    monkeypatch.setattr(sqlite_checkpoint, "WAL_LONG_BYTES", 4 * LONG)


@pytest.fixture(params=["process", "power"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fill(shelf: Shelf, store: object, count: int = 1) -> None:
    for _ in range(count):
        shelf.append(store, *[Publication("c", "ann", "x" * 1000, 5)] * 80)  # type: ignore[arg-type]


def tick(engine: FakeEngine, do: Callable[[], None] = lambda: None) -> None:
    """Let the next timer fire, and leave what it offloads where it is."""
    timer = min(engine.armed(), key=lambda timer: timer.at)
    engine.now = max(engine.now, timer.at)
    callback, timer.callback = timer.callback, None
    assert callback is not None
    callback()


def until_offloaded(engine: FakeEngine) -> None:
    for _ in range(20):
        if engine.jobs:
            return
        tick(engine)
    raise AssertionError("nothing was offloaded")


def test_a_long_wal_gets_into_the_file_and_begins_anew(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.engine.advance(1)
    for _ in range(20):
        fill(shelf, store)
        shelf.engine.advance(0.2)
        assert store.file.wal_bytes() < FILL
    assert shelf.path.stat().st_size > 10 * FILL
    assert len(store.after("c", 0, 5000)) == 1600


def test_a_short_wal_is_left_alone_and_at_rest_nothing_is_looked_at(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.engine.advance(1)
    shelf.post(store)
    size = store.file.wal_bytes()
    shelf.engine.advance(100)
    assert store.file.wal_bytes() == size
    assert shelf.engine.armed() == []


def test_writing_goes_on_beside_the_first_and_waits_for_the_second(shelf: Shelf) -> None:
    store = shelf.open_sqlite("process")
    shelf.engine.advance(1)
    fill(shelf, store)
    until_offloaded(shelf.engine)
    fill(shelf, store)  # answered at once, beside the first
    shelf.engine.work()
    told: list[Outcome] = []
    assert store.append([Publication("c", "ann", "waits", 5)], told.append) is None
    assert seqs(store.after("c", 159, 9)) == [160], "reading goes on"
    shelf.engine.work()
    assert len(told) == 1
    assert store.head("c").seq == 161
    assert store.file.wal_bytes() < LONG, "it has begun anew"


def test_with_power_the_second_comes_between_two_batches(shelf: Shelf) -> None:
    store = shelf.open_sqlite("power")
    shelf.engine.advance(1)
    fill(shelf, store)
    until_offloaded(shelf.engine)
    told: list[Outcome] = []
    assert store.append([Publication("c", "ann", "beside", 5)], told.append) is None
    shelf.engine.work()
    assert told == []
    shelf.engine.work()
    assert len(told) == 1
    assert store.append([Publication("c", "ann", "waits", 5)], told.append) is None
    shelf.engine.work()
    assert len(told) == 1, "that was the second checkpoint"
    shelf.engine.work()
    assert len(told) == 2


def test_where_the_disk_is_slow_the_pause_is_put_off_until_the_wal_is_very_long(shelf: Shelf) -> None:
    store = shelf.open_sqlite("process")
    shelf.engine.advance(1)
    sizes = []
    for _ in range(12):
        fill(shelf, store)
        for _ in range(3):
            if store._upkeep._timer is not None:
                tick(shelf.engine)
        sizes.append(store.file.wal_bytes())
        while shelf.engine.jobs:
            paused = not store.idle
            shelf.engine.now += 2 * QUICK_S
            shelf.engine.work()
            if paused:
                sizes.append(-1)
    assert -1 in sizes
    assert max(sizes[: sizes.index(-1)]) >= 4 * LONG
    assert store.idle


def test_a_reader_that_holds_the_wal_costs_length_and_nothing_else(shelf: Shelf) -> None:
    store = shelf.open_sqlite("process")
    fill(shelf, store)
    reader = sqlite3.connect(shelf.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entry").fetchone()
    for _ in range(10):
        fill(shelf, store)
        shelf.engine.advance(0.3)
    assert store.file.wal_bytes() > 8 * LONG
    assert store.trouble is None
    reader.execute("COMMIT")
    reader.close()
    for _ in range(3):
        fill(shelf, store)
        shelf.engine.advance(0.3)
    assert store.file.wal_bytes() < FILL


@pytest.mark.parametrize(
    ("code", "end"),
    [(sqlite3.SQLITE_FULL, False), (sqlite3.SQLITE_IOERR_WRITE, False), (sqlite3.SQLITE_IOERR_FSYNC, True)],
)
def test_a_checkpoint_that_fails_is_told_and_only_a_failed_fsync_is_the_end(
    shelf: Shelf, mode: str, code: int, end: bool
) -> None:
    failing = Failing()
    store = shelf.open_sqlite(mode, connect=failing.connect)
    shelf.engine.advance(1)
    fill(shelf, store)
    until_offloaded(shelf.engine)
    failing.fail_at(failing.calls + 1, code)
    shelf.engine.work_all()
    [said] = shelf.reporter.said
    assert ("lost" in said) is end
    assert (store.trouble is not None) is end
    if not end:
        assert "a checkpoint failed" in said
        for _ in range(3):
            fill(shelf, store)
            shelf.engine.advance(1)
        assert store.file.wal_bytes() < FILL
