"""The composition root: what is wired to what, how it listens, and what it says when it cannot."""

import contextlib
import json
import os
import signal
import socket

import pytest

from tests.clients.rig import UPGRADE, parse_answers
from wsserver import server as server_module
from wsserver.chat.authority import NO_RULE
from wsserver.clients.router import Router
from wsserver.config import ConfigError, from_assignment, load
from wsserver.net.files import Directory
from wsserver.observe import logs
from wsserver.observe.log_format import format_text
from wsserver.reactor.world import World
from wsserver.server import Server, find_static, run


def config(*assignments):
    """The configuration that --set would make, on a free port."""
    return load(flags=map(from_assignment, ("server.port=0", "store.url=memory:", *assignments)))


@pytest.fixture
def page(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    return folder


@pytest.fixture
def start(page):
    """Start a server in this process. Nothing turns unless the test says so."""
    servers = []

    def start_one(*assignments, **named):
        server = Server(config(*assignments), World(), Directory(str(page)), **named)
        servers.append(server)
        server.start()
        server.obey_signals()
        return server

    yield start_one
    for server in servers:
        if server.listeners[0].sock.fileno() == -1:
            continue  # it ran to its end
        for client in list(server.registry.clients):
            client.transport.close()
        turn(server, 2)
        server.close()


def turn(server, count=4):
    for _ in range(count):
        server.reactor.call_soon(lambda: None)
        server.reactor.run_once()


def ask(server, request):
    """Send a request on a connection of its own; return (status, headers, body), of a 101 without its frames."""
    with socket.create_connection(("127.0.0.1", server.listeners[0].sock.getsockname()[1]), 5) as peer:
        peer.sendall(request.encode())
        turn(server, 6)
        answer = peer.recv(1 << 16)
    turn(server)
    if answer.startswith(b"HTTP/1.1 101 "):
        answer = answer[: answer.index(b"\r\n\r\n") + 4]
    [parsed] = parse_answers(answer)
    return parsed


def get(path, method="GET", host="localhost"):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"


# -- what is behind the paths -----------------------------------------------------------------------------------------


def test_the_page_and_the_health_of_the_server_are_behind_their_paths(start):
    server = start()
    assert ask(server, get("/"))[2].startswith(b"<!doctype html>")
    assert ask(server, get("/nothing"))[0] == 404
    status, _, body = ask(server, get("/livez"))
    assert (status, json.loads(body)) == (200, {"status": "alive"})
    status, _, body = ask(server, get("/readyz"))
    assert (status, json.loads(body)) == (200, {"status": "ready"})


def test_health_is_read_and_not_written(start):
    server = start()
    for path in ("/livez", "/readyz"):
        status, headers, _ = ask(server, get(path, method="POST"))
        assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/chat", "/echo", "/mine"])
def test_routers_are_behind_their_paths_a_guest_s_too(start, path):
    server = start(routers={"/mine": Router()})
    status, headers, _ = ask(server, UPGRADE.format(path=path, extra=""))
    assert (status, headers["upgrade"]) == (101, "websocket")


def test_a_guest_may_take_the_place_of_a_router(start):
    guest = Router()
    assert start(routers={"/echo": guest}).site.routers["/echo"] is guest


def test_host_and_origin_are_judged_by_where_it_listens(start):
    server = start("server.origins=https://chat.example")
    assert ask(server, get("/livez", host="rebound.example"))[0] == 421
    for origin, status in (("https://chat.example", 101), ("https://evil.example", 403)):
        assert ask(server, UPGRADE.format(path="/chat", extra=f"Origin: {origin}\r\n"))[0] == status


def test_while_it_drains_it_says_why_it_is_not_ready(start):
    server = start()
    server.site.draining = True
    status, _, body = ask(server, get("/readyz"))
    assert (status, json.loads(body)) == (503, {"status": "unavailable", "reason": "draining"})
    assert ask(server, get("/livez"))[0] == 200
    assert ask(server, get("/"))[0] == 503


@pytest.mark.parametrize(
    ("flags", "reason"), [((), "store: db at 10.0.0.9 is away"), (("server.trusted_proxies=127.0.0.1",), "store")]
)
def test_strangers_hear_which_part_is_in_trouble_and_not_where_it_is(start, flags, reason):
    server = start(*flags)
    server.backing.store_trouble = lambda: "db at 10.0.0.9 is away"
    status, _, body = ask(server, get("/readyz"))
    assert (status, json.loads(body)) == (503, {"status": "unavailable", "reason": reason})


# -- what was configured is in force ----------------------------------------------------------------------------------


def test_settings_reach_the_parts_they_are_for(start):
    server = start(
        "websocket.max_message=1KiB", "websocket.max_fragments=7", "websocket.handshake_timeout=1s",
        "websocket.ping_interval=2s", "websocket.pong_timeout=3s", "websocket.close_timeout=4s",
        "server.keepalive_timeout=6s", "server.keepalive_requests=8", "limits.rate=9", "limits.queue=10KiB",
        "limits.queue_policy=latest", "limits.connections=11",
    )  # fmt: skip
    limits = server.registry.house.limits
    assert (limits.max_message, limits.max_fragments, limits.queue, limits.queue_policy) == (1024, 7, 10240, "latest")
    assert (limits.handshake_timeout_s, limits.ping_interval_s, limits.pong_timeout_s) == (1, 2, 3)
    assert (limits.close_timeout_s, limits.keepalive_timeout_s, limits.max_requests) == (4, 6, 8)
    assert limits.rate == 9


# -- where it listens -------------------------------------------------------------------------------------------------


def test_the_address_is_what_a_browser_can_be_given(start):
    server = start()
    assert server.address == f"http://127.0.0.1:{server.listeners[0].sock.getsockname()[1]}"


def test_a_name_is_told_as_the_address_that_it_stands_for(start):
    assert start("server.host=localhost").address.startswith(("http://127.0.0.1:", "http://[::1]:"))


def test_a_unix_socket_is_served_and_goes_with_the_server(page, tmp_path):
    path = str(tmp_path / "ws.sock")
    server = Server(config(f"server.unix={path}"), World(), Directory(str(page)))
    server.start()
    assert server.address == f"unix:{path}"
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(5)
        peer.connect(path)
        peer.sendall(get("/livez").encode())
        turn(server)
        assert parse_answers(peer.recv(4096))[0][0] == 200
    turn(server)
    server.close()
    assert not os.path.exists(path)


def test_an_inherited_socket_is_adopted(page):
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(config(f"server.fd={listener.detach()}"), World(), Directory(str(page)))
    server.start()
    assert ask(server, get("/livez"))[0] == 200
    server.close()


# -- how it runs and ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_with_0(start, number):
    server = start()
    server.reactor.post(lambda: os.kill(os.getpid(), number))
    assert server.run() == 0


def test_a_second_signal_ends_it_with_1(start):
    server = start()
    with socket.create_connection(server.listeners[0].sock.getsockname(), 5):
        turn(server)
        server.reactor.post(lambda: os.kill(os.getpid(), signal.SIGTERM))
        server.reactor.call_later(0.01, lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert server.run() == 1
    for client in server.registry.clients:
        client.transport.sock.close()  # the end of the process would do it


def test_signals_belong_to_whoever_had_them_before_once_it_is_closed(start):
    before = signal.getsignal(signal.SIGTERM)
    server = start()
    assert signal.getsignal(signal.SIGTERM) is not before
    server.reactor.post(lambda: os.kill(os.getpid(), signal.SIGTERM))
    server.run()
    assert signal.getsignal(signal.SIGTERM) is before


class Paper:
    """Keeps the kinds of what is logged."""

    def __init__(self):
        self.lines = []

    def write(self, line):
        self.lines.append(line.decode())
        return True

    def about(self, kind):
        return [line for line in self.lines if f" {kind}: " in line]


@pytest.fixture
def paper(monkeypatch):
    one = Paper()
    monkeypatch.setattr(logs, "_JOURNAL", logs.Journal(one, format_text, "info", lambda: 1.0, lambda: 1))
    monkeypatch.setattr(server_module, "_LOG", logs.get("server"))
    return one


def test_what_can_be_changed_is_changed_and_what_cannot_is_named(start, paper):
    server = start()
    server.take_on(config("server.hosts=chat.example", "server.drain=1s", "limits.rate=7", "chat.history=3"))
    assert ask(server, get("/livez"))[0] == 421
    assert ask(server, get("/livez", host="chat.example"))[0] == 200
    assert server.drain.drain_s == 1
    assert server.registry.house.message_rate.interval_s == 1 / 7
    assert "changed=server.drain," in paper.about("reloaded")[0].replace('"', "")
    assert "settings=chat.history" in paper.about("restart_needed")[0]
    server.take_on(config("limits.rate=0", "chat.history=3"))
    assert server.registry.house.message_rate is None


def test_a_hangup_signal_reads_the_configuration_again_and_a_bad_one_changes_nothing(start, paper):
    server = start()
    said = [ConfigError("no"), config("server.hosts=chat.example")]

    def load():
        found = said.pop(0)
        if isinstance(found, ConfigError):
            raise found
        return found

    server.obey_signals(load)
    for status in (200, 421):
        os.kill(os.getpid(), signal.SIGHUP)
        turn(server)
        assert ask(server, get("/livez"))[0] == status
    assert len(paper.about("reload_failed")) == 1


def test_a_user_signal_writes_its_state_to_the_log(start, paper):
    server = start()
    os.kill(os.getpid(), signal.SIGUSR1)
    turn(server)
    [line] = paper.about("state")
    assert " clients=0 " in line


def test_who_leaves_closes_everybody_with_1012_and_ends_with_1(start):
    server = start("server.drain=1h")
    with socket.create_connection(server.listeners[0].sock.getsockname(), 5) as peer:
        peer.sendall(UPGRADE.format(path="/echo", extra="").encode())
        turn(server, 6)
        assert peer.recv(4096).startswith(b"HTTP/1.1 101 ")
        server.leave()
        server.leave()
        turn(server)
        assert peer.recv(4096)[2:4] == b"\x03\xf4"
        server.reactor.post(peer.close)
        assert server.run() == 1


def test_an_admin_port_that_is_taken_leaves_no_listener_behind(page):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        settings = config(f"server.admin=127.0.0.1:{taken.getsockname()[1]}")
        server = Server(settings, World(), Directory(str(page)))
        with pytest.raises(OSError, match="127.0.0.1:"):
            server.start()
        assert server.listeners == []
        server.close()


def test_several_workers_are_for_the_command_line():
    with pytest.raises(ConfigError, match="command line"):
        run(config("server.workers=2"))


# -- what it says when it cannot --------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_told_in_one_line_with_advice(capsys, page):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        assert run(config(f"server.static={page}", f"server.port={port}")) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith(f"wsserver: error: cannot listen on 127.0.0.1:{port}: ")
    assert errors.count("\n") == 1
    assert "--port" in errors


def test_a_page_that_is_not_there_is_told_with_the_setting_that_names_it(capsys, tmp_path):
    assert run(config(f"server.static={tmp_path / 'nothing'}")) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert "server.static" in errors


def test_the_page_is_the_configured_one_or_the_one_that_comes_along():
    assert find_static("some/folder") == "some/folder"
    assert os.path.isfile(os.path.join(find_static(""), "index.html"))


# -- channels ---------------------------------------------------------------------------------------------------------


def test_what_is_said_about_channels_reaches_the_chat_and_its_log(start):
    server = start("channels.news:*.history=0", "channels.news:*.send=ann", "auth.timeout=3s", "chat.history=7")
    assert server.chat.channels.rule_of("news:art").send == {"ann"}
    assert server.chat.channels.rule_of("lobby") is NO_RULE
    assert server.chat._settings.auth_timeout_s == 3


class Link:
    """A broker that is being dialled."""

    trouble = "it is not connected yet"

    def close_all(self):
        """Nobody hears it."""


def test_it_is_called_ready_at_once_when_nothing_has_to_be_dialled(start):
    said = []
    start().when_ready(lambda: said.append("ready"))
    assert said == ["ready"]


def test_it_is_not_called_ready_before_store_and_broker_can_be_used(start):
    server, said = start(), []
    server.backing.broker = link = Link()
    server.when_ready(lambda: said.append("ready"))
    turn(server)
    assert said == []
    link.trouble = None
    turn_until(server, said)
    turn(server)
    assert said == ["ready"]


def test_a_broker_that_does_not_come_does_not_keep_it_from_being_ready(start, monkeypatch):
    monkeypatch.setattr(server_module, "START_S", 0.05)
    server, said = start(), []
    server.backing.broker = Link()
    server.when_ready(lambda: said.append("ready"))
    assert said == []
    turn_until(server, said)
    assert said == ["ready"]


def test_who_is_told_to_stop_before_it_is_ready_never_says_that_it_is(start):
    server, said = start(), []
    server.backing.broker = Link()
    server.when_ready(lambda: said.append("ready"))
    server.stop()
    assert server.run() == 0
    assert said == []


def turn_until(server, said):
    """Turn, without sleeping, until something was said."""
    for _ in range(100_000):
        if said:
            return
        turn(server, 1)
