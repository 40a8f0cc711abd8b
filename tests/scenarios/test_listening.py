"""Where a server listens, with which poller, and what it says when it cannot."""

import os
import re
import signal
import socket

import pytest
import websocket

from tests.scenarios.running import PATIENCE_S, run_to_its_end


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def echo(sock, text="hello"):
    sock.send(text)
    return sock.recv()


def test_the_ready_line_is_the_only_line_on_standard_output(start, open_socket):
    server = start("--set", "server.drain=100ms")
    assert re.fullmatch(
        rf"wsserver listening on http://127\.0\.0\.1:\d+ \(pid {server.process.pid}\)\n", server.ready_line
    )
    sock = open_socket(server.ws("/echo"))
    assert echo(sock) == "hello"
    server.get("/nothing")
    sock.close()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert server.rest_of_output() == b""


@pytest.mark.parametrize("poller", ["epoll", "poll", "select"])
def test_every_poller_serves(start, open_socket, poller):
    server = start("--poller", poller, "--set", "server.drain=100ms")
    sockets = [open_socket(server.ws("/echo")) for _ in range(20)]
    for number, sock in enumerate(sockets):
        sock.send(chr(65 + number) * 60_000)
    assert [sock.recv() for sock in sockets] == [chr(65 + number) * 60_000 for number in range(20)]
    server.signal(signal.SIGTERM)
    for sock in sockets:
        assert sock.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
        sock.shutdown()
    assert server.wait() == 0


def test_a_unix_socket_is_served_and_removed(start, open_socket, tmp_path):
    path = str(tmp_path / "ws.sock")
    server = start("--unix", path)
    assert server.address == f"unix:{path}"
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(PATIENCE_S)
    raw.connect(path)
    sock = open_socket("ws://localhost/echo", socket=raw)
    assert echo(sock) == "hello"
    sock.close()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert not os.path.exists(path)


def test_a_unix_socket_left_over_by_a_dead_server_is_taken_and_a_live_one_s_is_not(start, tmp_path):
    path = str(tmp_path / "ws.sock")
    killed = start("--unix", path)
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert os.path.exists(path)
    start("--unix", path)
    code, output, errors = run_to_its_end("--unix", path)
    assert (code, output) == (1, "")
    assert path in errors


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_is_served(start, open_socket):
    server = start("--host", "::1")
    assert server.address.startswith("http://[::1]:")
    assert echo(open_socket(server.ws("/echo"))) == "hello"


def test_an_inherited_socket_is_served(start, open_socket):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        server = start("--fd", str(fd), pass_fds=(fd,))
        assert server.address == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert echo(open_socket(server.ws("/echo"))) == "hello"


def test_a_port_that_is_taken_is_told_in_one_sentence_and_exit_1(server):
    code, output, errors = run_to_its_end("--port", str(server.port))
    assert (code, output) == (1, "")
    [line] = errors.splitlines()
    assert line.startswith("wsserver: error: ")
    assert str(server.port) in line
    assert "--port" in line
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--host", "192.0.2.1", "--port", "0"), "192.0.2.1"),
        (("--fd", "99"), "99"),
        (("--unix", "/nowhere/at/all.sock"), "/nowhere/at/all.sock"),
        (("--port", "0", "--set", "server.static=/nowhere/at/all"), "/nowhere/at/all"),
    ],
)
def test_where_it_cannot_serve_it_says_so_and_exits_with_1(flags, word):
    code, output, errors = run_to_its_end(*flags)
    assert (code, output) == (1, "")
    assert word in errors
    assert "Traceback" not in errors


def test_a_flag_that_does_not_exist_is_exit_2():
    code, output, errors = run_to_its_end("--prot", "1")
    assert (code, output) == (2, "")
    assert "--prot" in errors
