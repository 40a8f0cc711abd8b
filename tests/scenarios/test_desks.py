"""Two whole workers in one process, with a real exchange between them: who is told what, and who takes whom in."""

import json
import os
import socket

import pytest

from tests.clients.rig import UPGRADE, decode_frames
from tests.reactor.fakes import turn
from tests.scenarios.handing import channel_at
from tests.test_server import config
from tests.websocket.frames_by_hand import frame
from wsserver.net.files import Directory
from wsserver.reactor.world import World
from wsserver.server import Server
from wsserver.supervision.exchange import Desk, Exchange, Shares
from wsserver.supervision.orders import Cover, Drain, Ping, Uncover, encode
from wsserver.websocket.codes import CLOSE, TEXT
from wsserver.worker import Worker


def duplicate(shares):
    return Shares(os.dup(shares.memory), [os.dup(fd) for fd in shares.inboxes], [os.dup(fd) for fd in shares.outlets])


class Process:
    """A worker, and the supervisor's end of its link."""

    def __init__(self, index, exchange, sets, folder):
        world = World()
        self.sets = sets
        self.desk = Desk(world, duplicate(exchange.shares), index)
        settings = config("limits.rate=0", "server.drain=1ms")
        self.server = Server(settings, world, Directory(folder), homes=self.desk.homes)
        self.server.start([sock.dup() for sock in sets[index]])
        self.worker = Worker(self.server, [[sock.dup() for sock in one] for one in sets], index, self.desk)
        self.end, its = world.socket_pair()
        self.worker.connect(its, b"")
        self.peers = []

    def say(self, *orders):
        self.end.send(b"".join(encode(order) + b"\n" for order in orders))
        self.turn()

    def turn(self, count=4):
        turn(self.server.reactor, count)

    def connect(self):
        """Return a client that has heard its welcome."""
        peer = socket.create_connection(self.sets[self.worker._index][0].getsockname(), 5)
        peer.sendall(UPGRADE.format(path="/chat", extra="").replace("localhost", "127.0.0.1").encode())
        self.peers.append(peer)
        while b"welcome" not in (data := peer_read(self, peer)):
            assert data is not None
        return peer

    @property
    def clients(self):
        return len(self.server.registry.clients)

    def close(self):
        for peer in self.peers:
            peer.close()
        self.turn()
        self.desk.close()
        for sock in [self.end, *(sock for one in self.worker._sets for sock in one)]:
            sock.close()
        self.server.close()


def peer_read(process, peer):
    process.turn()
    peer.setblocking(False)
    try:
        return peer.recv(65536)
    except BlockingIOError:
        return b""
    finally:
        peer.settimeout(5)


def join(peer, channel):
    peer.sendall(frame(TEXT, json.dumps({"type": "join", "channel": channel, "user": "ann"}).encode()))


@pytest.fixture
def pair(tmp_path):
    exchange = Exchange(2)
    sets = [World().listen_tcp("127.0.0.1", 0) for _ in range(2)]
    processes = [Process(index, exchange, sets, str(tmp_path)) for index in range(2)]
    yield processes
    for process in processes:
        process.close()
    exchange.close()
    for sock in [sock for one in sets for sock in one]:
        sock.close()


def events(data):
    return [json.loads(payload)["type"] if opcode == TEXT else opcode for opcode, payload in decode_frames(data)]


def until_heard(process, peer, last):
    """Let a process turn until it has said that; return all that it has said."""
    data = b""
    for _ in range(200):
        data += peer_read(process, peer)
        if last in (said := events(data)):
            return said
    raise AssertionError(f"it was never said, but {said}")


def test_a_client_is_handed_from_one_to_the_other(pair):
    first, second = pair
    peer = first.connect()
    join(peer, channel_at(1, 2))
    first.turn()
    assert first.clients == 0
    assert until_heard(second, peer, "joined") == ["joined"]
    assert second.clients == 1


def test_how_many_are_here_is_said_when_the_supervisor_asks(pair):
    first, second = pair
    channel = channel_at(0, 2)
    second.desk.homes.count(0)
    first.server.registry.house.site.draining = True
    first.say(Ping())
    assert second.desk.homes.elsewhere(channel) is None, "it takes nobody"
    first.server.registry.house.site.draining = False
    first.say(Ping())
    assert second.desk.homes.elsewhere(channel) == 0
    first.server.registry._admission.sockets += 10_000
    first.say(Ping())
    assert second.desk.homes.elsewhere(channel) is None, "it has too many"
    first.server.registry._admission.sockets -= 10_000


def test_one_that_becomes_full_by_whom_it_takes_over_says_so_at_once(pair):
    first, second = pair
    second.server.registry._admission._most = 10
    channel, peers = channel_at(1, 2), []
    while first.desk.homes.elsewhere(channel) == 1:
        peers.append(first.connect())
        join(peers[-1], channel)
        first.turn()
        assert until_heard(second, peers[-1], "joined") == ["joined"]
    assert len(peers) == 9
    stays = first.connect()
    join(stays, channel)
    assert until_heard(first, stays, "joined") == ["joined"]


def test_a_neighbour_takes_in_what_lies_there_for_another(pair):
    first, second = pair
    peers = [first.connect() for _ in range(3)]
    for peer in peers:
        join(peer, channel_at(1, 2))
    first.turn()
    assert first.clients == 0
    first.say(Cover(1))
    first.turn()
    assert first.clients == 3
    first.say(Uncover(1))
    late = first.connect()
    join(late, channel_at(1, 2))
    first.turn()
    assert (first.clients, second.clients) == (3, 0), "this one is left to its owner again"
    second.turn()
    assert second.clients == 1


def test_who_is_on_the_way_to_one_that_drains_is_told_to_go_like_all(pair):
    first, second = pair
    peers = [first.connect() for _ in range(3)]
    for peer in peers:
        join(peer, channel_at(1, 2))
    first.turn()
    second.say(Drain())
    assert first.desk.homes.elsewhere(channel_at(1, 2)) is None
    for peer in peers:
        assert until_heard(second, peer, CLOSE) == ["joined", "goaway", CLOSE]


def test_who_joins_behind_that_stays(pair):
    first, second = pair
    peer = first.connect()
    second.say(Drain())
    join(peer, channel_at(1, 2))
    assert until_heard(first, peer, "joined") == ["joined"]
    assert first.clients == 1


def test_where_all_accept_from_one_socket_a_neighbour_takes_in_all_the_same(pair):
    first, _ = pair
    own, others = first.worker._sets
    first.worker._sets = [own, own]
    listening = len(first.server.listeners)
    peer = first.connect()
    join(peer, channel_at(1, 2))
    first.turn()
    assert first.clients == 0
    first.say(Cover(1))
    assert until_heard(first, peer, "joined") == ["joined"]
    first.say(Uncover(1))
    assert len(first.server.listeners) == listening
    first.worker._sets = [own, others]
