"""Levels, the limit of each kind, and what happens when nobody reads."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from wsserver.observe import logs
from wsserver.observe.log_format import format_json
from wsserver.observe.logs import KIND_LIMIT, Journal, Logger


class Clock:
    """A clock that is told to jump."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall_ms(self) -> int:
        return int(self.now * 1000)


class Paper:
    """A sink that can be full."""

    def __init__(self) -> None:
        self.records: list[dict[str, object]] = []
        self.full = False

    def write(self, line: bytes) -> bool:
        if not self.full:
            self.records.append(json.loads(line))
        return not self.full

    def kinds(self) -> list[object]:
        return [record["kind"] for record in self.records]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def journal(clock: Clock, paper: Paper) -> Journal:
    return Journal(paper, format_json, "info", clock.monotonic, clock.wall_ms)


@pytest.fixture
def log(journal: Journal) -> Logger:
    return Logger(journal, "test")


@pytest.fixture
def restored() -> Iterator[None]:
    """Put the process's own journal back after a test that configures it."""
    journal = logs._JOURNAL
    before = journal.sink, journal.form, journal.threshold
    yield
    journal.sink, journal.form, journal.threshold = before


def test_record_carries_source_level_and_fields(log: Logger, paper: Paper) -> None:
    log.warning("late", "It is late.", by_s=3, kind_of="x")
    [record] = paper.records
    assert {"source": "test", "level": "warning", "kind": "late", "message": "It is late.", "by_s": 3}.items() <= (
        record.items()
    )


@pytest.mark.parametrize(("level", "expected"), [("debug", "diwe"), ("info", "iwe"), ("warning", "we"), ("error", "e")])
def test_level_hides_what_is_below(level: str, expected: str, clock: Clock, paper: Paper) -> None:
    log = Logger(Journal(paper, format_json, level, clock.monotonic, clock.wall_ms), "test")
    log.debug("d", "")
    log.info("i", "")
    log.warning("w", "")
    log.error("e", "")
    assert paper.kinds() == list(expected)


def test_exception_is_logged_with_its_trace(log: Logger, paper: Paper) -> None:
    try:
        raise ValueError("boom\x1b")
    except ValueError as error:
        log.exception("bug", "A rule of ours was broken.", error, client="abc")
    [record] = paper.records
    assert str(record["trace"]).endswith("ValueError: boom\x1b\n")
    assert (record["level"], record["client"]) == ("error", "abc")


def test_of_one_kind_ten_a_minute_are_written(log: Logger, paper: Paper) -> None:
    for number in range(100):
        log.info("flood", "Again.", number=number)
    log.info("other", "Not a flood.")
    assert paper.kinds() == ["flood"] * KIND_LIMIT + ["other"]
    assert "only counted" in str(paper.records[KIND_LIMIT - 1]["note"])


def test_hidden_records_are_counted_when_the_minute_is_over(log: Logger, paper: Paper, clock: Clock) -> None:
    for _ in range(15):
        log.info("flood", "Again.")
    clock.now += 60
    log.info("flood", "And again.")
    assert paper.kinds()[KIND_LIMIT:] == ["records_hidden", "flood"]
    assert paper.records[KIND_LIMIT]["hidden"] == 5


def test_kind_that_stays_below_its_limit_is_never_counted(log: Logger, paper: Paper, clock: Clock) -> None:
    for _ in range(100):
        log.info("steady", "Again.")
        clock.now += 6.1
    assert paper.kinds() == ["steady"] * 100


def test_flush_writes_the_counts_that_wait(log: Logger, paper: Paper, journal: Journal) -> None:
    for _ in range(12):
        log.info("flood", "Again.")
    journal.flush()
    journal.flush()
    assert paper.kinds()[KIND_LIMIT:] == ["records_hidden"]


def test_lines_nobody_takes_are_dropped_counted_and_reported(log: Logger, paper: Paper, journal: Journal) -> None:
    paper.full = True
    for number in range(3):
        log.info(f"kind{number}", "Nobody reads this.")
    assert journal.dropped == 3
    paper.full = False
    log.info("back", "Somebody reads again.")
    assert paper.kinds() == ["records_dropped", "back"]
    assert paper.records[0]["dropped"] == 3
    journal.flush()
    assert len(paper.records) == 2


def test_configured_journal_writes_to_a_descriptor(restored: None) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as output, os.fdopen(writer, "w") as stream:
        logs.configure("info", "text", stream)
        logs.get("here").info("hello", "Good morning.", to="you")
        assert os.read(output.fileno(), 1000).endswith(b" INFO here hello: Good morning. to=you\n")


def test_full_standard_error_stops_nobody(restored: None) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb"), os.fdopen(writer, "w") as stream:
        logs.configure("info", "json", stream)
        before = logs.dropped()
        for number in range(1500):
            logs.get("here").info(f"kind{number}", "Nobody reads this.")
        assert logs.dropped() > before
        logs._JOURNAL._unreported = 0


def test_stream_without_a_descriptor_will_do(restored: None) -> None:
    stream = io.StringIO()
    logs.configure("warning", "text", stream)
    logs.get("here").warning("hello", "Good morning.")
    logs.flush()
    assert "hello: Good morning." in stream.getvalue()


def test_before_it_is_configured_nothing_is_written() -> None:
    program = "from wsserver.observe import logs; logs.get('here').error('hello', 'Is anybody there?')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stderr == b""


def test_fields_that_are_always_there_stand_in_every_line_also_in_those_about_lines(
    clock: Clock, paper: Paper, journal: Journal
) -> None:
    journal.always = {"worker": 3}
    log = Logger(journal, "test")
    paper.full = True
    log.info("lost", "a")
    paper.full = False
    log.info("kind", "a", worker=9, other=1)
    assert [record["worker"] for record in paper.records] == [3, 3]
    assert paper.records[1]["other"] == 1


def test_level_and_format_are_adjusted_and_the_sink_and_the_fields_stay(restored: None) -> None:
    stream = io.StringIO()
    logs.configure("error", "text", stream, worker=3)
    log = logs.get("test")
    log.info("kind", "unseen")
    logs.adjust("info", "json")
    log.info("kind", "seen")
    [line] = stream.getvalue().splitlines()
    assert (json.loads(line)["message"], json.loads(line)["worker"]) == ("seen", 3)
