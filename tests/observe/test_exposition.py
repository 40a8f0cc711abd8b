"""What is written, read by a strict reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.strict import read
from wsserver.observe.exposition import prefers_openmetrics, render
from wsserver.observe.families import FAMILIES, HISTOGRAM, Family


def values_of(family: Family) -> st.SearchStrategy[object]:
    numbers = st.integers(0, 2**53) | st.floats(0, 1e12)
    if family.kind == HISTOGRAM:
        size = len(family.bounds) + 1
        counts = st.lists(st.integers(0, 2**40), min_size=size, max_size=size)
        return st.fixed_dictionaries({"counts": counts, "sum": st.floats(0, 1e9)})
    if family.labels:
        value = st.text(
            st.characters(exclude_characters="|\n", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=5
        )
        keys = st.tuples(*[value for _ in family.labels]).map("|".join)
        return st.dictionaries(keys, numbers, max_size=4)
    return numbers


SNAPSHOTS = st.fixed_dictionaries({}, optional={name: values_of(family) for name, family in FAMILIES.items()})


@given(SNAPSHOTS, st.booleans())
def test_whatever_the_numbers_a_strict_reader_understands_them(snapshot: dict[str, object], openmetrics: bool) -> None:
    samples = read(render(snapshot, openmetrics).decode(), openmetrics)
    plain = {name for name, family in FAMILIES.items() if not family.labels and not family.bounds and name in snapshot}
    for name in plain:
        written = f"{name}_total" if FAMILIES[name].kind == "counter" else name
        assert samples[written, ()] == snapshot[name]


def test_text_is_as_prometheus_shows_it() -> None:
    assert render({"wsserver_turns": 3, "wsserver_breaker_state": {"store": 2, "broker": 0}}).decode() == (
        "# HELP wsserver_breaker_state 0 closed, 1 half-open, 2 open.\n"
        "# TYPE wsserver_breaker_state gauge\n"
        'wsserver_breaker_state{part="broker"} 0\n'
        'wsserver_breaker_state{part="store"} 2\n'
        "# HELP wsserver_turns_total Turns of the reactor.\n"
        "# TYPE wsserver_turns_total counter\n"
        "wsserver_turns_total 3\n"
    )


def test_openmetrics_names_the_family_without_total_and_says_where_it_ends() -> None:
    assert render({"wsserver_turns": 3}, openmetrics=True).decode() == (
        "# HELP wsserver_turns Turns of the reactor.\n# TYPE wsserver_turns counter\nwsserver_turns_total 3\n# EOF\n"
    )


def test_buckets_are_running_totals() -> None:
    counts = [3, 0, 2, *[0] * 7, 1]
    samples = read(render({"wsserver_turn_seconds": {"counts": counts, "sum": 1.25}}).decode())
    assert samples["wsserver_turn_seconds_bucket", (("le", "0.002"),)] == 3
    assert samples["wsserver_turn_seconds_bucket", (("le", "0.005"),)] == 5
    assert samples["wsserver_turn_seconds_bucket", (("le", "+Inf"),)] == 6
    assert samples["wsserver_turn_seconds_sum", ()] == 1.25


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        # what Prometheus 2.50 and 3.0 send
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", True),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=much", False),
    ],
)
def test_openmetrics_is_for_those_who_like_it_at_least_as_well(accept: str, wanted: bool) -> None:
    assert prefers_openmetrics(accept) is wanted
