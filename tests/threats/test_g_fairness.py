"""One who floods, many who come, nothing left to accept with, and failures in the middle: everybody gets their turn."""

import contextlib
import inspect
import os
import resource
import socket
import sys
from pathlib import Path

import pytest

from tests.clients.rig import House, get, upgrade
from tests.reactor.fakes import turn
from tests.scenarios.running import PATIENCE_S, TOP
from tests.scenarios.talking import open_raw
from tests.threats.attacking import cpu_seconds
from tests.websocket.frames_by_hand import frame
from wsserver.chat.router import ChatRouter
from wsserver.chat.settings import ChatSettings
from wsserver.clients.states import State
from wsserver.net.listener import ACCEPT_BATCH
from wsserver.net.transport import READ_SIZE, Transport
from wsserver.reactor import poller
from wsserver.stores.memory import MemoryStore
from wsserver.websocket.codes import CLOSE, TEXT
from wsserver.websocket.parser import FRAME_BATCH
from wsserver.websocket.prepared import PreparedMessage

# -- 100 and 101: those who are in -------------------------------------------------------------------------------------


def heard_before_honest(house, flood):
    """Let `flood` and one honest message arrive at once; return how many of the flood's were handled before it."""
    greedy, honest = house.open(), house.open()
    house.router.heard.clear()
    with contextlib.suppress(BlockingIOError):
        greedy.socket.send(flood)
    honest.socket.send(frame(TEXT, b"honest"))
    for _ in range(3):
        turn(house.reactor)
        heard = [entry[1] for entry in house.router.heard if entry[0] == "message"]
        if b"honest" in heard:
            return heard.index(b"honest"), honest, greedy
    raise AssertionError("the honest one was not heard in three turns")


def test_g100_of_a_flood_of_tiny_messages_so_many_are_taken_before_the_next_client(house):
    before, _, _ = heard_before_honest(house, frame(TEXT, b"x") * 10_000)
    assert before <= FRAME_BATCH
    house.turn(10_000 // FRAME_BATCH)


def test_g100_of_a_flood_of_large_messages_so_many_bytes_are_taken_before_the_next_client(house):
    before, _, _ = heard_before_honest(house, frame(TEXT, b"x" * 10_000) * 20)
    assert before <= READ_SIZE // 10_000


def test_g100_while_a_flood_lasts_an_honest_client_is_answered_in_every_turn(house):
    honest = house.open("/echo")
    greedy = [house.open("/echo") for _ in range(10)]
    unsent = {peer: frame(TEXT, b"x" * 20) * 3000 for peer in greedy}
    for number in range(30):
        for peer in greedy:
            with contextlib.suppress(BlockingIOError):
                unsent[peer] = unsent[peer][peer.socket.send(unsent[peer][:32_768]) :]
        honest.socket.send(frame(TEXT, b"%d" % number))
        turn(house.reactor)
        assert honest.frames() == [(TEXT, b"%d" % number)]
        for peer in greedy:
            peer.received()


def test_g100_pipelined_requests_wait_for_their_turn_too(house):
    greedy, honest = house.connect(), house.connect()
    greedy.socket.send(get() * 200)
    honest.socket.send(get())
    turn(house.reactor, 2)
    assert honest.received().startswith(b"HTTP/1.1 200 ")
    assert 0 < greedy.received().count(b"HTTP/1.1 200 ") <= 40


def test_g101_with_more_events_than_one_turn_takes_timers_signals_and_everybody_get_theirs(house, monkeypatch):
    monkeypatch.setattr(poller, "MAX_EVENTS", 8)
    peers = [house.open() for _ in range(40)]
    fired, posted = [], []
    for number in range(30):
        for peer in peers:
            peer.socket.send(frame(TEXT, b"x"))
        house.reactor.call_later(0, lambda: fired.append(1))
        house.reactor.post(lambda: posted.append(1))
        house.reactor.run_once()
        house.reactor.world.time += 0.001
        assert len(fired) >= number
    turn(house.reactor, 30 * 40 // 8)
    assert len(posted) == 30
    heard = [peer.client.messages_in for peer in peers]
    assert heard == [30] * 40


# -- 102 and 103: those who come ---------------------------------------------------------------------------------------


def test_g102_a_storm_of_connections_that_are_gone_before_they_are_accepted_hurts_nobody(attacker, server):
    honest = open_raw(server.port)
    for _ in range(10):
        for one in [attacker() for _ in range(2 * ACCEPT_BATCH)]:
            one.reset()
        honest.sendall(frame(TEXT, b"here"))
        assert honest.recv(10) == b"\x81\x04here"
    honest.close()


@pytest.mark.parametrize("first_bytes", [b"", b"G", b"\x16\x03\x01", b"\0" * 100], ids=["none", "one", "tls", "zeros"])
def test_g102_nor_do_those_who_say_something_first(attacker, server, first_bytes):
    for _ in range(3):
        for number, one in enumerate([attacker() for _ in range(2 * ACCEPT_BATCH)]):
            one.send(first_bytes)
            one.reset() if number % 2 else one.finish()


FDS = 40
"""Files that the server of 103 may have open: a few more than it has."""


def test_g103_without_file_descriptors_it_rests_and_serves_those_who_are_in_and_spins_never(start):
    server = start("--set", "limits.connections=1000")
    honest = open_raw(server.port)
    lines = server.log.count("\n")
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (FDS, FDS))
    socks = [socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) for _ in range(200)]
    before = cpu_seconds(server)
    for _ in range(3):  # some seconds, in which the others wait at the door
        honest.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            honest.recv(1)
        honest.settimeout(PATIENCE_S)
        honest.sendall(frame(TEXT, b"still here"))
        assert honest.recv(20) == b"\x81\x0astill here"
    assert cpu_seconds(server) - before < 0.5
    assert len(os.listdir(f"/proc/{server.process.pid}/fd")) <= FDS
    assert server.log.count("\n") - lines <= 11
    assert "Traceback" not in server.log
    for sock in socks:
        sock.close()
    newcomer = open_raw(server.port)
    newcomer.sendall(frame(TEXT, b"me too"))
    assert newcomer.recv(20) == b"\x81\x06me too"
    newcomer.close()
    honest.close()


