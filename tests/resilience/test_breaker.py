"""The breaker: one by one, and against a model of it under whatever happens."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wsserver.resilience.backoff import Backoff
from wsserver.resilience.breaker import FAILURES, MOST_PAUSE_S, TRIAL_S, Breaker, State


def breaker() -> Breaker:
    return Breaker(Backoff(1, 30, lambda _low, high: high))


def fail(one: Breaker, times: int = FAILURES, now: float = 0.0) -> None:
    for _ in range(times):
        ticket = one.admit(now)
        assert ticket is not None
        one.failed(ticket, now, "it is down")


def trial(one: Breaker, now: float) -> int:
    ticket = one.admit(now)
    assert ticket is not None
    return ticket


def test_it_opens_after_five_failures_in_a_row_and_not_before() -> None:
    one = breaker()
    fail(one, FAILURES - 1)
    assert one.state is State.CLOSED
    fail(one, 1)
    assert one.state is State.OPEN
    assert one.admit(0.99) is None


def test_an_answer_ends_the_row() -> None:
    one = breaker()
    fail(one, FAILURES - 1)
    one.succeeded(trial(one, 0))
    fail(one, FAILURES - 1)
    assert one.state is State.CLOSED


def test_after_the_pause_one_trial_is_admitted_and_no_second() -> None:
    one = breaker()
    fail(one)
    assert one.admit(1.0) is not None
    assert one.state is State.HALF_OPEN
    assert one.admit(1.0) is None
    assert one.admit(1.0 + TRIAL_S - 0.1) is None


def test_a_trial_that_works_closes_it() -> None:
    one = breaker()
    fail(one)
    one.succeeded(trial(one, 1.0))
    assert one.state is State.CLOSED
    assert one.admit(1.0) is not None


def test_a_trial_that_fails_opens_it_for_longer() -> None:
    one = breaker()
    fail(one)
    now = 0.0
    for pause_s in (1, 2, 4, 8, 16, 30, 30):
        assert one.wait_s(now) == pause_s
        assert one.admit(now + pause_s - 0.01) is None
        now += pause_s
        one.failed(trial(one, now), now, "still down")
    assert one.opened == 8


def test_the_pause_stays_long_until_something_works_behind_the_trial() -> None:
    one = breaker()
    fail(one)
    one.succeeded(trial(one, 1.0))
    fail(one, now=1.0)
    assert one.wait_s(1.0) == 2
    one.succeeded(trial(one, 3.0))
    one.succeeded(trial(one, 3.0))
    fail(one, now=3.0)
    assert one.wait_s(3.0) == 1


def test_a_trial_of_which_nothing_is_heard_is_given_up() -> None:
    one = breaker()
    fail(one)
    lost = trial(one, 1.0)
    second = trial(one, 1.0 + TRIAL_S)
    one.succeeded(lost)
    assert one.state is State.HALF_OPEN
    one.succeeded(second)
    assert one.state is State.CLOSED


@pytest.mark.parametrize("worked", [True, False])
def test_what_was_asked_before_it_opened_does_not_count_any_more(worked: bool) -> None:
    one = breaker()
    early = trial(one, 0)
    fail(one)
    if worked:
        one.succeeded(early)
    else:
        one.failed(early, 0, "late")
    assert (one.state, one.wait_s(0), one.cause) == (State.OPEN, 1, "it is down")


def test_it_says_why_and_when() -> None:
    one = breaker()
    fail(one)
    for now in (0.0, 0.9, 1.0):
        assert one.describe(now) == "it is down; it is tried again in 1 s"  # and never in 0 s
    one.admit(1.0)
    assert one.describe(1.0) == "it is down; it is being tried again"


class Model(RuleBasedStateMachine):
    """Asks, answers early and late, and lets time pass, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(Backoff(1, 30, lambda low, _high: low))
        self.now = 0.0
        self.out: list[int] = []
        self.row = 0
        self.trials = 0

    @rule()
    def ask(self) -> None:
        before, wait_s = self.breaker.state, self.breaker.wait_s(self.now)
        ticket = self.breaker.admit(self.now)
        assert (ticket is not None) == (wait_s == 0)
        if ticket is not None:
            self.out.append(ticket)
            if before is not State.CLOSED:
                assert self.breaker.state is State.HALF_OPEN
                assert self.breaker.admit(self.now) is None

    @rule(which=st.integers(0, 30), worked=st.booleans())
    def answer(self, which: int, worked: bool) -> None:
        if not self.out:
            return
        ticket = self.out.pop(which % len(self.out))
        before = self.breaker.state
        current = ticket == self.breaker._era
        if worked:
            self.breaker.succeeded(ticket)
        else:
            self.breaker.failed(ticket, self.now, "no")
        if not current:
            assert self.breaker.state is before
        elif before is State.HALF_OPEN:
            assert self.breaker.state is (State.CLOSED if worked else State.OPEN)
        else:
            assert before is State.CLOSED
            self.row = 0 if worked else self.row + 1
            assert self.breaker.state is (State.OPEN if self.row == FAILURES else State.CLOSED)
        if self.breaker.state is not State.CLOSED or before is not State.CLOSED:
            self.row = 0

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def never_shut_for_longer_than_the_longest_pause(self) -> None:
        assert 0 <= self.breaker.wait_s(self.now) <= max(MOST_PAUSE_S, TRIAL_S)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
