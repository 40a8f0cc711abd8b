"""The services as the server has them: where they are, and who may list connections."""

import json
import socket

import pytest

from tests.test_server import ask, config, get, turn
from wsserver.net.files import Directory
from wsserver.reactor.world import World
from wsserver.server import Server
from wsserver.services import is_private


@pytest.fixture
def start(tmp_path):
    """Start a server in this process."""
    servers = []

    def start_one(*assignments):
        servers.append(Server(config("store.url=memory:", *assignments), World(), Directory(str(tmp_path))))
        servers[-1].start()
        return servers[-1]

    yield start_one
    for server in servers:
        for client in list(server.registry.clients):
            client.transport.close()
        turn(server, 2)
        server.close()


def authorized(path, method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer right\r\n\r\n"


def test_without_a_key_there_is_no_api_and_refusals_are_json(start):
    server = start()
    for path in ("/api", "/api/", "/api/channels"):
        status, headers, body = ask(server, authorized(path))
        assert (status, headers["content-type"]) == (404, "application/json")
        assert "api.key" in json.loads(body)["error"]


def test_with_the_key_the_api_answers_and_a_wrong_key_is_noted(start, caplog):
    server = start("api.key=right")
    assert ask(server, authorized("/api/channels"))[0] == 200
    assert ask(server, authorized("/api/channels").replace("right", "wrong"))[0] == 401
    assert ask(server, get("/api/channels"))[0] == 401


def test_connections_are_listed_while_only_this_machine_can_reach_us(start):
    status, _, body = ask(start("api.key=right"), authorized("/api/connections"))
    assert status == 200
    [connection] = json.loads(body)["connections"]
    assert connection["state"] == "CREATED"


def test_connections_are_not_listed_on_a_public_address(start):
    server = start("api.key=right")
    with socket.socket() as public:
        public.bind(("0.0.0.0", 0))  # and nobody can connect to it
        server.services.listen_on([server.listeners[0].sock, public])
    assert ask(server, authorized("/api/connections"))[0] == 404
    assert ask(server, authorized("/api/channels"))[0] == 200


def test_events_are_where_they_are_said_to_be(start):
    status, headers, _ = ask(start(), get("/events?channel=lobby", method="HEAD"))
    assert (status, headers["content-type"]) == (200, "text/event-stream")


@pytest.mark.parametrize(
    ("family", "host", "private"),
    [
        (socket.AF_INET, "127.0.0.1", True),
        (socket.AF_INET, "127.8.8.8", True),
        (socket.AF_INET, "0.0.0.0", False),
        (socket.AF_INET6, "::1", True),
        (socket.AF_INET6, "::", False),
    ],
)
def test_a_private_address_is_a_loopback_address(family, host, private):
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        assert is_private(listener) == private


def test_a_unix_socket_is_private(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert is_private(listener)


def test_metrics_are_shown_while_only_this_machine_can_ask(start):
    server = start()
    status, headers, body = ask(server, get("/metrics"))
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b'wsserver_breaker_state{part="store"} 0\n' in body
    with socket.socket() as public:
        public.bind(("0.0.0.0", 0))  # and nobody can connect to it
        server.services.listen_on([server.listeners[0].sock, public])
    assert ask(server, get("/metrics"))[0] == 404


def test_a_store_in_trouble_is_an_open_breaker(start):
    server = start()
    server.backing.log.trouble = "the disk is full"
    assert b'wsserver_breaker_state{part="store"} 2\n' in ask(server, get("/metrics"))[2]
