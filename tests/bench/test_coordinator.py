import json
import os
import signal
import socket
import sys

import pytest

from tests.bench.rig import options
from tests.reactor.fakes import FakeWorld, turn
from wsserver.bench import coordinator as module
from wsserver.bench.coordinator import PATIENCE_S, SETTLE_S, Coordinator, run
from wsserver.bench.latencies import Latencies
from wsserver.bench.link import Spectrum
from wsserver.bench.usage import Reading
from wsserver.bench.worker import CONNECT_S, DRAIN_S, LEAVE_S
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller


class Usage:
    """A server that uses half a core."""

    pids = (7,)

    def __init__(self, world):
        self.world = world

    def read(self):
        return Reading(self.world.time, self.world.time / 2, 1 << 20, [self.world.time])


class Rig:
    """A coordinator whose workers are played by the test."""

    def __init__(self, count=2, **changes):
        self.world = FakeWorld()
        self.reactor = Reactor(self.world, open_poller("epoll"), self.fail)
        self.stops = []
        self.reactor.stop = lambda: self.stops.append(True)
        pairs = [socket.socketpair() for _ in range(count)]
        for pair in pairs:
            for end in pair:
                end.setblocking(False)
        self.workers = [pair[1] for pair in pairs]
        self.told = []
        self.coordinator = Coordinator(
            self.reactor, options(**changes), [pair[0] for pair in pairs], Usage(self.world), self.told.append
        )

    def fail(self, error):
        raise error

    def say(self, kind, *whom, **fields):
        for worker in whom or self.workers:
            worker.send(json.dumps({"type": kind, **fields}).encode() + b"\n")
        turn(self.reactor, 3)

    def heard(self, worker=0):
        try:
            return [json.loads(line) for line in self.workers[worker].recv(1 << 16).splitlines()]
        except BlockingIOError:
            return []

    def jump(self, seconds):
        self.world.time += seconds
        turn(self.reactor, 3)

    def done(self, *whom, **tally):
        spectrum = {"encoded": Latencies().encode(), "greatest_us": 0}
        self.say("Done", *whom, tally=tally, latency=spectrum, connecting=spectrum, late=None)

    def close(self):
        self.reactor.close()
        for worker in self.workers:
            worker.close()


@pytest.fixture
def make():
    rigs = []

    def make_one(*args, **changes):
        rigs.append(Rig(*args, **changes))
        return rigs[-1]

    yield make_one
    for rig in rigs:
        rig.close()


def test_a_run_from_its_begin_to_its_end(make):
    rig = make()
    rig.say("Ready", rig.workers[0], opened=1)
    assert rig.heard() == []
    rig.say("Ready", rig.workers[1], opened=1)
    [begin] = rig.heard()
    assert begin == {"type": "Begin", "start_s": 1000 + SETTLE_S, "end_s": 1001 + SETTLE_S}
    rig.jump(SETTLE_S)
    rig.jump(1.0)
    rig.say("Stopped", rig.workers[0], sent={"0": 3, "2": 1}, cpu_s=0.5)
    assert rig.heard(1) == [begin]
    rig.say("Stopped", rig.workers[1], sent={"0": 4}, cpu_s=0.25)
    assert rig.heard(0) == rig.heard(1) == [{"type": "Drain", "sent": {"0": 7, "2": 1}}]
    assert rig.stops == []
    rig.done(rig.workers[0], opened=1, sent=3)
    rig.done(rig.workers[1], opened=1, sent=4)
    assert rig.stops
    findings = rig.coordinator.finish()
    assert (findings.tally.opened, findings.tally.sent, findings.died) == (2, 7, 0)
    assert findings.measured_s == pytest.approx(1.0)
    assert findings.worker_cpu_s == [0.5, 0.25]
    assert findings.ended.cpu_s - findings.begun.cpu_s == pytest.approx(0.5)


def begun(make, **changes):
    rig = make(**changes)
    rig.say("Ready", opened=1)
    rig.jump(SETTLE_S)
    rig.heard(0), rig.heard(1)
    return rig


def test_progress_is_the_sum_of_what_all_have_said(make):
    rig = begun(make, duration_s=10.0)
    rig.jump(1.0)
    rig.say("Progress", rig.workers[0], here=1, sent=5, received=400)
    assert rig.coordinator.findings.timeline == []
    rig.say("Progress", rig.workers[1], here=1, sent=5, received=100)
    rig.jump(1.0)
    rig.say("Progress", here=1, sent=9, received=500)
    assert [received for _, received in rig.coordinator.findings.timeline] == [500, 1000]
    assert rig.told[-1].split() == ["2", "s", "500", "a", "second", "2", "clients"]


