"""What a real server believes of a proxy that is told to be trusted, and of nobody else."""

import contextlib
import socket

import pytest
import websocket

from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import Talker

TRUST = ("--set", "server.trusted_proxies=127.0.0.1")
CLAIM = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9"}


def whoami(server, header, source="127.0.0.1"):
    """Return the address that a client which comes from `source` with these headers is told to have, without port."""
    sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S, (source, 0))
    with contextlib.closing(sock):
        talker = Talker(server.ws(), socket=sock, header=header)
        return talker.ask("request", method="whoami")["result"]["address"].rpartition(":")[0]


def test_only_a_trusted_proxy_says_where_a_client_comes_from(start):
    server = start(*TRUST)
    assert whoami(server, CLAIM) == "203.0.113.9"
    assert whoami(server, CLAIM, source="127.0.0.2") == "127.0.0.2"
    assert whoami(server, {"Forwarded": "for=203.0.113.9"}) == "127.0.0.1"
    assert whoami(start(), CLAIM) == "127.0.0.1"


def test_the_other_header_is_read_in_its_place_where_that_is_configured(start):
    server = start(*TRUST, "--set", "server.forwarded_header=forwarded")
    assert whoami(server, {"Forwarded": 'for="[2001:db8::9]:4711";proto=https', **CLAIM}) == "[2001:db8::9]"
    assert whoami(server, CLAIM) == "127.0.0.1"


def test_a_proxy_that_writes_garbage_is_told_of_once_and_its_clients_are_served(start):
    server = start(*TRUST)
    for _ in range(5):
        assert whoami(server, {"X-Forwarded-For": "unknown"}) == "127.0.0.1"
    assert server.log.count("bad_forwarded") == 1


@pytest.mark.parametrize("path", ["/metrics", "/api/connections"])
def test_behind_a_proxy_on_this_machine_what_only_this_machine_may_see_is_not_shown(start, path):
    key = "k" * 32
    flags = ("--set", f"api.key={key}")
    headers = {"Authorization": f"Bearer {key}"}
    assert start(*flags).get(path, headers)[0] == 200
    assert start(*TRUST, *flags).get(path, headers)[0] == 404


def test_limits_of_an_address_count_the_clients_and_not_the_proxy(start, open_socket):
    server = start(*TRUST, "--set", "limits.connections_per_ip=1")
    for host in range(1, 6):
        open_socket(server.ws("/echo"), header={"X-Forwarded-For": f"203.0.113.{host}"})
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        open_socket(server.ws("/echo"), header={"X-Forwarded-For": "203.0.113.1"})
    assert caught.value.status_code == 429


@pytest.mark.parametrize(
    ("host", "origin", "welcome"),
    [
        ("chat.example", "https://chat.example", True),
        ("chat.example", "http://chat.example", True),
        ("chat.example:8443", "https://chat.example:8443", True),
        ("chat.example", "https://chat.example:8443", False),
        ("chat.example", "https://evil.example", False),
    ],
)
def test_behind_a_proxy_that_ends_tls_a_page_of_the_site_is_of_the_site(start, open_socket, host, origin, welcome):
    server = start(*TRUST, "--set", "server.hosts=chat.example")
    header = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    with contextlib.nullcontext() if welcome else pytest.raises(websocket.WebSocketBadStatusException):
        open_socket(server.ws("/echo"), host=host, origin=origin, header=header)


def test_a_unix_socket_is_trusted_by_name(start, tmp_path):
    path = tmp_path / "socket"
    start("--unix", str(path), "--set", "server.trusted_proxies=unix")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.connect(str(path))
        talker = Talker("ws://localhost/chat", socket=sock, header=CLAIM)
        assert talker.ask("request", method="whoami")["result"]["address"] == "203.0.113.9:0"


def test_bad_tokens_are_counted_for_each_client_behind_a_proxy(start):
    server = start(*TRUST, "--set", "auth.mode=token", "--set", f"auth.secret={'s' * 32}")

    def show_a_bad_token(client):
        sock = websocket.create_connection(server.ws(), PATIENCE_S, header={"X-Forwarded-For": client})
        with contextlib.closing(sock):
            sock.send('{"type": "auth", "token": "bad"}')
            while (frame := sock.recv_frame()).opcode != websocket.ABNF.OPCODE_CLOSE:
                pass
        return int.from_bytes(frame.data[:2], "big")

    assert [show_a_bad_token("203.0.113.1") for _ in range(6)] == [4501] * 5 + [4029]
    assert show_a_bad_token("203.0.113.2") == 4501