def test_g103_a_page_that_cannot_be_opened_then_is_answered_503(start):
    server = start()
    sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
    sock.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
    used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    highest = max(int(name) for name in os.listdir(f"/proc/{server.process.pid}/fd"))
    assert highest < used + 8
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (3, 3))  # nothing more can be opened
    sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert sock.recv(4096).startswith(b"HTTP/1.1 503 ")
    sock.close()
    assert server.process.poll() is None


# -- 106 and 107: failures in the middle -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["fan_out", "send_at_once"])
def test_g106_members_that_end_in_the_middle_of_a_broadcast_cost_nobody_their_copy(house, way):
    peers = [house.open() for _ in range(30)]
    members = dict.fromkeys(peer.client for peer in peers)

    def leave(what, peer, *_rest):
        if what == "close":
            members.pop(peer)
            house.registry.fan_out(members, PreparedMessage(b"somebody left", TEXT))

    house.router.react = leave
    for number, peer in enumerate(peers):
        if number % 3 == 1:
            peer.socket.close()
        if number % 3 == 2:
            peer.client.close(1000)
    staying = peers[::3]
    for _ in range(3):
        if way == "fan_out":
            house.registry.fan_out(members, PreparedMessage(b"news", TEXT))
        else:
            house.registry.send_at_once([client.wire for client in members], PreparedMessage(b"news", TEXT))
        house.turn()
    for peer in staying:
        payloads = [payload for _, payload in peer.frames()]
        assert payloads.count(b"news") == 3
        assert payloads.count(b"somebody left") == 20
    assert set(members) == {peer.client for peer in staying}


