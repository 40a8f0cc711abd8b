"""The table, and several processes made one."""

import json
import re

import msgspec
import pytest

from wsserver.observe.families import COUNTER, FAMILIES, GAUGE, HISTOGRAM, Family, counters, merge, of_histogram
from wsserver.reactor.histogram import TURN_BOUNDS_S, Histogram


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_each_has_a_lawful_name_and_a_sentence(family: Family) -> None:
    assert re.fullmatch(r"wsserver(_[a-z]+)+", family.name)
    assert not family.name.endswith("_total")
    assert family.kind in (COUNTER, GAUGE, HISTOGRAM)
    assert family.help.endswith((".", ")."))
    assert bool(family.bounds) == (family.kind == HISTOGRAM)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_no_label_is_something_that_strangers_can_make_more_of(family: Family) -> None:
    assert set(family.labels) <= {"version", "python", "state", "status", "code", "result", "part", "what"}


def snapshot(turns: int, *, breaker: int = 0, seconds: float = 0.001, **more: int) -> dict[str, object]:
    histogram = Histogram(TURN_BOUNDS_S)
    histogram.observe(seconds)
    return {
        "wsserver_turns": turns,
        "wsserver_clients": {"open": turns, **more},
        "wsserver_breaker_state": {"store": breaker},
        "wsserver_turn_seconds": of_histogram(histogram),
        "wsserver_turn_longest_seconds": seconds,
    }


def test_what_only_grows_can_be_told_from_what_is() -> None:
    whole = snapshot(3)
    assert counters({**whole, "somebody_elses": 1}) == {
        name: whole[name] for name in ("wsserver_turns", "wsserver_turn_seconds")
    }


def test_counts_are_added_and_of_states_the_worst_is_kept() -> None:
    merged = merge([snapshot(1, breaker=0), snapshot(2, breaker=2, seconds=0.5, created=7), snapshot(3, breaker=1)])
    assert merged["wsserver_turns"] == 6
    assert merged["wsserver_clients"] == {"open": 6, "created": 7}
    assert merged["wsserver_breaker_state"] == {"store": 2}
    assert merged["wsserver_turn_longest_seconds"] == 0.5
    assert merged["wsserver_turn_seconds"]["counts"] == [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert merged["wsserver_turn_seconds"]["sum"] == pytest.approx(0.502)


def test_what_another_version_says_besides_is_left_out() -> None:
    other = {"wsserver_of_tomorrow": 1, "wsserver_turn_seconds": {"counts": [5], "sum": 1.0}}
    merged = merge([snapshot(1), other])
    assert "wsserver_of_tomorrow" not in merged
    assert sum(merged["wsserver_turn_seconds"]["counts"]) == 1


def test_a_snapshot_can_be_sent_to_another_process() -> None:
    one = snapshot(4)
    assert msgspec.json.decode(msgspec.json.encode(one)) == one == msgspec.msgpack.decode(msgspec.msgpack.encode(one))
    assert json.loads(json.dumps(one)) == one


def test_merging_changes_nobodys_numbers() -> None:
    one, two = snapshot(1), snapshot(2)
    before = json.dumps([one, two])
    merge([one, two])
    assert json.dumps([one, two]) == before
