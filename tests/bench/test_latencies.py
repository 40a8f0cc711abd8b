import random

import pytest

from wsserver.bench import latencies as module
from wsserver.bench.latencies import HIGHEST_US, Latencies


def recorded(values):
    latencies = Latencies()
    for value in values:
        latencies.counts[value] += 1
    return latencies


def test_nothing_recorded_is_nothing_found():
    empty = Latencies()
    assert (empty.total, empty.greatest_us, empty.at(50), empty.at(99.9)) == (0, 0, 0, 0)


def test_percentiles_of_the_first_hundred_numbers_are_those_numbers():
    found = recorded(range(1, 101))
    assert [found.at(percentile) for percentile in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert (found.total, found.greatest_us) == (100, 100)


@pytest.mark.parametrize("percentile", [50.0, 90.0, 99.0, 99.9])
def test_percentiles_of_a_long_tail_are_within_a_thousandth_of_the_sorted_list(percentile):
    luck = random.Random(7)
    values = sorted(int(luck.lognormvariate(7, 2)) + 1 for _ in range(20_000))
    rank = max(1, -(-int(percentile * 10) * len(values) // 1000))
    assert recorded(values).at(percentile) == pytest.approx(values[rank - 1], rel=1.1e-3, abs=1)


def test_the_greatest_is_told_exactly_and_no_percentile_is_above_it():
    found = recorded([123_457_891])
    assert found.greatest_us == found.at(99.9) == 123_457_891


def test_what_no_clock_should_give_does_not_break_it():
    found = recorded([0, -5, HIGHEST_US + 10])
    assert found.total == 3
    assert found.at(1) == 1


def test_counts_are_folded_when_there_are_many_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(module, "FOLD_AT", 10)
    latencies = recorded(range(1, 11))
    latencies.fold_if_many()
    assert len(latencies.counts) == 10
    latencies.counts[11] += 1
    latencies.fold_if_many()
    assert len(latencies.counts) == 0
    latencies.counts[12] += 1
    assert (latencies.total, latencies.greatest_us) == (12, 12)


def test_what_several_processes_recorded_adds_up_to_what_one_would_have():
    values = [int(1.3**step) + 1 for step in range(60)]
    parts = [recorded(values[index::3]) for index in range(3)]
    merged = Latencies.merged((part.encode(), part.greatest_us) for part in parts)
    whole = recorded(values)
    assert (merged.total, merged.greatest_us) == (whole.total, whole.greatest_us)
    assert [merged.at(p) for p in range(0, 101, 5)] == [whole.at(p) for p in range(0, 101, 5)]


def test_the_sum_of_nothing_is_nothing():
    assert Latencies.merged([]).total == 0
    assert Latencies.merged([(Latencies().encode(), 0)]).total == 0
