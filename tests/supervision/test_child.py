"""One worker by the clock: started, heard, found dead, started again after pauses that grow."""

import signal

import pytest

from tests.reactor.fakes import turn
from tests.supervision.fakes import jump, nursery
from wsserver.supervision.child import FAREWELL_S, FIRST_PAUSE_S, LAST_PAUSE_S, STEADY_S, Child, Stage
from wsserver.supervision.orders import Drain, Failed, Measured, Pong, Ready, Report, SumUp


class Notes:
    """An overseer that writes down what it is told, and greets with what is no greeting."""

    def __init__(self):
        self.told = []

    def open_hub(self, child):
        return None

    def begin(self, child, hub):
        assert hub is None
        return Report()

    def on_ready(self, child):
        self.told.append("ready")

    def on_pong(self, child):
        self.told.append("pong")

    def on_numbers(self, child, said):
        self.told.append(said)

    def on_down(self, child, code):
        self.told.append((code, child.failure))


@pytest.fixture
def reactor():
    reactor = nursery()
    yield reactor
    for process in reactor.world.processes:
        process.sock.close()
    reactor.close()


@pytest.fixture
def child(reactor):
    return Child(reactor, 4, Notes(), [0, 1])


def spawned(child, reactor):
    child.spawn()
    turn(reactor, 2)
    return reactor.world.processes[-1]


def test_a_process_inherits_the_sockets_and_its_end_of_the_link_and_is_greeted(child, reactor):
    process = spawned(child, reactor)
    assert process.arguments[:3] == ("-m", "wsserver", "worker")
    assert set(process.fds) == {0, 1, int(process.arguments[3])}
    assert process.heard() == [Report()]
    assert (child.stage, child.pid) == (Stage.STARTING, process.pid)
    child.say(Drain())
    turn(reactor)
    assert process.heard() == [Drain()]


def test_one_that_is_ready_serves_and_one_that_has_ended_is_down(child, reactor):
    process = spawned(child, reactor)
    process.say(Ready())
    process.say(Ready())
    turn(reactor, 2)
    assert child.stage is Stage.SERVING
    child.reap()
    assert child.stage is Stage.SERVING
    process.die(-9)
    child.reap()
    assert (child.stage, child.pid, child.link) == (Stage.DOWN, None, None)
    child.say(Drain())
    child.reap()
    child.kill()
    assert child._overseer.told == ["ready", (-9, None)]


def test_that_it_is_there_is_passed_on(child, reactor):
    process = spawned(child, reactor)
    process.say(Pong())
    turn(reactor, 2)
    assert child._overseer.told == ["pong"]


def test_one_that_hangs_is_told_to_write_where_and_to_be_awake_for_it_and_is_killed_if_it_does_not_end(child, reactor):
    child.abort()
    assert child.stage is Stage.DOWN
    process = spawned(child, reactor)
    process.say(Ready())
    turn(reactor, 2)
    child.abort()
    assert (child.stage, process.signals) == (Stage.HUNG, [signal.SIGABRT, signal.SIGCONT])
    jump(reactor, FAREWELL_S - 0.1)
    assert not process.killed
    jump(reactor, 0.2)
    assert process.killed
    process.die(-9)
    child.reap()
    assert (child.stage, child.served) == (Stage.DOWN, True)


def test_the_successor_of_one_that_hung_is_not_killed_in_its_place(child, reactor):
    spawned(child, reactor)
    child.abort()
    reactor.world.processes[-1].die(-6)
    child.reap()
    successor = spawned(child, reactor)
    jump(reactor, FAREWELL_S + 0.1)
    assert (successor.killed, child.stage) == (False, Stage.STARTING)


def test_what_it_says_of_its_numbers_is_passed_on(child, reactor):
    process = spawned(child, reactor)
    process.say(SumUp(1, {"a": 1}))
    process.say(Measured(2, {}))
    turn(reactor, 2)
    assert child._overseer.told == [SumUp(1, {"a": 1}), Measured(2, {})]


def test_why_one_cannot_start_is_known_when_its_end_is_told(child, reactor):
    process = spawned(child, reactor)
    failed = Failed("the disk is full.", 1)
    process.say(failed)
    process.die(1)
    turn(reactor, 2)
    child.reap()
    assert child._overseer.told == [(1, failed)]
    spawned(child, reactor)
    assert child.failure is None


def test_a_process_that_cannot_be_made_counts_as_one_that_has_ended(child, reactor):
    reactor.world.refuses = True
    child.spawn()
    assert child._overseer.told == []
    turn(reactor, 2)
    assert child._overseer.told == [(1, None)]
    assert reactor.watched == 1  # the wake-up pair: no end of a link is left over


def test_pauses_double_up_to_the_last_and_begin_anew_after_it_was_steady(child, reactor):
    pauses = [child.spawn_later() for _ in range(12)]
    child.stay_down()
    assert pauses[:4] == [FIRST_PAUSE_S * 2**number for number in range(4)]
    assert pauses[-1] == LAST_PAUSE_S
    process = spawned(child, reactor)
    process.say(Ready())
    turn(reactor, 2)
    jump(reactor, STEADY_S - 1)
    assert child.spawn_later() == LAST_PAUSE_S
    jump(reactor, 1)
    assert child.spawn_later() == FIRST_PAUSE_S


def test_after_the_pause_there_is_a_process_unless_it_is_to_stay_down(child, reactor):
    child.spawn_later()
    child.stay_down()
    child.stay_down()
    jump(reactor, LAST_PAUSE_S)
    assert reactor.world.processes == []
    child.spawn_later()
    jump(reactor, LAST_PAUSE_S)
    assert len(reactor.world.processes) == 1


def test_one_that_the_hub_has_cut_off_and_that_does_not_end_writes_where_it_hangs_and_is_killed(child, reactor):
    child.on_cut()
    process = spawned(child, reactor)
    child.on_cut()
    jump(reactor, FAREWELL_S + 0.1)
    assert (process.signals, process.killed) == ([signal.SIGABRT, signal.SIGCONT], False)
    jump(reactor, FAREWELL_S)
    assert process.killed


def test_one_that_hangs_up_and_does_not_end_is_killed_and_its_successor_is_not(child, reactor):
    process = spawned(child, reactor)
    process.sock.close()
    turn(reactor, 2)
    jump(reactor, FAREWELL_S - 0.1)
    assert process.signals == []
    jump(reactor, 0.2)
    assert process.signals != []
    jump(reactor, FAREWELL_S)
    assert process.killed
    process.code = -9
    child.reap()
    second = spawned(child, reactor)
    second.sock.close()
    turn(reactor, 2)
    second.code = 1
    child.reap()
    third = spawned(child, reactor)
    jump(reactor, FAREWELL_S)
    jump(reactor, FAREWELL_S)
    assert (third.signals, third.killed) == ([], False)


def test_whether_one_has_served_is_known_when_it_has_ended(child, reactor):
    spawned(child, reactor).say(Ready())
    turn(reactor, 2)
    reactor.world.processes[-1].die(-9)
    child.reap()
    assert child.served
    spawned(child, reactor)
    child.abort()
    reactor.world.processes[-1].die(-6)
    child.reap()
    assert not child.served