class Chat:
    """A chat on a house, with Ann who is honest and Mallory who meets the failures."""

    def __init__(self, make_house):
        self.house: House = make_house()
        registry = self.house.registry
        self.router = ChatRouter(ChatSettings(), MemoryStore(registry.random_bytes, registry.monotonic))
        self.house.site.routers["/chat"] = self.router
        self.router.attach(registry)
        self.ann = self.house.open("/chat")
        self.ann.send_frame(TEXT, b'{"type":"join","channel":"c","user":"ann"}')

    def mallory(self):
        """Say what a client says, all at once."""
        peer = self.house.connect()
        if peer.client is not None:
            peer.send(upgrade("/chat"))
            for text in (
                b'{"type":"join","channel":"c","user":"mallory"}',
                b'{"type":"message","id":1,"channel":"c","text":"hello"}',
                b'{"type":"subscribe","topic":"t*"}',
                b'{"type":"publish","topic":"tt","data":{"a":[1]}}',
                b'{"type":"request","method":"stats"}',
                b'{"type":"history","channel":"c"}',
                b"nonsense",
            ):
                peer.send_frame(TEXT, text)
            peer.send_frame(CLOSE)
        return peer

    def assert_well(self):
        """Ann is in, says something, and hears it."""
        self.ann.received()
        self.ann.send_frame(TEXT, b'{"type":"message","id":7,"channel":"c","text":"all is well"}')
        payloads = [payload for _, payload in self.ann.frames()]
        assert any(b'"all is well"' in payload for payload in payloads)
        assert any(b'"id":7' in payload and b'"ack"' in payload for payload in payloads)


    def left_behind(self):
        """What the chat holds now."""
        channel = self.router.channels.find("c")
        return {
            "clients": len(self.router._everyone),
            "users": len(self.router._users),
            "subscriptions": len(self.router._topics),
            "present": channel.roster.count,
        }


class FailAt:
    """Raises MemoryError in the n-th call of a function of the product that is made from within `part`, a function."""

    def __init__(self, part, nth):
        self.part = part.__code__
        self.nth = nth
        self.calls = 0
        self.inside = 0
        self.while_leaving = False  # what is left behind then, nobody takes away
        self.product = str(Path(TOP) / "wsserver") + os.sep

    def __enter__(self):
        self.previous = sys.getprofile()
        sys.setprofile(self.look)
        return self

    def __exit__(self, *_):
        sys.setprofile(self.previous)

    def look(self, caller, event, _argument):
        code = caller.f_code
        if code is self.part:
            self.inside += {"call": 1, "return": -1}.get(event, 0)
        elif event == "call" and self.inside and self._is_ours(code):
            self.calls += 1
            if self.calls == self.nth:
                self.while_leaving = _is_inside(caller, ChatRouter.on_close.__code__)
                raise MemoryError(code.co_name)

    def _is_ours(self, code):
        """Tell whether it is a function of the product. A generator is called to be closed, too; that cannot fail."""
        return code.co_filename.startswith(self.product) and not code.co_flags & inspect.CO_GENERATOR


def _is_inside(frame, code):
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


@pytest.mark.parametrize("part", [Transport.on_events, Transport.flush], ids=lambda part: part.__qualname__)
def test_g107_with_no_memory_at_any_call_for_one_client_only_that_client_goes(make_house, expect_errors, part):
    chat = Chat(make_house)
    with FailAt(part, 0) as counting:
        chat.mallory().hang_up()
    assert counting.calls > 10
    for nth in range(1, counting.calls + 1):
        with FailAt(part, nth) as failure, contextlib.suppress(BlockingIOError, ConnectionError):
            chat.mallory()
        victim = chat.house.peers[-1]
        victim.received()
        victim.socket.close()
        chat.house.turn(4)
        assert victim.client is None or victim.client.state is State.GONE, f"the client outlives failure {nth}"
        chat.assert_well()
        errors = expect_errors(chat.house)
        assert {type(error) for error in errors} <= {MemoryError}, f"failure {nth}: {errors}"
        del chat.house.peers[1:]
        chat.house.jump(6.0)  # the grace of the lost
        left = chat.left_behind()
        if failure.while_leaving:
            chat = Chat(make_house)
        else:
            assert left == {"clients": 1, "users": 1, "subscriptions": 0, "present": 1}, f"failure {nth}: {left}"
        assert (chat.house.registry.sockets, len(chat.house.registry.clients)) == (1, 1)
