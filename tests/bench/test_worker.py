import json
import socket

import pytest

from tests.bench.rig import options
from tests.reactor.fakes import turn
from wsserver.bench.churn import ChurnCrew
from wsserver.bench.crew import Crew, Share
from wsserver.bench.echo import EchoCrew
from wsserver.bench.rooms import RoomsCrew
from wsserver.bench.worker import CONNECT_S, DRAIN_S, LEAVE_S, STILL_S, Worker, crew_for


class Boss:
    """The coordinator's end, played by the test."""

    def __init__(self, rig, **changes):
        self.rig = rig
        self.sock, its = socket.socketpair()
        for end in (self.sock, its):
            end.setblocking(False)
        self.stops = []
        rig.reactor.stop = lambda: self.stops.append(True)
        self.worker = Worker(rig.reactor, its, Share(options(**changes), 0, "run"), socket.AF_INET, ("127.0.0.1", 80))
        self.worker.begin()
        rig.turn()

    def news(self):
        self.rig.turn()
        try:
            return [json.loads(line) for line in self.sock.recv(1 << 20).splitlines()]
        except BlockingIOError:
            return []

    def order(self, kind, **fields):
        self.sock.send(json.dumps({"type": kind, **fields}).encode() + b"\n")
        self.rig.turn()

    def open_all(self):
        for peer in self.rig.peers:
            peer.answer()
        [ready] = self.news()
        assert ready["type"] == "Ready"
        return ready

    def load(self, seconds=1.0):
        now = self.rig.world.time
        self.order("Begin", start_s=now, end_s=now + seconds)

    def echo(self):
        for peer in self.rig.peers:
            for opcode, payload in peer.messages():
                if opcode == 1:
                    peer.say(payload, opcode)
                else:
                    peer.say(payload, 8)
        self.rig.turn()


@pytest.fixture
def boss(rig):
    bosses = []

    def make(**changes):
        bosses.append(Boss(rig, **changes))
        return bosses[-1]

    yield make
    for one in bosses:
        one.sock.close()


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [("echo", EchoCrew), ("connect", ChurnCrew), ("fanout", RoomsCrew), ("rooms", RoomsCrew), ("slow", RoomsCrew)],
)
def test_each_scenario_has_its_crew(rig, scenario, kind):
    assert type(crew_for(rig.share(scenario), rig.route)) is kind


def test_idle_clients_need_no_crew_of_their_own_where_there_is_no_chat(rig):
    assert type(crew_for(rig.share("idle"), rig.route)) is Crew


def test_a_run_from_its_begin_to_its_end(rig, boss):
    one = boss()
    assert one.open_all()["opened"] == 2
    one.load(1.0)
    assert one.worker.crew.tally.sent == 2
    one.echo()
    rig.jump(1.0)
    stopped = one.news()[-1]
    assert (stopped["type"], stopped["sent"]) == ("Stopped", {})
    one.order("Drain", sent={})
    one.echo()
    rig.jump(0.01)
    one.echo()
    rig.jump(0.02)
    [done] = one.news()
    assert done["type"] == "Done"
    assert (done["tally"]["sent"], done["tally"]["received"], done["tally"]["lost"]) == (4, 4, 0)
    assert done["latency"]["encoded"] and done["late"] is None
    one.sock.close()
    rig.turn()
    assert one.stops == [True]


def test_progress_is_told_once_a_second_and_not_after_the_end(rig, boss):
    one = boss()
    one.open_all()
    one.load(2.5)
    kinds = []
    for _ in range(8):
        rig.jump(0.5)
        kinds += [news["type"] for news in one.news()]
    assert kinds == ["Progress", "Progress", "Stopped"]


def test_an_order_to_stop_ends_the_load_before_its_time(rig, boss):
    one = boss()
    one.open_all()
    one.load(100.0)
    one.order("Stop")
    assert one.news()[-1]["type"] == "Stopped"
    one.order("Stop")
    assert one.news() == []


def test_who_does_not_come_in_time_is_refused_and_the_others_are_ready(rig, boss):
    one = boss()
    rig.peers[0].answer()
    rig.jump(CONNECT_S + 5)
    assert one.news()[0] == {"type": "Ready", "opened": 1}
    assert one.worker.crew.tally.refused == {"not ready within 30 s": 1}


def drained(rig, one, seconds, step=0.5):
    """Let time pass after the end of the load; return what was counted, or None while it still waits."""
    for _ in range(int(seconds / step)):
        rig.jump(step)
    news = [line for line in one.news() if line["type"] == "Done"]
    return news[0]["tally"] if news else None


def test_what_has_not_come_is_waited_for_and_then_it_is_lost(rig, boss):
    one = boss()
    one.open_all()
    one.load(1.0)
    rig.jump(1.0)
    one.order("Drain", sent={})
    assert drained(rig, one, STILL_S - 1) is None
    assert drained(rig, one, LEAVE_S + 2)["lost"] == 2


def test_whoever_still_gets_something_is_waited_for_but_not_for_ever(rig, boss):
    one = boss(window=1000, clients=1)
    one.open_all()
    one.load(1.0)
    rig.jump(1.0)
    one.order("Drain", sent={})
    messages = rig.peers[0].messages()
    for _, payload in messages[: int(DRAIN_S) + 1]:
        assert drained(rig, one, 1.0) is None
        rig.peers[0].say(payload)
    assert drained(rig, one, LEAVE_S + 2)["lost"] > 900


def test_without_a_coordinator_there_is_nothing_to_do(rig, boss):
    one = boss()
    one.sock.close()
    turn(rig.reactor, 3)
    assert one.stops == [True]
