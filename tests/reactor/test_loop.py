from math import inf

import pytest

from tests.reactor.fakes import fake_reactor, turn
from wsserver.reactor.loop import CATCH_UP_ROUNDS, END_ROUNDS, LATE_S, SLEEP_LIMIT_S
from wsserver.reactor.poller import MAX_EVENTS, READ


class Recorder:
    def __init__(self, log, name, reactor=None, error=None):
        self.log, self.name, self.reactor, self.error = log, name, reactor, error

    def on_events(self, mask):
        self.log.append((self.name, mask))
        if self.error:
            raise self.error

    def on_crash(self, error):
        self.log.append((self.name, "crash", error))

    def flush(self):
        self.log.append((self.name, "flush"))
        if self.error:
            raise self.error

    def bury(self):
        self.log.append((self.name, "bury"))


@pytest.fixture
def reactor():
    made = fake_reactor()
    yield made
    made.close()


def test_a_turn_runs_its_steps_in_the_order_of_the_list(reactor):
    log = []
    handler = Recorder(log, "h")
    reactor.watch(90, READ, handler)
    reactor.timers.call_at(reactor.now, lambda: log.append("timer"))
    reactor.poller.batches = [[(90, READ)]]
    reactor.post(lambda: log.append("posted"))
    reactor.at_end_of_turn(lambda: log.append("end of turn"))
    reactor.dirty.append(handler)
    reactor.bury(handler)
    reactor.run_once()
    assert log == ["timer", ("h", READ), "posted", "end of turn", ("h", "flush"), ("h", "bury")]


def test_it_sleeps_until_the_next_timer_and_for_ever_without_one(reactor):
    reactor.run_once()
    reactor.call_later(2.5, lambda: None)
    reactor.run_once()
    assert reactor.poller.slept == [None, 2.5]


@pytest.mark.parametrize("what", ["call_soon", "at_end_of_turn"])
def test_it_does_not_sleep_while_work_waits(reactor, what):
    getattr(reactor, what)(lambda: None)
    reactor.run_once()
    assert reactor.poller.slept == [0]


def test_the_clock_is_read_again_after_a_sleep(reactor):
    seen = []
    reactor.watch(90, READ, Recorder([], "h"))
    world, poller = reactor.world, reactor.poller
    real_poll = poller.poll

    def sleep_long(timeout_s):
        world.time += 60
        return real_poll(timeout_s)

    reactor._poll = sleep_long
    reactor.post(lambda: seen.append(reactor.now))
    reactor.run_once()
    assert seen == [1060.0]


def test_what_is_called_soon_waits_for_the_next_turn(reactor):
    log = []
    reactor.post(lambda: reactor.call_soon(lambda: log.append("soon")))
    reactor.run_once()
    assert log == []
    reactor.run_once()
    assert log == ["soon"]


def test_output_queued_while_flushing_leaves_in_the_same_turn(reactor):
    log = []
    late = Recorder(log, "late")

    class First(Recorder):
        def flush(self):
            super().flush()
            reactor.dirty.append(late)

    reactor.dirty.append(First(log, "first"))
    reactor.run_once()
    assert log == [("first", "flush"), ("late", "flush")]


def test_what_is_published_while_flushing_is_committed_before_anybody_sleeps(reactor):
    log = []

    class First(Recorder):
        def flush(self):
            reactor.at_end_of_turn(lambda: log.append("committed"))

    reactor.dirty.append(First(log, "first"))
    reactor.run_once()
    assert log == ["committed"]


def test_a_crash_of_one_handler_is_reported_and_the_others_are_served(reactor):
    log = []
    error = ValueError("ours")
    reactor.watch(90, READ, Recorder(log, "bad", error=error))
    reactor.watch(91, READ, Recorder(log, "good"))
    reactor.poller.batches = [[(90, READ), (91, READ)]]
    reactor.run_once()
    assert log == [("bad", READ), ("bad", "crash", error), ("good", READ)]
    assert reactor.errors == [error]


