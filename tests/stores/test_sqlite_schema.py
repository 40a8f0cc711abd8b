"""The tables, the views for people, and files that are older, newer, or not for us."""

import sqlite3

import pytest

from tests.stores.rig import Shelf
from wsserver.chat.log import StoreUnavailable
from wsserver.stores import sqlite_schema
from wsserver.stores.sqlite_schema import APPLICATION_ID, MIGRATIONS, VERSION, judge, migrate


@pytest.fixture
def connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def test_an_empty_file_becomes_one_of_ours(connection: sqlite3.Connection) -> None:
    assert (judge(connection, "x"), migrate(connection, "x"), judge(connection, "x")) == (0, 0, VERSION)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert migrate(connection, "x") == VERSION
    connection.close()


def test_every_version_is_reached_from_every_older_one(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = (*MIGRATIONS, "CREATE TABLE later (x);", "CREATE TABLE latest (x);")
    for version in range(1, len(later) + 1):
        monkeypatch.setattr(sqlite_schema, "MIGRATIONS", later[:version])
        monkeypatch.setattr(sqlite_schema, "VERSION", version)
        assert migrate(connection, "x") == version - 1
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'late%'").fetchone() == (2,)
    connection.close()


def test_a_migration_that_fails_leaves_everything_as_it_was(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(connection, "x")
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE later (x); CREATE TABLE later (x);"))
    monkeypatch.setattr(sqlite_schema, "VERSION", VERSION + 1)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, "x")
    assert judge(connection, "x") == VERSION
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'later'").fetchone() == (0,)
    connection.close()


def test_a_newer_file_is_refused_and_not_touched(connection: sqlite3.Connection) -> None:
    migrate(connection, "x")
    connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreUnavailable, match=r"newer wsserver \(schema 99"):
        migrate(connection, "x")
    connection.close()


@pytest.mark.parametrize("sign", ["CREATE TABLE x (y)", "PRAGMA user_version = 1", "PRAGMA application_id = 5"])
def test_the_file_of_another_program_is_refused(connection: sqlite3.Connection, sign: str) -> None:
    connection.execute(sign)
    with pytest.raises(StoreUnavailable, match="another program"):
        migrate(connection, "x")
    connection.close()


def test_people_can_read_what_was_said(shelf: Shelf) -> None:
    store = shelf.open("process", 3)
    shelf.post(store, 2, "lobby")
    shelf.post(store, 5, "busy", user="bob")
    assert shelf.query("SELECT * FROM messages WHERE channel = 'lobby' ORDER BY seq LIMIT 1") == [
        ("lobby", 1, "2023-11-14 22:13:20.000", "ann", "text")
    ]
    assert shelf.query("SELECT * FROM channels ORDER BY name") == [
        ("busy", 5, 1, 5, "2023-11-14 22:13:20"),
        ("lobby", 2, 1, 2, "2023-11-14 22:13:20"),
    ]


def test_a_page_of_history_is_found_and_not_searched(shelf: Shelf) -> None:
    shelf.open("process")
    plan = "EXPLAIN QUERY PLAN SELECT * FROM entry WHERE channel = 1 AND seq BETWEEN 2 AND 3 ORDER BY seq"
    assert [row[3] for row in shelf.query(plan)] == ["SEARCH entry USING PRIMARY KEY (channel=? AND seq>? AND seq<?)"]
