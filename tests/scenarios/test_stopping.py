"""How a server ends: everybody is told, nobody is cut off, and the exit code says how it went."""

import json
import signal
import socket

import pytest

from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import open_raw


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_drains_and_exits_with_0(start, connect, number):
    server = start("--set", "server.drain=500ms")
    talkers = [connect(server, f"user-{index}", "lobby") for index in range(3)]
    server.signal(number)
    moments = [talker.hear("goaway")["reconnect_in"] for talker in talkers]
    assert all(0 < moment <= 11 for moment in moments)
    assert len(set(moments)) > 1
    assert [talker.hear_close()[0] for talker in talkers] == [1012] * 3
    assert server.wait() == 0


def test_while_it_drains_it_is_alive_but_not_ready(start, connect):
    server = start("--set", "server.drain=200ms")
    slow_to_answer = connect(server)
    server.signal(signal.SIGTERM)
    slow_to_answer.hear("goaway")
    assert server.get("/livez")[0] == 200
    status, _, body = server.get("/readyz")
    assert (status, json.loads(body)["reason"]) == (503, "draining")
    assert server.get("/")[0] == 503
    status, headers, _ = server.get("/chat", {"Connection": "Upgrade", "Upgrade": "websocket"})
    assert status == 503
    assert int(headers["Retry-After"]) >= 1
    assert slow_to_answer.hear_close()[0] == 1012
    assert server.wait() == 0


def test_a_second_signal_stops_it_now_with_1(start, connect):
    server = start()
    talker = connect(server)
    server.signal(signal.SIGTERM)
    talker.hear("goaway")
    server.signal(signal.SIGTERM)
    assert server.wait() == 1


def test_a_client_that_never_answers_cannot_keep_it(start):
    server = start("--set", "server.drain=100ms", "--set", "websocket.close_timeout=100ms")
    with open_raw(server.port) as sock:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert sock.recv(100)[:4] == b"\x88\x11\x03\xf4"


def test_without_clients_it_ends_at_once(start):
    server = start("--set", "server.drain=1h")
    assert server.get("/livez")[0] == 200
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_a_request_that_is_half_there_and_a_kept_connection_do_not_hold_it(start):
    server = start("--set", "server.drain=100ms")
    half, kept = (socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) for _ in range(2))
    with half, kept:
        half.sendall(b"GET /livez HT")
        kept.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert kept.recv(4096).startswith(b"HTTP/1.1 200 ")
        server.signal(signal.SIGTERM)
        assert half.recv(4096) == kept.recv(4096) == b""
    assert server.wait() == 0
