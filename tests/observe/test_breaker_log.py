"""What is logged of a breaker."""

import json

import pytest

from wsserver.observe import logs
from wsserver.observe.breaker_log import BreakerLog
from wsserver.observe.log_format import format_json
from wsserver.resilience.breaker import State


class Paper:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[dict[str, object]] = []

    def write(self, line: bytes) -> bool:
        self.records.append(json.loads(line))
        return True


def test_opening_and_closing_are_told_and_trials_in_between_only_to_who_looks_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paper = Paper()
    monkeypatch.setattr(logs._JOURNAL, "sink", paper)
    monkeypatch.setattr(logs._JOURNAL, "form", format_json)
    monkeypatch.setattr(logs._JOURNAL, "threshold", 0)
    log = BreakerLog("store")
    log(State.CLOSED, State.OPEN, "no connection")
    log(State.OPEN, State.HALF_OPEN, "no connection")
    log(State.HALF_OPEN, State.OPEN, "no connection")
    log(State.OPEN, State.HALF_OPEN, "no connection")
    log(State.HALF_OPEN, State.CLOSED, "no connection")
    assert [(record["kind"], record["level"], record.get("cause")) for record in paper.records] == [
        ("breaker_open", "error", "no connection"),
        ("breaker_trial", "debug", "no connection"),
        ("breaker_trial", "debug", "no connection"),
        ("breaker_trial", "debug", "no connection"),
        ("breaker_closed", "info", None),
    ]
    assert {record["part"] for record in paper.records} == {"store"}
