"""Attacks by time, signals and whoever does not read the log: clocks that jump, processes that are stopped, storms."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess

import pytest

from tests.clients.rig import close_payload, decode_frames, get, parse_answers, upgrade
from tests.clients.ways import clogged
from tests.reactor.fakes import FakeWorld, turn
from tests.scenarios.running import PATIENCE_S, TOP, command, environment
from tests.scenarios.talking import UPGRADE, open_raw
from tests.threats.conftest import assert_served
from tests.websocket.frames_by_hand import frame
from wsserver.clients.states import State
from wsserver.config import from_assignment, load
from wsserver.net.files import Directory
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller
from wsserver.reactor.timers import COMPACT_ABOVE, FIRE_LIMIT
from wsserver.server import Server
from wsserver.websocket.codes import CLOSE, PING, PONG, TEXT

HOUR_MS = 3_600_000


# -- 154: the wall clock -----------------------------------------------------------------------------------------------


class JumpyWorld(FakeWorld):
    """A world whose wall clock jumps each time somebody looks: an hour ahead, then two back."""

    def __init__(self):
        super().__init__()
        self.jumps = 0

    def wall_ms(self):
        self.jumps += 1
        return 1_800_000_000_000 + (HOUR_MS if self.jumps % 2 else -HOUR_MS)


@pytest.fixture
def jumpy(tmp_path):
    """A whole server in this process whose wall clock cannot be relied on."""
    flags = [from_assignment(flag) for flag in ("server.port=0", "store.url=memory:", "chat.gather=0s")]
    server = Server(load(flags=flags), JumpyWorld(), Directory(str(tmp_path)))
    server.start()
    yield server
    for client in list(server.registry.clients):
        client.transport.close()
    turn(server.reactor, 4)
    server.close()


def enter(server, behind):
    """Open a chat connection to a server in this process."""
    one = behind.enter_context(socket.create_connection(server.listeners[0].sock.getsockname(), PATIENCE_S))
    one.sendall(UPGRADE.format(path="/chat").encode())
    hear(server, one)
    return one


def hear(server, one):
    """Let the server turn and return the (opcode, JSON or payload) that came, without the head of an answer."""
    turn(server.reactor, 6)
    data = one.recv(1 << 16) if select.select([one], [], [], 0)[0] else b""
    if data.startswith(b"HTTP/"):
        data = data.partition(b"\r\n\r\n")[2]
    return [json.loads(payload) if opcode == TEXT else (opcode, payload) for opcode, payload in decode_frames(data)]


def test_l154_a_wall_clock_that_jumps_fires_no_timer_and_reorders_nothing(jumpy):
    with contextlib.ExitStack() as behind:
        ann = enter(jumpy, behind)
        ann.sendall(frame(TEXT, b'{"type":"join","channel":"c","user":"ann","id":1}'))
        assert hear(jumpy, ann)[0]["type"] == "joined"
        for number in range(6):
            ann.sendall(frame(TEXT, b'{"type":"message","channel":"c","text":"%d"}' % number))
            hear(jumpy, ann)
        ann.sendall(frame(TEXT, b'{"type":"history","channel":"c","id":2}'))
        [history] = hear(jumpy, ann)
        assert [message["seq"] for message in history["messages"]] == [1, 2, 3, 4, 5, 6]
        times = [message["ts"] for message in history["messages"]]
        assert times != sorted(times)
        assert jumpy.registry.clients


def test_l154_only_the_monotonic_clock_makes_a_client_late(jumpy):
    with contextlib.ExitStack() as behind:
        ann = enter(jumpy, behind)
        for _ in range(20):
            assert hear(jumpy, ann) == []
        jumpy.world.time += jumpy.config.websocket.ping_interval
        assert hear(jumpy, ann) == [(PING, b"")]
        jumpy.world.time += jumpy.config.websocket.pong_timeout
        assert hear(jumpy, ann) == [(CLOSE, close_payload(4040, "heartbeat missed"))]


def test_l154_a_key_is_remembered_by_the_monotonic_clock(jumpy):
    with contextlib.ExitStack() as behind:
        ann = enter(jumpy, behind)
        ann.sendall(frame(TEXT, b'{"type":"join","channel":"c","user":"ann"}'))
        hear(jumpy, ann)
        for duplicate in (False, True, True):
            ann.sendall(frame(TEXT, b'{"type":"message","channel":"c","text":"x","key":"k","id":1}'))
            [ack] = [event for event in hear(jumpy, ann) if event["type"] == "ack"]
            assert (ack["seq"], ack["duplicate"]) == (1, duplicate)


# -- 155: a process that was stopped -----------------------------------------------------------------------------------

STOPPED_S = 60.0
"""How long the process is stopped."""


def test_l155_those_whose_pong_waited_while_the_process_was_stopped_stay(house):
    limits = house.registry.house.limits
    peers = [house.open() for _ in range(40)]
    house.jump(limits.ping_interval_s)
    assert all(peer.frames() == [(PING, b"")] for peer in peers)
    for peer in peers:
        peer.socket.send(frame(PONG, b""))
    house.jump(STOPPED_S)
    assert [peer.client.state for peer in peers] == [State.OPEN] * 40
    house.jump(limits.pong_timeout_s)
    assert [peer.client.state for peer in peers] == [State.OPEN] * 40


def test_l155_those_who_were_cut_off_with_us_are_asked_again_before_they_are_lost(house):
    limits = house.registry.house.limits
    peer = house.open()
    house.jump(limits.ping_interval_s)
    house.jump(STOPPED_S)
    assert peer.client.state is State.OPEN
    assert [opcode for opcode, _ in peer.frames()] == [PING, PING]
    house.jump(limits.pong_timeout_s)
    assert peer.frames() == [(CLOSE, close_payload(4040, "heartbeat missed"))]


def test_l155_a_request_that_arrived_in_time_is_answered_and_not_refused(house):
    late, never = house.connect(), house.connect()
    request = upgrade()
    late.send(request[:20])
    never.send(request[:20])
    late.socket.send(request[20:])
    house.jump(STOPPED_S)
    assert late.client.state is State.OPEN
    assert [answer[0] for answer in parse_answers(never.received())] == [408]


def test_l155_the_answer_to_our_close_is_heard_though_its_time_is_over(house):
    peer = house.open()
    peer.client.close(1000)
    house.turn()
    peer.socket.send(frame(CLOSE, close_payload(1000)))
    house.jump(STOPPED_S)
    assert peer.client.cause.startswith("the server closes")
    assert house.router.heard[-1] == ("close", 1000, "")
    assert peer.frames() == [(CLOSE, close_payload(1000))]


def test_l155_who_read_while_the_process_was_stopped_has_not_stalled(house):
    peer = clogged(house)
    first = peer.received()
    house.jump(STOPPED_S)
    assert peer.client.state is State.OPEN
    assert len(decode_frames(first + peer.received_in_all())) >= 40


def test_l155_a_kept_connection_whose_next_request_waited_is_answered(house):
    peer = house.connect()
    peer.send(get())
    peer.socket.send(get())
    house.jump(STOPPED_S)
    assert [answer[0] for answer in parse_answers(peer.received())] == [200, 200]


def test_l155_a_process_that_is_really_stopped_goes_on_where_it_was(server):
    with open_raw(server.port) as honest:
        server.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, server.process.pid, os.WSTOPPED | os.WNOWAIT)
        honest.sendall(frame(TEXT, b"while you slept"))
        server.signal(signal.SIGCONT)
        assert honest.recv(100) == b"\x81\x0fwhile you slept"
        assert_served(honest)


# -- 156 and 157: timers -----------------------------------------------------------------------------------------------


@pytest.fixture
def reactor():
    errors = []
    made = Reactor(FakeWorld(), open_poller("epoll"), errors.append)
    yield made
    made.close()
    assert errors == []


def test_l156_timers_that_are_armed_and_cancelled_leave_nothing(reactor):
    kept = [reactor.call_later(1000, lambda: None) for _ in range(10)]
    most = 0
    for number in range(200_000):
        reactor.call_later(number % 500, lambda: None).cancel()
        most = max(most, reactor.timers.entries)
    assert most <= 2 * COMPACT_ABOVE
    assert len(reactor.timers) == len(kept)


def test_l156_a_client_that_never_stops_moving_its_deadline_has_one_timer(house):
    peer = house.open("/echo")
    before = house.reactor.timers.entries
    for _ in range(500):
        house.reactor.world.time += 0.1
        peer.send(frame(TEXT, b"x"), turns=1)
    assert house.reactor.timers.entries <= before + 1


def test_l156_a_crowd_of_timers_does_not_hold_up_those_who_talk(house):
    peer = house.open("/echo")
    fired = []
    for _ in range(5 * FIRE_LIMIT):
        house.reactor.call_later(0, lambda: fired.append(1))
    peer.socket.send(frame(TEXT, b"hello"))
    house.turn()
    assert len(fired) == FIRE_LIMIT
    assert peer.frames() == [(TEXT, b"hello")]
    house.turn(4)
    assert len(fired) == 5 * FIRE_LIMIT


def test_l157_a_timer_that_arms_itself_for_now_fires_once_a_turn(reactor):
    fired = []

    def again():
        fired.append(reactor.turns)
        reactor.call_later(0, again)

    reactor.call_later(0, again)
    turn(reactor, 10)
    assert fired == list(range(10))


def test_l157_timers_may_cancel_each_other_and_themselves(reactor):
    fired = []
    timers = []

    def cancel_all(name):
        fired.append(name)
        for timer in timers:
            timer.cancel()

    timers += [reactor.call_later(0, lambda name=name: cancel_all(name)) for name in "abc"]
    turn(reactor, 3)
    assert fired == ["a"]
    assert len(reactor.timers) == 0


@pytest.mark.parametrize("arm", ["call_soon", "at_end_of_turn", "post"])
def test_l157_work_that_arms_itself_again_does_not_keep_a_turn_from_ending(reactor, arm):
    count = 0

    def again():
        nonlocal count
        count += 1
        getattr(reactor, arm)(again)

    getattr(reactor, arm)(again)
    turn(reactor, 3)
    assert reactor.turns == 3
    assert count >= 2


# -- 158: signals ------------------------------------------------------------------------------------------------------


def test_l158_a_storm_of_signals_is_one_callback_and_loses_no_other_signal(reactor):
    calls = []
    reactor.wakeup.on_signal(signal.SIGUSR2, lambda: calls.append("storm"))
    reactor.wakeup.on_signal(signal.SIGUSR1, lambda: calls.append("other"))
    for _ in range(100_000):
        os.kill(os.getpid(), signal.SIGUSR2)
    os.kill(os.getpid(), signal.SIGUSR1)
    turn(reactor, 3)
    assert sorted(calls) == ["other", "storm"]


def test_l158_a_storm_of_terms_ends_a_server_once(start):
    server = start("--set", "server.drain=100ms")
    with open_raw(server.port):
        for _ in range(10_000):
            if server.process.poll() is not None:
                break
            server.signal(signal.SIGTERM)
        # All of them were one; or a second one came later; or one more when all was over and nobody listened any more.
        assert server.wait() in (0, 1, -signal.SIGTERM)
    assert "Traceback" not in server.log
    assert server.log.count("stopped:") == 1


# -- 159: the log ------------------------------------------------------------------------------------------------------


def fill_pipe(fd):
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"x")
    os.set_blocking(fd, True)


def drain_pipe(fd):
    data = b""
    while select.select([fd], [], [], 0)[0] and (piece := os.read(fd, 1 << 16)):
        data += piece
    return data


def test_l159_a_log_that_nobody_reads_stops_nothing_and_what_is_missing_is_counted():
    reader, writer = os.pipe()
    fill_pipe(writer)
    process = subprocess.Popen(
        command("--port", "0", "--log-level", "debug", "--set", "limits.rate=0", "--set", "server.drain=100ms"),
        cwd=TOP, env=environment(), stdout=subprocess.PIPE, stderr=writer,
    )  # fmt: skip
    os.close(writer)
    try:
        port = int(process.stdout.readline().decode().rpartition(":")[2].split()[0])
        for _ in range(30):
            with open_raw(port) as honest:
                assert_served(honest)
        assert b"client_gone" not in drain_pipe(reader)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert b"log lines were dropped" in drain_pipe(reader)
    finally:
        process.kill()
        process.communicate()
        os.close(reader)


def test_l159_a_log_whose_reader_is_gone_stops_nothing():
    reader, writer = os.pipe()
    process = subprocess.Popen(
        command("--port", "0", "--log-level", "debug", "--set", "server.drain=100ms"),
        cwd=TOP, env=environment(), stdout=subprocess.PIPE, stderr=writer,
    )  # fmt: skip
    os.close(writer)
    os.close(reader)
    try:
        port = int(process.stdout.readline().decode().rpartition(":")[2].split()[0])
        for _ in range(30):
            with open_raw(port) as honest:
                assert_served(honest)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("stream", [1, 2])
def test_l159_a_standard_stream_that_was_closed_before_the_start_stops_nothing(tmp_path, stream):
    path = str(tmp_path / "ws.sock")
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {stream}>&-', "-", *command("--unix", path, "--set", "server.drain=100ms")],
        cwd=TOP, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not os.path.exists(path):
            assert process.poll() is None
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(PATIENCE_S)
            while one.connect_ex(path):
                assert process.poll() is None
            one.sendall(get("/livez"))
            assert one.recv(12) == b"HTTP/1.1 200"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()
