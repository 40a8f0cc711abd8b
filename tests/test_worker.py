"""A worker as its supervisor meets it: in this process, with the other end of the link in the test's hands."""

import socket

import pytest

from tests.reactor.fakes import turn as turn_reactor
from tests.test_server import ask, config, get
from wsserver import worker as worker_module
from wsserver.net.files import Directory
from wsserver.reactor.world import World
from wsserver.server import Server
from wsserver.supervision.orders import (
    Begin,
    Cover,
    Drain,
    End,
    Failed,
    Measure,
    Measured,
    Ping,
    Pong,
    Ready,
    Report,
    Sum,
    SumUp,
    TakeOn,
    Uncover,
    decode,
    encode,
)
from wsserver.worker import Worker, main


class Rig:
    """Worker 0 of two, and the supervisor's end of its link."""

    def __init__(self, folder):
        world = World()
        self.sets = [world.listen_tcp("127.0.0.1", 0) for _ in range(2)]
        self.server = Server(config(), world, Directory(str(folder)))
        self.server.start(self.sets[0])
        self.worker = Worker(self.server, self.sets, 0)
        self.end, its = world.socket_pair()
        self.worker.connect(its, b"")
        self.ran = False
        self.turn()

    def run(self):
        """Turn until it ends by itself; return its exit code."""
        self.ran = True
        return self.server.run()

    def turn(self):
        turn_reactor(self.server.reactor, 4)

    def say(self, *lines):
        self.end.send(b"".join(encode(line) + b"\n" for line in lines))
        self.turn()

    def heard(self):
        return [decode(line) for line in self.end.recv(1 << 16).splitlines()]

    def is_answered(self, index):
        """Whether somebody accepts from the sockets of a worker."""
        with socket.create_connection(self.sets[index][0].getsockname(), 5) as peer:
            peer.sendall(get("/livez").encode())
            self.turn()
            peer.setblocking(False)
            try:
                answered = peer.recv(4096).startswith(b"HTTP/1.1 200 ")
            except BlockingIOError:
                answered = False
        self.turn()
        return answered


@pytest.fixture
def rig(tmp_path):
    one = Rig(tmp_path)
    yield one
    one.end.close()
    for client in list(one.server.registry.clients):
        client.transport.close()
    if not one.ran:
        one.turn()
        one.server.close()
    for sock in one.sets[1]:
        sock.close()


def test_it_says_that_it_is_ready_and_accepts_from_its_own_sockets_alone(rig):
    assert rig.heard() == [Ready()]
    assert rig.is_answered(0)
    assert not rig.is_answered(1)


def test_it_accepts_for_another_one_as_long_as_it_is_told_to(rig):
    rig.say(Cover(1))
    assert rig.is_answered(1)
    rig.say(Uncover(1))
    assert not rig.is_answered(1)
    rig.say(Uncover(0), Cover(1))
    assert rig.is_answered(1)
    assert rig.is_answered(0)


def test_who_waited_for_the_dead_one_is_answered(rig):
    with socket.create_connection(rig.sets[1][0].getsockname(), 5) as peer:
        peer.sendall(get("/livez").encode())
        rig.turn()
        rig.say(Cover(1))
        assert peer.recv(4096).startswith(b"HTTP/1.1 200 ")
    rig.turn()


def test_it_takes_a_configuration_on(rig):
    rig.say(TakeOn(config("server.hosts=chat.example")), Report())
    assert ask(rig.server, get("/livez", host="localhost"))[0] == 421
    assert ask(rig.server, get("/livez", host="chat.example"))[0] == 200


def test_it_answers_that_it_is_there(rig):
    rig.heard()
    rig.say(Ping())
    assert rig.heard() == [Pong()]


def test_it_says_its_numbers_when_asked(rig):
    rig.heard()
    rig.say(Measure(3))
    [measured] = rig.heard()
    assert isinstance(measured, Measured)
    assert (measured.number, measured.snapshot["wsserver_processes"]) == (3, 1)


