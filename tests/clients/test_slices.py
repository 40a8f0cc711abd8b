"""Work in slices: two milliseconds a turn, by turns, and nobody else waits for longer."""

import pytest

from tests.reactor.fakes import fake_reactor
from wsserver.clients.slices import SLICE_S, Slices


class Work:
    """So many steps of so many seconds each; writes its name down for every step."""

    def __init__(self, reactor, diary, name, steps, step_s):
        self.reactor, self.diary, self.name, self.left, self.step_s = reactor, diary, name, steps, step_s

    def step(self):
        self.diary.append(self.name)
        self.reactor.world.time += self.step_s
        self.left -= 1
        return self.left > 0


@pytest.fixture
def reactor():
    reactor = fake_reactor()
    yield reactor
    reactor.close()


def turns_until_done(reactor, slices, diary):
    """Let the reactor turn until nothing is left; return what was done in each turn."""
    turns = []
    while len(slices):
        before = len(diary)
        reactor.run_once()
        turns.append("".join(diary[before:]))
    return turns


def test_nothing_is_done_in_the_turn_that_asks_for_it(reactor):
    slices, diary = Slices(reactor), []
    slices.add(Work(reactor, diary, "a", 1, 0).step)
    assert diary == []
    assert turns_until_done(reactor, slices, diary) == ["a"]


def test_those_with_large_work_take_turns(reactor):
    slices, diary = Slices(reactor), []
    for name in "abc":
        slices.add(Work(reactor, diary, name, 5, SLICE_S / 2).step)
    assert turns_until_done(reactor, slices, diary) == ["aa", "bb", "cc", "aa", "bb", "cc", "a" + "b", "c"]


def test_small_work_behind_large_work_is_done_long_before_that(reactor):
    slices, diary = Slices(reactor), []
    slices.add(Work(reactor, diary, "L", 1000, SLICE_S / 4).step)
    reactor.run_once()
    slices.add(Work(reactor, diary, "s", 1, SLICE_S / 4).step)
    assert turns_until_done(reactor, slices, diary)[:2] == ["LLLL", "sLLL"]


def test_a_turn_gives_one_slice_and_the_rest_of_a_step(reactor):
    slices, diary = Slices(reactor), []
    slices.add(Work(reactor, diary, "x", 4, SLICE_S * 3).step)
    assert turns_until_done(reactor, slices, diary) == ["x"] * 4


def test_a_turn_with_work_left_does_not_sleep_and_one_without_does(reactor):
    slices, diary = Slices(reactor), []
    slices.add(Work(reactor, diary, "x", 3, SLICE_S).step)
    turns_until_done(reactor, slices, diary)
    assert reactor.poller.slept[:2] == [0, 0]
    reactor.run_once()
    assert reactor.poller.slept[-1] is None


def test_events_are_handled_between_two_slices(reactor):
    slices, diary = Slices(reactor), []

    class Handler:
        def on_events(self, mask):
            diary.append("!")

    reactor.watch(99, 1, Handler())
    reactor.poller.batches = [[(99, 1)]] * 3
    slices.add(Work(reactor, diary, "x", 3, SLICE_S).step)
    assert turns_until_done(reactor, slices, diary) == ["x!", "x!", "x!"]


def test_a_step_that_fails_is_reported_and_not_called_again_and_the_others_go_on(reactor):
    slices, diary = Slices(reactor), []

    def fail():
        diary.append("f")
        raise LookupError("a mistake of ours")

    slices.add(fail)
    slices.add(Work(reactor, diary, "x", 2, SLICE_S).step)
    assert turns_until_done(reactor, slices, diary) == ["fx", "x"]
    assert [type(error) for error in reactor.errors] == [LookupError]


def test_work_may_bring_more_work(reactor):
    slices, diary = Slices(reactor), []

    def first():
        diary.append("1")
        slices.add(Work(reactor, diary, "2", 1, 0).step)
        return False

    slices.add(first)
    assert turns_until_done(reactor, slices, diary) == ["12"]
    slices.add(first)
    assert turns_until_done(reactor, slices, diary) == ["12"]