def test_a_crash_while_flushing_is_that_client_s(reactor):
    log = []
    error = ValueError("ours")
    reactor.dirty += [Recorder(log, "bad", error=error), Recorder(log, "good")]
    reactor.run_once()
    assert log == [("bad", "flush"), ("bad", "crash", error), ("good", "flush")]


@pytest.mark.parametrize("how", ["timer", "soon", "posted", "end of turn"])
def test_a_crash_in_a_callback_reaches_its_owner(reactor, how):
    class Owner:
        crashed = None

        def callback(self):
            raise ValueError("ours")

        def on_crash(self, error):
            self.crashed = error

    owner = Owner()
    arrange = {
        "timer": lambda callback: reactor.timers.call_at(reactor.now, callback),
        "soon": reactor.call_soon,
        "posted": reactor.post,
        "end of turn": reactor.at_end_of_turn,
    }
    arrange[how](owner.callback)
    reactor.run_once()
    assert isinstance(owner.crashed, ValueError)
    assert len(reactor.errors) == 1


def test_an_fd_is_unwatched_for_good(reactor):
    reactor.watch(90, READ, Recorder([], "h"))
    assert reactor.watched == 2  # and the wake-up's
    reactor.unwatch(90)
    assert reactor.watched == 1
    assert 90 not in reactor.poller.interest


def test_it_stops_at_the_end_of_the_turn_in_which_it_is_told(reactor):
    reactor.post(reactor.stop)
    reactor.run()
    assert reactor.turns == 1


def test_a_timer_that_stops_it_ends_a_turn_that_does_not_sleep(reactor):
    reactor.call_later(0, reactor.stop)
    reactor.call_later(3600, lambda: None)
    reactor.run()
    assert reactor.poller.slept == [0]


def test_an_event_of_an_fd_that_was_unwatched_in_the_same_batch_is_dropped(reactor):
    log = []

    class Jealous(Recorder):
        def on_events(self, mask):
            super().on_events(mask)
            reactor.unwatch(91)

    reactor.watch(90, READ, Jealous(log, "first"))
    reactor.watch(91, READ, Recorder(log, "second"))
    reactor.watch(92, READ, Recorder(log, "third"))
    reactor.poller.batches = [[(90, READ), (91, READ), (92, READ)]]
    reactor.run_once()
    assert log == [("first", READ), ("third", READ)]


def test_a_burial_that_fails_does_not_keep_the_others_above_ground(reactor):
    log = []
    error = OSError("not there")

    class Undead(Recorder):
        def bury(self):
            raise error

    reactor.bury(Undead(log, "undead"))
    reactor.bury(Recorder(log, "dead"))
    reactor.run_once()
    assert log == [("dead", "bury")]
    assert reactor.errors == [error]


def test_whoever_arms_the_end_of_the_turn_again_and_again_does_not_keep_the_turn_from_ending(reactor):
    count = 0

    def again():
        nonlocal count
        count += 1
        reactor.at_end_of_turn(again)

    reactor.at_end_of_turn(again)
    reactor.run_once()
    first = count
    assert 1 <= first <= END_ROUNDS**2
    reactor.run_once()
    assert count > first
    assert reactor.poller.slept == [0, 0]


def test_it_sleeps_no_longer_than_the_kernel_can_count(reactor):
    reactor.call_later(365 * 86400, lambda: None)
    reactor.run_once()
    assert reactor.poller.slept == [SLEEP_LIMIT_S]
    assert SLEEP_LIMIT_S * 1000 < 2**31  # epoll_wait(2) takes milliseconds in an int


# -- after a pause ----------------------------------------------------------------------------------------------------


