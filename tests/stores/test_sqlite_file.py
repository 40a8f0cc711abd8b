"""The file: who gets it, and what is refused, with a sentence that helps."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.stores.rig import Shelf
from wsserver.chat.log import StoreUnavailable
from wsserver.stores import sqlite_file
from wsserver.stores.sqlite_file import SqliteFile, connect


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    file = SqliteFile(str(tmp_path / "chat.db"))
    assert file.open() == 0
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
    file.close()
    file.close()
    assert file.open() == 1
    file.close()


def test_what_is_written_is_on_the_disk_only_if_that_was_asked_for(fast_folder: Path) -> None:
    for word, number in (("NORMAL", 1), ("FULL", 2)):
        connection = connect(str(fast_folder / "x"), word)
        settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
        assert settings == [number, "wal"]
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
        connection.close()


def test_a_file_has_one_server(fast_folder: Path) -> None:
    first, second = (SqliteFile(str(fast_folder / "chat.db")) for _ in range(2))
    first.open()
    with pytest.raises(StoreUnavailable, match="used by another wsserver"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_server_that_is_about_to_end_is_waited_for(fast_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (SqliteFile(str(fast_folder / "chat.db")) for _ in range(2))
    first.open()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            first.close()

    monkeypatch.setattr(sqlite_file, "sleep", pause)
    second.open()
    assert len(pauses) == 3
    second.close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"nowhere/chat.db cannot be opened: No such file or directory"):
        SqliteFile(str(tmp_path / "nowhere" / "chat.db")).open()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="Is a directory"):
        SqliteFile(str(tmp_path)).open()


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_a_file_that_is_something_else_is_refused_and_not_touched(fast_folder: Path, size: int) -> None:
    path = fast_folder / "letter.txt"
    path.write_bytes(b"dear " * size)
    with pytest.raises(StoreUnavailable, match=r"no SQLite database.*name another file"):
        SqliteFile(str(path)).open()
    assert path.read_bytes() == b"dear " * size


@pytest.mark.parametrize("place", [16, 100, 3800, 4096, 8192 + 5])
def test_a_damaged_file_is_refused_with_advice(shelf: Shelf, place: int) -> None:
    store = shelf.open_sqlite()
    shelf.post(store, 500)
    store.close()
    good = shelf.path.read_bytes()
    shelf.path.write_bytes(good[:place] + b"\xde\xad\xbe\xef" * 64 + good[place + 256 :])
    try:
        SqliteFile(str(shelf.path)).open()
    except StoreUnavailable as error:
        assert "restore it from a backup" in str(error) or "another program" in str(error)
    else:
        pytest.fail("nobody noticed")


def test_a_file_that_was_cut_off_is_refused(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    shelf.post(store, 500)
    store.close()
    with open(shelf.path, "r+b") as file:
        file.truncate(3 * 4096)
    with pytest.raises(StoreUnavailable, match=r"damaged.*recover"):
        SqliteFile(str(shelf.path)).open()


def test_a_large_file_is_not_checked_at_each_start(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    store = shelf.open_sqlite()
    shelf.post(store, 500)
    store.close()
    good = shelf.path.read_bytes()
    shelf.path.write_bytes(good[:-4096] + b"\xff" * 4096)
    monkeypatch.setattr(sqlite_file, "CHECK_BELOW", 0)
    SqliteFile(str(shelf.path)).open()


def test_a_wal_without_its_file_is_not_thrown_away(shelf: Shelf) -> None:
    wal = Path(f"{shelf.path}-wal")
    wal.write_bytes(b"what a server wrote last")
    for make in (lambda: None, shelf.path.touch):
        make()
        with pytest.raises(StoreUnavailable, match="missing or empty"):
            SqliteFile(str(shelf.path)).open()
        assert wal.read_bytes() == b"what a server wrote last"


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    with pytest.raises(StoreUnavailable, match="3.38 or newer"):
        SqliteFile(str(tmp_path / "x")).open()


def test_the_length_of_the_wal_and_the_place_of_the_file_are_seen(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    before = store.file.wal_bytes()
    shelf.post(store, 1000)
    assert store.file.wal_bytes() > before + 20_000
    assert store.file.is_ours()
    shelf.path.rename(shelf.path.with_name("elsewhere"))
    assert not store.file.is_ours()
    shelf.path.touch()
    assert not store.file.is_ours()
