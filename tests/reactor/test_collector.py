"""What a full run of the collector has left is not looked at again, for an hour."""

import gc
import weakref

import pytest

from wsserver.reactor.collector import THAW_S, Freezer

IMMORTAL = 1000
"""Objects that never die, which some interpreters freeze by themselves."""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def freezer(clock):
    freezer = Freezer(clock)
    with freezer:
        yield freezer


def test_what_is_there_at_the_start_is_frozen(freezer):
    assert gc.get_freeze_count() > IMMORTAL


def test_what_a_full_run_leaves_is_frozen_too_and_what_a_small_one_leaves_is_not(freezer):
    before = gc.get_freeze_count()
    kept = [[number] for number in range(5000)]
    gc.collect(1)
    assert gc.get_freeze_count() == before
    gc.collect()
    assert gc.get_freeze_count() >= before + len(kept)


def test_circles_that_are_young_are_still_found(freezer):
    circle: list[object] = []
    circle.append(circle)
    del circle
    assert gc.collect() >= 1


class Circle:
    """It keeps itself."""

    def __init__(self) -> None:
        self.myself = self


def test_once_an_hour_the_collector_looks_at_everything(freezer, clock):
    circle = Circle()
    gone = weakref.ref(circle)
    gc.collect()
    del circle
    gc.collect()
    assert gone() is not None, "it was frozen while it was in use"
    clock.now += THAW_S
    gc.collect()
    gc.collect()
    assert gone() is None
    assert gc.get_freeze_count() > 0


def test_behind_it_nothing_is_frozen_any_more(clock):
    with Freezer(clock):
        pass
    gc.collect()
    assert gc.get_freeze_count() < IMMORTAL