def test_after_a_pause_everybody_is_heard_before_a_timer_judges(reactor):
    log = []
    reactor.watch(90, READ, Recorder(log, "h"))
    reactor.call_later(1.0, lambda: log.append("timer"))
    reactor.world.time += 1.0 + LATE_S + 0.1
    reactor.poller.batches = [[(90, READ)] * MAX_EVENTS, [(90, READ)], []]
    reactor.run_once()
    assert log == [("h", READ)] * (MAX_EVENTS + 1) + ["timer"]
    assert reactor.poller.slept[:2] == [0, 0]


def test_a_timer_that_is_late_as_timers_are_is_fired_first(reactor):
    log = []
    reactor.watch(90, READ, Recorder(log, "h"))
    reactor.call_later(1.0, lambda: log.append("timer"))
    reactor.world.time += 1.0 + LATE_S - 0.1
    reactor.poller.batches = [[(90, READ)]]
    reactor.run_once()
    assert log == ["timer", ("h", READ)]


def test_those_who_never_stop_talking_cannot_hold_the_timers_for_ever(reactor):
    log = []
    reactor.watch(90, READ, Recorder([], "h"))
    reactor.call_later(1.0, lambda: log.append("timer"))
    reactor.world.time += 60
    reactor.poller.batches = [[(90, READ)] * MAX_EVENTS] * (CATCH_UP_ROUNDS + 1)
    reactor.run_once()
    assert log == ["timer"]


# -- how long turns take ----------------------------------------------------------------------------------------------


class Busy:
    """A handler that takes its time."""

    def __init__(self, reactor):
        self.reactor = reactor
        self.seconds = 0.0

    def on_events(self, mask):
        self.reactor.world.time += self.seconds


class Sleepy:
    """A poller that sleeps as long as it may, and then reports one fd."""

    def __init__(self, reactor):
        self.world = reactor.world

    def poll(self, timeout_s):
        self.world.time += timeout_s or 0
        return [(90, READ)]


def working(*turns, sleep_s=0.0, timer_s=0.0):
    """Let a reactor have turns that take so long each, and one more that counts the last of them."""
    reactor = fake_reactor()
    handler = Busy(reactor)
    reactor.watch(90, READ, handler)
    reactor._poll = Sleepy(reactor).poll
    for seconds in (*turns, 0.0):
        handler.seconds = seconds
        if timer_s:
            reactor.call_later(0, lambda: reactor.world.__dict__.update(time=reactor.world.time + timer_s))
        reactor.call_later(sleep_s, lambda: None)
        reactor.run_once()
    reactor.turns -= 1  # the one that only looks
    reactor.close()
    return reactor


def test_turns_are_counted_by_how_long_they_took():
    times = working(0.0005, 0.015, 0.03, 0.9, 0.0001).turn_times()
    assert dict(zip((*times.bounds, inf), times.counts, strict=True)) == {
        **dict.fromkeys((*times.bounds, inf), 0),
        0.001: 2,
        0.02: 1,
        0.05: 1,
        1.0: 1,
    }
    assert times.longest_s == pytest.approx(0.9)
    assert times.sum_s == pytest.approx(0.0005 + 0.015 + 0.03 + 0.9 + 0.0001)


def test_sleep_is_not_part_of_a_turn():
    reactor = working(0.0001, 0.015, sleep_s=3.0)
    assert reactor.world.time > 1005
    assert reactor.turn_times().longest_s == pytest.approx(0.015)
    assert reactor.busy_s == pytest.approx(0.0151)


def test_timers_are_part_of_a_turn_that_sleeps_behind_them():
    reactor = working(0.01, 0.01, sleep_s=3.0, timer_s=0.5)
    assert reactor.turn_times().longest_s == pytest.approx(0.51)


def test_time_before_the_first_turn_is_nobodys():
    reactor = fake_reactor()
    reactor.world.time += 5
    turn(reactor, 3)
    reactor.close()
    times = reactor.turn_times()
    assert (times.sum_s, times.longest_s, sum(times.counts)) == (0, 0, 3)
