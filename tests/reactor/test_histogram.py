"""Buckets."""

from itertools import pairwise

import pytest

from wsserver.reactor.histogram import LATENCY_BOUNDS_S, TURN_BOUNDS_S, Histogram


def test_each_observation_is_in_one_bucket_and_a_bound_belongs_to_its_own() -> None:
    histogram = Histogram((1.0, 2.0, 4.0))
    for seconds in (0.5, 1.0, 1.5, 2.0, 4.0, 4.1, 100.0):
        histogram.observe(seconds)
    assert histogram.counts == [2, 2, 1, 2]
    assert (histogram.sum_s, histogram.longest_s) == (pytest.approx(113.1), 100.0)


@pytest.mark.parametrize("bounds", [TURN_BOUNDS_S, LATENCY_BOUNDS_S])
def test_bounds_rise(bounds: tuple[float, ...]) -> None:
    assert all(low < high for low, high in pairwise(bounds))


def test_what_is_asked_of_a_turn_is_a_bound() -> None:
    assert 0.02 in TURN_BOUNDS_S
