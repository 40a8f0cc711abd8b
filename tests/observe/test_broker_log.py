"""What is logged of the link to the other nodes."""

import json

import pytest

from wsserver.observe import logs
from wsserver.observe.broker_log import BrokerLog
from wsserver.observe.log_format import format_json


class Paper:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[dict[str, object]] = []

    def write(self, line: bytes) -> bool:
        self.records.append(json.loads(line))
        return True


def test_it_tells_when_the_link_is_down_and_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = Paper()
    monkeypatch.setattr(logs._JOURNAL, "sink", paper)
    monkeypatch.setattr(logs._JOURNAL, "form", format_json)
    monkeypatch.setattr(logs._JOURNAL, "threshold", 0)
    log = BrokerLog()
    log.trouble("connection refused")
    log.recovered()
    assert [(record["kind"], record["level"], record.get("cause")) for record in paper.records] == [
        ("broker_trouble", "error", "connection refused"),
        ("broker_recovered", "info", None),
    ]
