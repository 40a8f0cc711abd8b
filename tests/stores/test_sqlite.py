"""The store in a file: what outlives the server, what happens when writing fails, and what must wait for what."""

import sqlite3
from pathlib import Path

import pytest

from tests.stores.failing import Failing
from tests.stores.rig import Shelf, seqs
from wsserver.chat.log import Outcome, Publication, StoreUnavailable
from wsserver.stores.sqlite import SqliteStore

MODES = ("process", "power")


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def publications(count: int, channel: str = "c", key: str | None = None) -> list[Publication]:
    return [Publication(channel, "ann", str(number), 5, key) for number in range(count)]


# -- what outlives the server -----------------------------------------------------------------------------------------


def test_messages_numbers_epoch_and_keys_outlive_the_server(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.post(store, 3)
    shelf.post(store, key="k")
    before = (store.head("c"), store.after("c", 0, 9))
    store.close()
    store = shelf.open_sqlite(mode)
    assert (store.head("c"), store.after("c", 0, 9)) == before
    assert shelf.post(store, key="k") == [4]
    assert shelf.post(store) == [5]
    assert shelf.post(store, channel="new") == [1]


def test_a_killed_server_has_what_it_answered_for(shelf: Shelf, mode: str, tmp_path: Path) -> None:
    store = shelf.open_sqlite(mode)
    shelf.post(store, 3, key="k")
    shelf.post(store, 3)
    copy = Shelf(tmp_path)  # what another process would find if this one were killed now
    for end in ("", "-wal"):
        (copy.path.parent / f"chat.db{end}").write_bytes(Path(f"{shelf.path}{end}").read_bytes())
    found = copy.open_sqlite(mode)
    assert seqs(found.after("c", 0, 9)) == [1, 2, 3, 4]
    assert found.head("c") == store.head("c")
    assert copy.post(found, key="k") == [1]
    copy.close()


def test_a_key_holds_for_five_minutes_across_a_restart(shelf: Shelf, mode: str) -> None:
    for wait_s, expected in ((0, 1), (299, 1), (2, 2)):
        shelf.engine.advance(wait_s)
        store = shelf.open_sqlite(mode)
        assert shelf.post(store, key="k") == [expected]
        store.close()


def test_a_clock_that_is_set_while_it_runs_changes_nothing_about_keys(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    shelf.post(store, key="k")
    for jump_ms in (3_600_000, -7_200_000):
        shelf.engine.wall_offset_ms += jump_ms
        assert shelf.post(store, key="k") == [1]
    store.close()
    store = shelf.open_sqlite()  # an hour behind the file now: no reason to forget, nor to remember for longer
    assert shelf.post(store, key="k") == [1]
    shelf.engine.advance(300)
    assert shelf.post(store, key="k") == [2]


def test_numbers_are_not_given_again_when_all_messages_have_gone(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode, age_s=100)
    shelf.post(store, 5)
    shelf.engine.advance(200)
    assert (store.head("c").seq, store.head("c").oldest) == (5, 6)
    assert shelf.query("SELECT count(*) FROM entry") == [(0,)]
    store.close()
    store = shelf.open_sqlite(mode)
    assert shelf.post(store) == [6]


def test_a_channel_that_was_released_is_read_again(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.post(store, 3)
    head = store.head("c")
    store.release("c")
    assert "c" not in store.lines.known
    assert store.head("c") == head
    assert shelf.post(store) == [4]


def test_reading_a_channel_that_was_never_heard_of_writes_nothing(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    assert store.head("c").seq == 0
    assert (store.lines.known, shelf.query("SELECT * FROM channel")) == ({}, [])


# -- what waits for what ----------------------------------------------------------------------------------------------


def test_with_power_a_message_is_seen_when_the_disk_has_it_and_not_before(shelf: Shelf) -> None:
    store = shelf.open_sqlite("power")
    shelf.post(store)
    told: list[Outcome] = []
    assert store.append(publications(2), told.append) is None
    assert (told, store.head("c").seq, seqs(store.after("c", 0, 9))) == ([], 1, [1])
    work, done = shelf.engine.jobs.pop()
    result = work()
    assert (store.head("c").seq, seqs(store.after("c", 0, 9)), seqs(store.before("c", 9, 9))) == (1, [1], [1])
    done(result)
    [stored] = told
    assert isinstance(stored, list)
    assert [one.message.seq for one in stored] == seqs(store.after("c", 1, 9)) == [2, 3]


def test_with_power_the_thread_makes_one_call(shelf: Shelf) -> None:
    failing = Failing()
    store = shelf.open_sqlite("power", connect=failing.connect)
    calls = failing.calls
    shelf.append(store, *publications(100))
    assert failing.calls - calls == 2, "a look for the channel, and the batch"
    calls = failing.calls
    shelf.append(store, *publications(100))
    assert failing.calls - calls == 1


def test_while_writing_pauses_a_batch_waits_and_is_written_afterwards(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    paused: list[str] = []
    store.pause(lambda: paused.append("now"))
    assert paused == ["now"]
    told: list[Outcome] = []
    assert store.append(publications(2), told.append) is None
    shelf.engine.work_all()
    assert (told, store.head("c").seq, store.idle) == ([], 0, False)
    store.resume()
    shelf.engine.work_all()
    assert [len(outcome) for outcome in told if isinstance(outcome, list)] == [2]
    assert store.idle


def test_a_pause_comes_behind_the_batch_that_is_out_and_before_the_next(shelf: Shelf) -> None:
    store = shelf.open_sqlite("power")
    order: list[object] = []

    def on_first(_: Outcome) -> None:
        order.append("first")
        assert store.append(publications(1), lambda _: order.append("second")) is None

    store.append(publications(1), on_first)
    store.pause(lambda: order.append("pause"))
    shelf.engine.work_all()
    assert order == ["pause", "first"]
    store.resume()
    shelf.engine.work_all()
    assert order == ["pause", "first", "second"]


def test_a_batch_that_waited_is_refused_when_the_store_has_fallen_into_trouble(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    store.pause(lambda: None)
    told: list[Outcome] = []
    store.append(publications(1), told.append)
    store.trouble = "the disk is full"
    store.resume()
    assert isinstance(told[0], StoreUnavailable)


# -- trouble ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_refuses_the_batch_as_a_whole_and_writing_goes_on_when_there_is_room(
    shelf: Shelf, mode: str
) -> None:
    store = shelf.open_sqlite(mode)
    shelf.post(store, 3)
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    outcome = try_(shelf, store, publications(2000))
    assert str(outcome) == store.trouble == "the disk is full (SQLITE_FULL)"
    assert (store.head("c").seq, seqs(store.after("c", 0, 9))) == (3, [1, 2, 3])
    assert isinstance(try_(shelf, store, publications(1)), StoreUnavailable), "it is refused without being tried"
    shelf.engine.advance(0.25)
    assert store.trouble is None
    assert shelf.post(store, 2) == [4, 5]
    assert shelf.reporter.said == ["the disk is full (SQLITE_FULL)", "recovered"]


def test_while_another_program_writes_ours_is_refused(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.post(store)
    other = sqlite3.connect(shelf.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "another program is writing" in str(try_(shelf, store, publications(1)))
    shelf.engine.advance(20)
    assert store.trouble is not None
    assert seqs(store.after("c", 0, 9)) == [1]
    other.execute("ROLLBACK")
    other.close()
    shelf.engine.advance(10)
    assert store.trouble is None
    assert shelf.post(store) == [2]


def test_the_longer_it_is_in_trouble_the_less_it_is_tried(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    other = sqlite3.connect(shelf.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try_(shelf, store, publications(1))
    waits = []
    for _ in range(8):
        [timer] = [timer for timer in shelf.engine.armed() if timer.callback == store._retry]
        waits.append(timer.at - shelf.engine.now)
        shelf.engine.advance(waits[-1])
    assert waits == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    other.close()


def test_rows_that_another_program_wrote_are_counted_from_then_on(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.post(store)
    shelf.query("INSERT INTO entry VALUES (1, 2, 'eve', 'boo', 5)")
    assert "another program has changed the file" in str(try_(shelf, store, publications(1)))
    shelf.engine.advance(1)
    assert shelf.post(store) == [3]


def test_a_file_that_was_removed_ends_the_server(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.post(store)
    shelf.path.unlink()
    shelf.post(store)
    shelf.engine.advance(1)
    assert "removed or replaced" in str(store.trouble)
    assert shelf.reporter.said == [f"lost: {store.trouble}"]
    assert isinstance(try_(shelf, store, publications(1)), StoreUnavailable)
    shelf.engine.advance(100)
    assert len(shelf.reporter.said) == 1


def test_an_fsync_that_fails_is_never_tried_again_and_ends_the_server(shelf: Shelf) -> None:
    failing = Failing()
    store = shelf.open_sqlite("power", connect=failing.connect)
    shelf.post(store)
    failing.fail_at(failing.calls + 1, sqlite3.SQLITE_IOERR_FSYNC)
    assert isinstance(try_(shelf, store, publications(1)), StoreUnavailable)
    assert len(shelf.reporter.said) == 1
    assert shelf.reporter.said[0].startswith("lost: the disk reports an error")
    shelf.engine.advance(100)
    assert store.trouble is not None
    assert (store.head("c").seq, seqs(store.after("c", 0, 9))) == (1, [1])


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_CORRUPT])
def test_an_error_at_any_call_refuses_a_batch_as_a_whole_or_stores_it_as_a_whole(
    shelf: Shelf, mode: str, code: int
) -> None:
    failing = Failing()
    store = shelf.open_sqlite(mode, connect=failing.connect)
    told = 0
    for number in range(1, 30):
        failing.fail_at(failing.calls + 1 + number % 13, code, after=number % 2 == 0)
        outcome = try_(
            shelf, store, publications(3, key=f"k{number}") + publications(2) + publications(1, f"c{number}")
        )
        if isinstance(outcome, list):
            told += 3
        shelf.engine.advance(30)
        failing.fail_at(0, code)
        shelf.engine.advance(30)
        assert store.trouble is None
        kept = store.after("c", 0, 1000)
        assert seqs(kept) == list(range(1, told + 1)), "what was refused is not there, and no number is missing"
        assert (store.head(f"c{number}").seq, store.head("c").seq) == (int(isinstance(outcome, list)), told)
    assert 0 < told < 29 * 3
    assert shelf.post(store) == [told + 1]


def test_our_own_mistakes_are_not_called_trouble(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    wrong = [Publication("c", "ann", object(), 5)]  # type: ignore[arg-type]
    try:
        outcome: object = try_(shelf, store, wrong)
    except (sqlite3.Error, TypeError) as error:
        outcome = error
    assert isinstance(outcome, sqlite3.Error | TypeError)
    assert (store.trouble, shelf.reporter.said) == (None, [])
    assert shelf.post(store) == [1]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(shelf: Shelf, mode: str) -> None:
    failing = Failing()
    store = shelf.open_sqlite(mode, connect=failing.connect)
    shelf.post(store)
    for read in (lambda: store.after("c", 0, 9), lambda: store.before("c", 9, 9), lambda: store.head("unknown")):
        failing.fail_at(failing.calls + 1, sqlite3.SQLITE_CORRUPT)
        with pytest.raises(StoreUnavailable, match="the file is damaged"):
            read()
    assert store.trouble is None
    assert shelf.post(store) == [2]
    assert set(shelf.reporter.said) == {"a channel cannot be read: the file is damaged (SQLITE_CORRUPT)"}


def try_(shelf: Shelf, store: SqliteStore, batch: list[Publication]) -> Outcome:
    """Append; what cannot be stored is an outcome too, whichever way it is told."""
    try:
        return shelf.try_append(store, *batch)
    except StoreUnavailable as error:
        return error


def test_batches_that_were_stored_are_timed_and_others_are_not(shelf: Shelf, mode: str) -> None:
    store = shelf.open_sqlite(mode)
    shelf.post(store, 3)
    shelf.post(store)
    assert sum(store.commits.counts) == 2
    store.trouble = "no room"
    with pytest.raises(StoreUnavailable):
        store.append(publications(1), lambda _outcome: None)
    assert sum(store.commits.counts) == 2
    store.trouble = None
