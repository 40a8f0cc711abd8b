"""One batch: the numbers it gets, the rows it makes, and that both ways to write it make the same."""

import sqlite3
from collections.abc import Iterator

import pytest

from wsserver.chat.log import Publication
from wsserver.stores.sqlite_batch import Plan
from wsserver.stores.sqlite_lines import Lines
from wsserver.stores.sqlite_schema import migrate

BATCH = (
    Publication("a", "ann", "1", 5),
    Publication("b", "ann", "'2'", 6, "k"),
    Publication("a", "bob", "3", 7, "k"),
    Publication("b", "ann", "again", 8, "k"),
)


class File:
    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(self.connection, "x")
        self.lines = Lines(lambda _channel: 10)
        self.lines.load(self.connection)

    def plan(self, *batch: Publication, at_ms: int = 0) -> Plan:
        return Plan(self.connection, self.lines, batch, at_ms)

    def rows(self) -> list[list[object]]:
        tables = ("channel", "entry", "publish_key")
        return [self.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]


@pytest.fixture
def file() -> Iterator[File]:
    file = File()
    yield file
    file.connection.close()


def numbers(plan: Plan) -> list[tuple[int, bool]]:
    return [(stored.message.seq, stored.duplicate) for stored in plan.stored]


def test_numbers_hold_when_it_is_kept_and_are_given_again_when_it_is_dropped(file: File) -> None:
    first = file.plan(*BATCH)
    assert numbers(first) == [(1, False), (1, False), (2, False), (1, True)]
    assert [line.seq for line in file.lines.known.values()] == [0, 0]
    first.drop()
    second = file.plan(*BATCH)
    assert numbers(second) == numbers(first)
    second.keep()
    assert [(line.seq, line.saved) for line in file.lines.known.values()] == [(2, True), (1, True)]


def test_both_ways_to_write_make_the_same_rows(file: File) -> None:
    other = File()
    for batch in (BATCH, (), BATCH[:1], (Publication("a", "ann", "x", 9, "later"), Publication("c", "ann", "y", 9))):
        for one, write in ((file, Plan.write_rows), (other, Plan.write_at_once)):
            plan = one.plan(*batch, at_ms=9)
            write(plan, one.connection)
            plan.keep()
    assert file.rows() == other.rows()
    assert [len(rows) for rows in file.rows()] == [3, 6, 3]
    other.connection.close()


@pytest.mark.parametrize("write", [Plan.write_rows, Plan.write_at_once])
def test_a_batch_that_cannot_be_written_leaves_nothing(file: File, write: object) -> None:
    file.connection.execute("INSERT INTO entry VALUES (2, 1, 'eve', 'boo', 5)")
    before = file.rows()
    plan = file.plan(*BATCH)
    with pytest.raises(sqlite3.IntegrityError):
        write(plan, file.connection)  # type: ignore[operator]
    assert file.rows() == before
    assert not file.connection.in_transaction


def test_a_look_up_that_fails_leaves_no_number_taken(file: File) -> None:
    plan = file.plan(*BATCH)
    plan.write_rows(file.connection)
    plan.keep()
    file.connection.execute("ALTER TABLE publish_key RENAME TO elsewhere")
    with pytest.raises(sqlite3.OperationalError):
        file.plan(*BATCH)
    assert [line.next - line.seq for line in file.lines.known.values()] == [0, 0]


def test_a_key_that_has_grown_old_is_used_anew(file: File) -> None:
    for at_ms, expected in ((0, (1, False)), (299_999, (1, True)), (300_000, (2, False)), (300_001, (2, True))):
        plan = file.plan(Publication("a", "ann", "x", at_ms, "k"), at_ms=at_ms)
        plan.write_rows(file.connection)
        plan.keep()
        assert numbers(plan) == [expected]
