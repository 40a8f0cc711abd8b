"""Pauses that grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserver.resilience.backoff import Backoff


def longest(_low: float, high: float) -> float:
    return high


def shortest(low: float, _high: float) -> float:
    return low


def test_pause_doubles_up_to_the_longest() -> None:
    backoff = Backoff(1, 30, longest)
    assert [backoff.next() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_pause_is_never_less_than_half_of_its_range() -> None:
    backoff = Backoff(1, 30, shortest)
    assert [backoff.next() for _ in range(7)] == [0.5, 1, 2, 4, 8, 15, 15]


def test_reset_makes_the_next_pause_short_again() -> None:
    backoff = Backoff(1, 30, longest)
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() == 1


@given(st.floats(0.001, 10), st.floats(1, 100), st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_every_pause_lies_within_its_range(first_s: float, factor: float, luck: list[float]) -> None:
    rolls = iter(luck)
    backoff = Backoff(first_s, first_s * factor, lambda low, high: low + (high - low) * next(rolls))
    for turn in range(len(luck)):
        reach_s = min(first_s * 2**turn, first_s * factor)
        assert reach_s / 2 * 0.999 <= backoff.next() <= reach_s * 1.001


@pytest.mark.parametrize(("first_s", "most_s"), [(0, 1), (-1, 1), (2, 1)])
def test_range_without_sense_is_a_mistake_of_ours(first_s: float, most_s: float) -> None:
    with pytest.raises(AssertionError):
        Backoff(first_s, most_s, longest)
