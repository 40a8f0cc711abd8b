"""Attacks on the process: signals, stopping and starting, file descriptors that leak or run out."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys

import pytest

from tests.clients.rig import close_payload, get, parse_answers
from tests.scenarios import running
from tests.scenarios.running import PATIENCE_S, TOP, command, environment
from tests.scenarios.talking import open_raw
from tests.threats.attacking import ask_to_upgrade
from tests.threats.conftest import assert_served
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import CLOSE, TEXT

TRIES = 500
"""Requests after which the file descriptors are used up, if they ever are: each gives the server a turn or more."""


# -- 146 and 147: signals and exceptions -------------------------------------------------------------------------------


def test_k146_the_process_ignores_sigpipe_and_has_no_children(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        [ignored] = [line.split()[1] for line in status if line.startswith("SigIgn:")]
    assert int(ignored, 16) & 1 << (signal.SIGPIPE - 1)
    with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children") as children:
        assert children.read() == ""


def test_k146_answers_to_those_who_are_gone_kill_nobody(server, attacker):
    for _ in range(100):
        one = attacker()
        one.send(ask_to_upgrade() + frame(TEXT, b"answer me") * 50)
        one.reset()


BROKEN_POLLER = """
import os, signal, sys
from wsserver.reactor import poller

class Broken(poller.EpollPoller):
    def poll(self, timeout_s):
        events = super().poll(timeout_s)
        raise OSError(5, "the poller is broken")