def test_when_nobody_came_there_is_nothing_to_wait_for(make):
    rig = make(duration_s=1000.0)
    rig.say("Ready", opened=0)
    [begin] = rig.heard()
    assert begin["start_s"] == begin["end_s"]


def test_a_worker_that_dies_is_counted_and_the_others_go_on(make):
    rig = begun(make)
    rig.workers[1].close()
    turn(rig.reactor, 3)
    rig.say("Stopped", rig.workers[0], sent={}, cpu_s=0.0)
    assert rig.heard() == [{"type": "Drain", "sent": {}}]
    rig.done(rig.workers[0], opened=1)
    assert rig.stops
    assert rig.coordinator.finish().died == 1


def test_when_all_workers_have_died_it_is_over(make):
    rig = make()
    for worker in rig.workers:
        worker.close()
    turn(rig.reactor, 3)
    assert rig.stops
    assert rig.coordinator.finish().died == 2


def test_the_first_interruption_ends_the_load_and_the_second_everything(make):
    rig = begun(make, duration_s=100.0)
    rig.coordinator.on_interrupt()
    turn(rig.reactor, 3)
    assert rig.heard() == [{"type": "Stop"}]
    assert rig.stops == []
    rig.coordinator.on_interrupt()
    assert rig.stops == [True]
    findings = rig.coordinator.finish()
    assert findings.interrupted
    assert findings.died == 2  # whose figures are missing


def test_an_interruption_while_clients_come_ends_it_too(make):
    rig = make()
    rig.coordinator.on_interrupt()
    turn(rig.reactor, 3)
    begin, stop = rig.heard()
    assert (begin["start_s"], begin["end_s"], stop["type"]) == (1000, 1000, "Stop")


def test_every_phase_ends_by_itself(make):
    rig = make()
    rig.jump(CONNECT_S + PATIENCE_S)
    assert [order["type"] for order in rig.heard()] == ["Begin"]
    rig.jump(SETTLE_S + 1.0 + PATIENCE_S)
    assert [order["type"] for order in rig.heard()] == ["Stop"]
    rig.say("Stopped", sent={}, cpu_s=0.0)
    assert [order["type"] for order in rig.heard()] == ["Drain"]
    rig.jump(DRAIN_S + LEAVE_S + PATIENCE_S)
    assert rig.stops


def test_what_several_workers_measured_is_one_spectrum():
    parts = [Latencies(), Latencies()]
    parts[0].counts[5] += 1
    parts[1].counts[9] += 1
    merged = module._merged(Spectrum(part.encode(), part.greatest_us) for part in parts)
    assert (merged.total, merged.greatest_us) == (2, 9)


def test_workers_are_processes_of_their_own_and_all_are_waited_for(monkeypatch):
    def play(sock, share, family, address):
        sock.setblocking(True)
        lines = sock.makefile("rwb", buffering=0)
        lines.write(json.dumps({"type": "Ready", "opened": os.getpid()}).encode() + b"\n")
        assert b"Begin" in lines.readline()
        lines.write(b'{"type":"Stopped","sent":{},"cpu_s":0.5}\n')
        assert b"Drain" in lines.readline()
        spectrum = {"encoded": Latencies().encode(), "greatest_us": share.index}
        done = {"type": "Done", "tally": {"opened": 1}, "latency": spectrum, "connecting": spectrum, "late": None}
        lines.write(json.dumps(done).encode() + b"\n")
        assert lines.readline() == b""

    monkeypatch.setattr(module, "run_worker", play)
    before = signal.getsignal(signal.SIGINT)
    findings = run(options(clients=3, processes=3, duration_s=0.1), socket.AF_INET, ("127.0.0.1", 1), lambda line: None)
    assert (findings.tally.opened, findings.died) == (3, 0)
    assert findings.latency.greatest_us == 2
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_worker_that_fails_says_why_and_is_missing(monkeypatch, tmp_path):
    def fail(sock, share, family, address):
        raise ValueError("out of luck")

    monkeypatch.setattr(module, "run_worker", fail)
    with (tmp_path / "said").open("w+") as said:
        monkeypatch.setattr(sys, "stderr", said)
        findings = run(options(duration_s=0.1), socket.AF_INET, ("127.0.0.1", 1), lambda line: None)
    assert (findings.died, findings.tally.opened) == (1, 0)
    assert "ValueError: out of luck" in (tmp_path / "said").read_text()
