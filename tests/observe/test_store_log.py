"""What is logged of a store."""

import json

import pytest

from wsserver.observe import logs
from wsserver.observe.log_format import format_json
from wsserver.observe.store_log import StoreLog


class Paper:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[dict[str, object]] = []

    def write(self, line: bytes) -> bool:
        self.records.append(json.loads(line))
        return True


def test_it_tells_how_the_store_fares_and_who_has_to_know_that_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    paper, lost, recovered = Paper(), [], []
    monkeypatch.setattr(logs._JOURNAL, "sink", paper)
    monkeypatch.setattr(logs._JOURNAL, "form", format_json)
    monkeypatch.setattr(logs._JOURNAL, "threshold", 0)
    log = StoreLog(lambda: lost.append(True))
    log.on_recovered = lambda: recovered.append(True)
    log.trouble("the disk is full")
    assert recovered == []
    log.recovered()
    assert (lost, recovered) == ([], [True])
    log.lost("the disk reports an error")
    assert lost == [True]
    assert [(record["kind"], record["level"], record.get("cause")) for record in paper.records] == [
        ("store_trouble", "error", "the disk is full"),
        ("store_recovered", "info", None),
        ("store_lost", "error", "the disk reports an error"),
    ]