poller.EpollPoller = Broken
from wsserver.cli import main
sys.exit(main(["serve", "--port", "0", "--store", "memory:"]))
"""


def test_k147_an_exception_in_the_poller_ends_the_process_with_1():
    process = subprocess.Popen(
        [sys.executable, "-c", BROKEN_POLLER],
        cwd=TOP, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        port = int(process.stdout.readline().rpartition(":")[2].split()[0])
        gone = contextlib.suppress(ConnectionResetError)  # which may be before the handshake of TCP is over
        with gone, socket.create_connection(("127.0.0.1", port), PATIENCE_S) as one:
            assert one.recv(100) == b""
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1
        assert "the poller is broken" in errors
    finally:
        process.kill()
        process.communicate()


# -- 150 and 151: stopping and starting again --------------------------------------------------------------------------


def test_k150_nobody_can_keep_a_server_that_is_told_to_stop(start, connect):
    server = start("--set", "server.drain=300ms", "--set", "websocket.close_timeout=300ms")
    talkers = [connect(server, f"user-{number}", "lobby") for number in range(3)]
    with contextlib.ExitStack() as behind:
        silent, half, deaf, greedy = (
            behind.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)) for _ in range(4)
        )
        half.sendall(b"GET /livez HT")
        deaf.sendall(ask_to_upgrade())
        greedy.sendall(ask_to_upgrade() + frame(TEXT, b"x" * 60_000) * 10)
        assert silent.gettimeout() == PATIENCE_S
        server.signal(signal.SIGTERM)
        assert [talker.hear("goaway")["type"] for talker in talkers] == ["goaway"] * 3
        assert [talker.hear_close()[0] for talker in talkers] == [1012] * 3
        assert server.wait() == 0
    assert "Traceback" not in server.log


def test_k150_who_comes_again_and_again_does_not_hold_a_drain(start):
    server = start("--set", "server.drain=200ms", "--set", "websocket.close_timeout=100ms")
    with open_raw(server.port):
        server.signal(signal.SIGTERM)
        refused = 0
        with contextlib.suppress(OSError):
            for _ in range(100_000):
                with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as one:
                    one.sendall(ask_to_upgrade())
                    refused += one.recv(12) == b"HTTP/1.1 503"
        assert server.wait() == 0
    assert refused > 0


def spawn(*flags):
    return subprocess.Popen(
        command("--port", "0", *flags), cwd=TOP, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def catches_sigterm(process):
    with open(f"/proc/{process.pid}/status") as status:
        [caught] = [line.split()[1] for line in status if line.startswith("SigCgt:")]
    return int(caught, 16) & 1 << (signal.SIGTERM - 1)


@pytest.mark.parametrize("moment", ["at once", "as soon as it listens to signals", "as soon as it is ready"])
def test_k150_a_signal_in_the_first_moments_ends_it_too(moment):
    process = spawn()
    try:
        if moment == "as soon as it listens to signals":
            while not catches_sigterm(process):
                assert process.poll() is None
        elif moment == "as soon as it is ready":
            process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) in ((-signal.SIGTERM, 0) if moment == "at once" else (0,))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("flags", [(), ("--workers", "2")], ids=["alone", "with workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_k150_a_start_that_is_stopped_ends_with_0_and_no_trace(number, flags):
    process = spawn(*flags)
    try:
        while not catches_sigterm(process):
            assert process.poll() is None
        process.send_signal(number)
        assert b"Traceback" not in process.communicate(timeout=PATIENCE_S)[1]
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_k150_a_start_is_not_ended_by_who_asks_it_to_reload_or_report():
    process = spawn()
    try:
        while not catches_sigterm(process):
            assert process.poll() is None
        for number in (signal.SIGHUP, signal.SIGUSR1):
            process.send_signal(number)
        assert process.stdout.readline().startswith(b"wsserver listening on ")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()


def test_k151_a_server_starts_again_on_the_port_of_the_last_one_at_once(start):
    first = start("--set", "server.drain=100ms")
    with open_raw(first.port) as one:
        first.signal(signal.SIGTERM)
        head = one.recv(2)
        one.recv(head[1])
        one.sendall(frame(CLOSE, close_payload(1012)))
        assert one.recv(1) == b""  # it ended first, so the port is in TIME_WAIT on its side
    assert first.wait() == 0
    second = start("--port", str(first.port))
    assert second.get("/livez")[0] == 200


# -- 152 and 153: file descriptors -------------------------------------------------------------------------------------

CLOEXEC = os.O_CLOEXEC


def inheritable(pid):
    """The numbers of the files of a process, besides the standard three, that a child of it would get (proc(5))."""
    found = []
    for number in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/fdinfo/{number}") as info:
            [flags] = [line.split()[1] for line in info if line.startswith("flags:")]
            if int(number) > 2 and not int(flags, 8) & CLOEXEC:
                found.append(int(number))
    return found


def test_k152_no_file_of_the_server_would_go_to_a_child(server, connect):
    connect(server, "ann", "lobby")
    with open_raw(server.port):
        assert server.get("/")[0] == 200
        assert inheritable(server.process.pid) == []


def test_k152_neither_would_a_listener_that_it_was_handed(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = start("--fd", str(listener.fileno()), pass_fds=(listener.fileno(),))
        assert server.get("/livez")[0] == 200
        assert inheritable(server.process.pid) == []


def test_k152_a_listener_that_blocks_is_made_not_to(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert listener.getblocking()
        server = start("--fd", str(listener.fileno()), pass_fds=(listener.fileno(),))
        assert server.get("/livez")[0] == 200
        assert not os.get_blocking(listener.fileno())


def crowd(behind, server, count):
    """So many connections, made whether or not the server takes them."""
    for _ in range(count):
        behind.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S))


def ask(connection, path):
    """One request on a connection that is kept; returns its status."""
    connection.sendall(get(path))
    answer = b""
    while not answer or len(parse_answers(answer)[0][2]) < int(parse_answers(answer)[0][1]["content-length"]):
        piece = connection.recv(1 << 16)
        assert piece
        answer += piece
    return parse_answers(answer)[0][0]


def test_k153_without_file_descriptors_a_page_is_503_and_the_server_lives(start):
    server = start("--set", "server.keepalive_requests=100000")
    with contextlib.ExitStack() as behind:
        kept = behind.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S))
        honest = behind.enter_context(open_raw(server.port))
        assert ask(kept, "/") == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        crowd(behind, server, 200)
        statuses = set()
        for _ in range(TRIES):
            statuses.add(ask(kept, "/"))
            if 503 in statuses:
                break
        assert statuses <= {200, 503}
        assert 503 in statuses
        assert_served(honest)
    assert server.get("/livez")[0] == 200
    assert 1 <= server.log.count("accept_failed") <= 12
    assert "Traceback" not in server.log


def test_k153_with_64_file_descriptors_32_are_served_and_the_others_told(start, monkeypatch):
    plain = running.command
    limited = ["sh", "-c", 'ulimit -n 64 && exec "$@"', "-"]
    monkeypatch.setattr(running, "command", lambda *flags: [*limited, *plain(*flags)])
    server = start()
    with contextlib.ExitStack() as behind:
        served = [behind.enter_context(open_raw(server.port)) for _ in range(32)]
        refused = behind.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S))
        [(status, headers, _)] = parse_answers(refused.recv(4096))
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        crowd(behind, server, 200)
        for one in served:
            assert_served(one)
    assert server.process.poll() is None
    assert "Traceback" not in server.log
