"""Where channels stand, in memory and in the file."""

import sqlite3
from collections.abc import Iterator

import pytest

from wsserver.stores import sqlite_lines
from wsserver.stores.sqlite_lines import Line, Lines
from wsserver.stores.sqlite_schema import migrate


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, "x")
    connection.executescript("""
        INSERT INTO channel VALUES (3, 'full', 0), (7, 'emptied', 9), (8, 'cut', 5);
        INSERT INTO entry VALUES (3, 1, 'ann', 'x', 0), (3, 2, 'ann', 'x', 0), (8, 4, 'a', 'x', 0), (8, 5, 'a', 'x', 0);
    """)
    yield connection
    connection.close()


@pytest.fixture
def lines(connection: sqlite3.Connection) -> Lines:
    lines = Lines(lambda _channel: 10)
    lines.load(connection)
    return lines


@pytest.mark.parametrize(("name", "id", "seq", "oldest"), [("full", 3, 2, 1), ("emptied", 7, 9, 10), ("cut", 8, 5, 4)])
def test_a_channel_stands_where_the_file_says(
    lines: Lines, connection: sqlite3.Connection, name: str, id: int, seq: int, oldest: int
) -> None:
    line = lines.find(connection, name)
    assert line is not None
    assert (line.id, line.seq, line.next, line.oldest, line.saved) == (id, seq, seq, oldest, True)
    assert lines.find(connection, name) is line


def test_a_channel_that_is_new_gets_a_number_of_its_own_and_is_not_saved(
    lines: Lines, connection: sqlite3.Connection
) -> None:
    assert lines.find(connection, "new") is None
    line = lines.open(connection, "new")
    assert (line.id, line.seq, line.oldest, line.saved) == (9, 0, 1, False)
    assert lines.open(connection, "newer").id == 10
    assert lines.open(connection, "new") is line


def test_what_is_too_much_is_not_read_and_counted(connection: sqlite3.Connection) -> None:
    line = Line(1, "c", 10, 100, 1, True)
    assert (line.oldest, line.excess) == (91, 90)
    line.first = 91
    assert line.excess == 0


def test_a_channel_with_a_batch_on_its_way_is_not_forgotten(lines: Lines, connection: sqlite3.Connection) -> None:
    line = lines.open(connection, "full")
    line.next += 1
    lines.release("full")
    assert lines.known == {"full": line}
    line.seq = line.next
    lines.release("full")
    lines.release("never heard of")
    assert lines.known == {}


def test_when_too_many_are_known_all_are_forgotten_but_those_on_their_way(
    lines: Lines, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_lines, "LINES_LIMIT", 3)
    for name in "abc":
        lines.open(connection, name)
    lines.known["b"].next += 1
    lines.open(connection, "d")
    assert list(lines.known) == ["b", "d"]
