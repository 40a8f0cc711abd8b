"""The admin port of a server that has one."""

import json
import socket

import pytest

from tests.clients.rig import parse_answers
from tests.observe.strict import read
from tests.test_server import ask, config, get, turn
from wsserver.net.files import Directory
from wsserver.reactor.world import World
from wsserver.server import Server


@pytest.fixture
def start(tmp_path):
    """Start a server in this process."""
    servers = []

    def start_one(*assignments):
        servers.append(Server(config(*assignments), World(), Directory(str(tmp_path))))
        servers[-1].start()
        return servers[-1]

    yield start_one
    for server in servers:
        for client in list(server.registry.clients):
            client.transport.close()
        turn(server, 4)
        server.close()


def ask_admin(server, request):
    """Send a request to the admin port; return (status, headers, body)."""
    with socket.create_connection(("127.0.0.1", server.listeners[-1].sock.getsockname()[1]), 5) as peer:
        peer.sendall(request.encode())
        turn(server, 8)
        [answer] = parse_answers(peer.recv(1 << 16))
    turn(server, 4)
    return answer


def admin(start, *assignments):
    return start("server.admin=127.0.0.1:0", "api.key=right", *assignments)


def test_without_the_setting_there_is_none(start):
    assert len(start().listeners) == 1


def test_what_is_wrong_is_told_in_full_wherever_the_public_port_is(start):
    server = admin(start, "server.trusted_proxies=127.0.0.1")
    server.backing.store_trouble = lambda: "at 10.0.0.9"
    assert json.loads(ask_admin(server, get("/readyz"))[2])["reason"] == "store: at 10.0.0.9"


def test_metrics_health_and_connections_are_there(start):
    server = admin(start)
    assert read(ask_admin(server, get("/metrics"))[2].decode())["wsserver_processes", ()] == 1
    assert ask_admin(server, get("/livez"))[0] == ask_admin(server, get("/readyz"))[0] == 200
    keyed = get("/api/connections").replace("\r\n\r\n", "\r\nAuthorization: Bearer right\r\n\r\n")
    status, _, body = ask_admin(server, keyed)
    assert (status, json.loads(body)) == (200, {"connections": [], "more": 0})
    assert ask_admin(server, get("/api/connections"))[0] == 401


@pytest.mark.parametrize("path", ["/", "/chat", "/events?channel=c", "/api/channels", "/metrics/"])
def test_nothing_else_is(start, path):
    assert ask_admin(admin(start), get(path))[0] == 404


def test_it_shows_them_also_when_the_public_port_does_not(start):
    server = admin(start)
    with socket.socket() as public:
        public.bind(("0.0.0.0", 0))  # and nobody can connect to it
        server.services.listen_on([public])
    assert ask(server, get("/metrics"))[0] == 404
    assert ask_admin(server, get("/metrics"))[0] == 200


def test_who_watches_is_not_counted_among_those_who_are_watched(start):
    server = admin(start)
    for _ in range(3):
        ask_admin(server, get("/metrics"))
    samples = read(ask_admin(server, get("/metrics"))[2].decode())
    assert samples["wsserver_connections_accepted_total", ()] == 0


def test_it_answers_while_the_public_port_drains(start):
    server = admin(start)
    server.site.draining = True
    assert ask(server, get("/metrics"))[0] == 503
    assert ask_admin(server, get("/metrics"))[0] == 200


def test_a_page_that_calls_this_machine_by_a_name_of_its_own_is_refused(start):
    assert ask_admin(admin(start), get("/metrics", host="evil.example"))[0] == 421


def test_a_port_that_is_taken_is_named(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            start(f"server.admin=127.0.0.1:{port}")