def test_who_asks_it_for_metrics_is_shown_the_sum(rig):
    rig.heard()
    with socket.create_connection(rig.sets[0][0].getsockname(), 5) as peer:
        peer.sendall(get("/metrics").encode())
        rig.turn()
        [asked] = rig.heard()
        assert isinstance(asked, SumUp)
        assert asked.own["wsserver_clients"]["created"] == 1
        rig.say(Sum(asked.number + 1, {"wsserver_users": 1}), Sum(asked.number, {"wsserver_users": 41}))
        assert b"\nwsserver_users 41\n" in peer.recv(1 << 16)
    rig.turn()


def test_a_supervisor_that_hangs_has_no_sum_and_is_not_asked_again_before_it_answers(rig, monkeypatch):
    rig.heard()
    monkeypatch.setattr(worker_module, "SUM_S", 0.0)
    told = []
    rig.worker.sum_up({}, told.append)
    rig.turn()
    rig.worker.sum_up({}, told.append)
    rig.turn()
    assert told == [None, None]
    assert rig.heard() == [SumUp(1, {})]
    monkeypatch.undo()
    rig.say(Sum(1, {}))
    rig.worker.sum_up({}, told.append)
    rig.say(Sum(2, {"wsserver_users": 1}))
    assert told == [None, None, {"wsserver_users": 1}]


def test_it_drains_when_told_and_a_second_time_is_no_hurry(rig):
    with socket.create_connection(rig.sets[0][0].getsockname(), 5) as peer:
        rig.turn()
        rig.say(Drain(), Drain())
        assert rig.server.site.draining
        assert len(rig.server.registry.clients) == 1
        rig.server.reactor.post(peer.close)
        assert rig.run() == 0


def test_it_ends_at_once_with_1_when_told(rig):
    with socket.create_connection(rig.sets[0][0].getsockname(), 5):
        rig.turn()
        rig.server.reactor.post(lambda: rig.end.send(encode(End()) + b"\n"))
        assert rig.run() == 1


def test_without_a_supervisor_it_closes_everybody_and_ends_with_1(rig):
    with socket.create_connection(rig.sets[0][0].getsockname(), 5):
        rig.turn()
        rig.server.reactor.post(rig.end.close)
        assert rig.run() == 1


# -- from the first byte ----------------------------------------------------------------------------------------------


@pytest.fixture
def begin(monkeypatch):
    """Run `main` with what the supervisor says first; return its exit code, and what it said."""
    monkeypatch.setattr(worker_module.signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(worker_module.faulthandler, "enable", lambda fd: None)
    monkeypatch.setattr(worker_module.logs, "configure", lambda *arguments, **fields: None)
    monkeypatch.setattr(World, "pin", lambda world, core: None)

    def run(said, gone=False):
        ours, its = socket.socketpair()
        ours.settimeout(5)
        ours.sendall(said)
        if gone:
            ours.shutdown(socket.SHUT_WR)
        code = main(its.detach())
        with ours:
            return code, [decode(line) for line in ours.makefile("rb")]

    return run


def greeting(*assignments):
    listener = socket.create_server(("127.0.0.1", 0)).detach()
    return encode(Begin(0, config(*assignments), [[listener]], [], None, 0)) + b"\n"


@pytest.mark.parametrize("said", [b"", b'{"type":"Begin"'])
def test_a_supervisor_that_dies_before_it_has_spoken_ends_it(begin, said):
    assert begin(said, gone=True) == (1, [])


def test_a_supervisor_that_dies_behind_its_first_word_ends_it_in_its_first_turn(begin):
    assert begin(greeting(), gone=True) == (1, [])


def test_what_was_said_behind_the_first_word_is_done(begin):
    assert begin(greeting() + encode(Drain()) + b"\n") == (0, [Ready()])


def test_why_it_cannot_start_is_told_with_the_exit_code_it_deserves(begin, tmp_path):
    code, [failed] = begin(greeting(f"store.url=sqlite:{tmp_path}/nowhere/chat.db"))
    assert (code, failed.code) == (1, 1)
    assert "No such file or directory" in failed.sentence
    code, [failed] = begin(greeting("auth.mode=token"))
    assert (code, failed.code) == (2, 2)
    assert isinstance(failed, Failed)
