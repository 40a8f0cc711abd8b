"""What is cut, and that a cut is small."""

import pytest

from tests.stores.rig import Shelf, seqs
from wsserver.chat.log import Publication
from wsserver.stores import sqlite_trim
from wsserver.stores.sqlite import SqliteStore
from wsserver.stores.sqlite_lines import Line
from wsserver.stores.sqlite_trim import PORTION, Cut, expire_keys, find_cut, keep_cuts, sweep, write_cuts


def line_of(shelf: Shelf, store: object, name: str = "c") -> Line:
    line = store.lines.find(store.reader(), name)  # type: ignore[attr-defined]
    assert isinstance(line, Line)
    return line


def make(store: SqliteStore, *cuts: Cut | None) -> None:
    """Make cuts that were found."""
    found = [cut for cut in cuts if cut is not None]
    assert found
    keep_cuts(store.lines, write_cuts(store._writer, found))


def test_what_is_too_much_goes_in_portions(shelf: Shelf) -> None:
    store = shelf.open_sqlite(history_of=lambda _: 10)
    shelf.post(store, 2 * PORTION + 15)
    line, firsts = line_of(shelf, store), []
    while cut := find_cut(store.reader(), line, line.first):
        make(store, cut)
        firsts.append(line.first)
    assert firsts == [PORTION + 1, 2 * PORTION + 1, 2 * PORTION + 6]
    assert shelf.query("SELECT min(seq), max(seq) FROM entry") == [(2006, 2015)]
    assert shelf.query("SELECT seq FROM channel") == [(2015,)], "the number outlives the messages"


def test_cuts_of_many_channels_are_one_statement(shelf: Shelf) -> None:
    store = shelf.open_sqlite(history_of=lambda _: 2)
    lines = []
    for name in "abc":
        shelf.post(store, 5, name)
        lines.append(line_of(shelf, store, name))
    make(store, *[find_cut(store.reader(), line, line.first) for line in lines])
    assert shelf.query("SELECT name, oldest, kept FROM channels") == [(name, 4, 2) for name in "abc"]


def test_what_is_too_old_goes_as_far_as_it_is_old(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    shelf.append(store, *[Publication("c", "ann", "x", ts) for ts in (10, 20, 30, 5, 40)])
    line = line_of(shelf, store)
    assert find_cut(store.reader(), line, 1, 10) is None
    make(store, find_cut(store.reader(), line, 1, 30))
    assert seqs(store.after("c", 0, 9)) == [3, 4, 5]


def test_all_may_be_too_old_and_the_number_stays(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    shelf.post(store, 3)
    line = line_of(shelf, store)
    make(store, find_cut(store.reader(), line, 1, 10**15))
    assert (line.first, line.oldest, find_cut(store.reader(), line, 4, 10**15)) == (4, 4, None)
    assert shelf.query("SELECT newest, oldest, kept FROM channels") == [(3, None, 0)]


def test_a_channel_that_became_known_while_it_was_cut_learns_of_it(shelf: Shelf) -> None:
    store = shelf.open_sqlite(history_of=lambda _: 2)
    shelf.post(store, 5)
    store.lines.release("c")
    looked_at = store.lines.peek(store.reader(), "c")
    assert looked_at is not None
    cut = find_cut(store.reader(), looked_at, looked_at.first)
    known = line_of(shelf, store)
    make(store, cut)
    assert (looked_at.first, known.first) == (4, 4)


def test_a_sweep_finds_every_channel_known_or_not_and_needs_not_wait_for_its_cuts(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_trim, "CHANNELS", 3)
    monkeypatch.setattr(sqlite_trim, "PORTION", 2)
    store = shelf.open_sqlite(history_of=lambda name: len(name))
    names = ["x" * length for length in range(10)]
    for name in names:
        shelf.post(store, 6, name)
    for name in names[::2]:
        store.lines.release(name)
    found = list(sweep(store.reader, store.lines, lambda: None))
    assert found.count(None) == 4
    make(store, *found)
    assert shelf.query("SELECT length(name), kept FROM channels ORDER BY 1") == [(n, min(n, 6)) for n in range(10)]


def test_keys_go_when_their_time_is_over_in_portions(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_trim, "PORTION", 3)
    store = shelf.open_sqlite()
    for number in range(8):
        shelf.post(store, key=str(number))
        shelf.engine.advance(1)
    now_ms = store.now_ms()
    assert not expire_keys(store._writer, now_ms)
    assert expire_keys(store._writer, now_ms + 299_000 - 1_000)
    assert shelf.query("SELECT key FROM publish_key ORDER BY id") == [(str(number),) for number in range(3, 8)]
    assert not expire_keys(store._writer, now_ms + 299_000 - 3_000)
