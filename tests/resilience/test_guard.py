"""The guard: its timer, its probe, and what it tells."""

from collections.abc import Callable

from wsserver.resilience.backoff import Backoff
from wsserver.resilience.breaker import FAILURES, TRIAL_S, Breaker, State
from wsserver.resilience.guard import Guard, Probed


class FakeTimer:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at, self.callback, self.cancelled = at, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """Time stands still until `advance`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[FakeTimer] = []

    def monotonic(self) -> float:
        return self.now

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(self.now + delay_s, callback))
        return self.timers[-1]

    def armed(self) -> list[FakeTimer]:
        self.timers = [timer for timer in self.timers if not timer.cancelled]
        return self.timers

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while due := [timer for timer in self.armed() if timer.at <= until]:
            timer = min(due, key=lambda timer: timer.at)
            timer.cancelled = True
            self.now = max(self.now, timer.at)
            timer.callback()
        self.now = until


class Thing:
    """What is guarded: probes of it wait to be answered, or are at once with what `answers` says."""

    def __init__(self) -> None:
        self.probes: list[Probed] = []
        self.answers: str | bool | None = False  # False: not at once
        self.clock = FakeClock()
        self.told: list[tuple[State, State, str]] = []
        breaker = Breaker(Backoff(1, 30, lambda _low, high: high))
        self.guard = Guard(breaker, self.clock, self.probe, lambda *what: self.told.append(what))

    def probe(self, done: Probed) -> None:
        self.probes.append(done)
        if not isinstance(self.answers, bool):
            done(self.answers)

    def break_it(self, times: int = FAILURES) -> None:
        for _ in range(times):
            ticket = self.guard.admit()
            assert ticket is not None
            self.guard.note(ticket, "it is down")

    @property
    def state(self) -> State:
        return self.guard.breaker.state


def test_it_tries_by_itself_when_the_pause_is_over() -> None:
    thing = Thing()
    thing.break_it()
    thing.clock.advance(0.9)
    assert thing.probes == []
    thing.clock.advance(0.2)
    [done] = thing.probes
    assert thing.state is State.HALF_OPEN
    done(None)
    assert thing.state is State.CLOSED
    assert thing.clock.armed() == []


def test_it_goes_on_trying_less_and_less_often() -> None:
    thing = Thing()
    thing.answers = "still down"
    thing.break_it()
    for expected in (1, 2, 3, 4, 5):  # after 1, 3, 7, 15, 31 seconds
        thing.clock.advance(2 ** (expected - 1))
        assert len(thing.probes) == expected
    thing.clock.advance(3600)
    assert len(thing.probes) == 5 + 3600 // 30


def test_a_real_question_that_comes_first_is_the_trial() -> None:
    thing = Thing()
    thing.break_it()
    thing.clock.now += 1
    ticket = thing.guard.admit()
    assert ticket is not None
    assert thing.guard.admit() is None
    thing.clock.advance(0.5)
    assert thing.probes == []
    thing.guard.note(ticket, None)
    assert thing.guard.trouble is None


def test_a_probe_without_an_answer_is_followed_by_another() -> None:
    thing = Thing()
    thing.break_it()
    thing.clock.advance(1)
    thing.clock.advance(TRIAL_S)
    thing.clock.advance(TRIAL_S)
    assert len(thing.probes) == 3
    thing.probes[0](None)
    assert thing.state is State.HALF_OPEN
    thing.probes[2](None)
    assert thing.state is State.CLOSED


def test_each_change_is_told_once_whatever_is_asked_meanwhile() -> None:
    thing = Thing()
    thing.break_it()
    for _ in range(1000):
        assert thing.guard.admit() is None
    thing.clock.advance(1)
    thing.probes[0](None)
    assert thing.told == [
        (State.CLOSED, State.OPEN, "it is down"),
        (State.OPEN, State.HALF_OPEN, "it is down"),
        (State.HALF_OPEN, State.CLOSED, "it is down"),
    ]


def test_trouble_says_why_and_until_when() -> None:
    thing = Thing()
    assert thing.guard.trouble is None
    thing.break_it()
    assert thing.guard.trouble == "it is down; it is tried again in 1 s"


def test_after_its_end_it_tries_nothing() -> None:
    thing = Thing()
    thing.break_it()
    thing.guard.close()
    thing.clock.advance(100)
    assert thing.probes == []


def test_a_sign_that_it_works_is_believed_before_the_pause_is_over() -> None:
    thing = Thing()
    thing.guard.hasten()  # nothing is wrong
    thing.answers = "still down"
    thing.break_it()
    thing.clock.advance(10)
    thing.probes.clear()
    thing.answers = None
    thing.guard.hasten()
    assert len(thing.probes) == 1
    assert thing.state is State.CLOSED
    assert thing.clock.armed() == []
