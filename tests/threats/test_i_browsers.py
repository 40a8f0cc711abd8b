"""Attacks by way of a visitor's browser, and on who is who: foreign pages, rebound names, split answers, used ids."""

import contextlib
import socket
from pathlib import Path

import pytest

from tests.clients.rig import get, parse_answers
from tests.scenarios.running import PATIENCE_S, TOP
from tests.scenarios.talking import Talker
from tests.threats.attacking import ask_to_upgrade
from tests.websocket.frames_by_hand import frame
from wsserver.http.response import Response
from wsserver.websocket.codes import TEXT

PAGES = sorted("/" + path.relative_to(TOP / "static").as_posix() for path in Path(TOP / "static").rglob("*.*"))


def answer(attacker, request):
    """Send a request on a connection of its own; return (status, headers, raw answer)."""
    one = attacker()
    one.send(request)
    one.finish()
    raw = one.rest()
    [(status, headers, _)] = parse_answers(raw)
    return status, headers, raw


# -- 119 and 120: foreign pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/chat", "/echo"])
def test_i119_a_foreign_page_gets_in_with_no_cookie_and_none_is_ever_set(attacker, path):
    for cookie in (None, "session=of-the-visitor"):
        request = ask_to_upgrade(f"GET {path} HTTP/1.1", Origin="https://evil.example", Cookie=cookie)
        status, headers, _ = answer(attacker, request)
        assert status == 403
        assert "set-cookie" not in headers
        assert "access-control-allow-origin" not in headers


def test_i119_a_token_is_no_name_of_a_subprotocol(attacker):
    one = attacker()
    head = one.open("/chat", Sec_WebSocket_Protocol="wsserver.v1.json, bearer.secret-token")
    assert b"secret-token" not in head


REBOUND = [
    "evil.example", "evil.example:8080", "localhost.evil.example", "localhostx", "xlocalhost", "127.0.0.1.nip.io",
    "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "127.0.0.2",
]  # fmt: skip


@pytest.mark.parametrize("host", REBOUND)
def test_i120_a_name_that_was_made_to_point_here_is_answered_421(attacker, host):
    for path in ("/", "/livez", "/readyz", "/nothing"):
        assert answer(attacker, get(path).replace(b"localhost", host.encode()))[0] == 421
    for path in ("/chat", "/echo"):
        assert answer(attacker, ask_to_upgrade(f"GET {path} HTTP/1.1", Host=host, Origin=f"http://{host}"))[0] == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", "localhost."])
def test_i120_the_names_of_this_machine_do(attacker, host):
    assert answer(attacker, get("/livez").replace(b"localhost", host.encode()))[0] == 200


# -- 121 and 122: what we emit -----------------------------------------------------------------------------------------

SPLITTING = ["%0d%0aSet-Cookie:%20a=b", "%0aX:%20y", "%e5%98%8d%e5%98%8aX:y", "%250d%250aX:y", "?a=%0d%0aX:%20y", "%0D"]


@pytest.mark.parametrize("path", SPLITTING)
def test_i121_no_line_break_of_a_request_comes_back_in_a_header(attacker, path):
    for request in (get(f"/{path}"), get(f"/chat{path}"), ask_to_upgrade(f"GET /echo{path} HTTP/1.1")):
        status, headers, raw = answer(attacker, request)
        assert status in ((400, 404, 426) if "?" not in path else (101, 200, 400, 404, 426))
        assert "x" not in headers
        assert "set-cookie" not in headers
        assert raw.count(b"\r\n\r\n") == 1


def test_i121_a_header_that_would_break_the_answer_is_never_written(make_house, expect_errors):
    evil = ["a\r\nX: y", "a\nX: y", "a\rX: y", "a\0", "a\x7f", "a\x1b[31m", "\u560d\u560aX: y"]
    pages = {
        f"/{number}": lambda _request, value=value: Response(200, (("Location", value),))
        for number, value in enumerate(evil)
    }
    house = make_house(pages=pages)
    for path in pages:
        peer = house.connect()
        peer.send(get(path))
        [(status, headers, _)] = parse_answers(peer.received())
        assert status == 500
        assert not {"x", "location"} & headers.keys()
    assert {type(error) for error in expect_errors(house)} == {AssertionError}


@pytest.mark.parametrize("field", ["user", "channel"])
@pytest.mark.parametrize("name", ["a\\r\\nX: y", "a\\u0000", "a\\u001b[31m", "\\u0085", "a\\u007f"])
def test_i121_a_name_with_a_control_character_is_refused_before_it_can_be_emitted(server, connect, field, name):
    names = {"channel": "c", "user": "u"} | {field: name}
    talker = connect(server)
    talker.socket.send(f'{{"type":"join","channel":"{names["channel"]}","user":"{names["user"]}"}}')
    assert talker.hear("error")["code"] in ("bad_message", "bad_channel")


LEADING_AWAY = [
    "//evil.example/", "//evil.example/%2e%2e", "/%2f%2fevil.example", "/\\evil.example", "/.//evil.example",
    "//evil.example@localhost/", "/chat//evil.example", "//", "/index.html/", "/js",
]  # fmt: skip


@pytest.mark.parametrize("path", LEADING_AWAY)
def test_i122_nobody_is_ever_sent_anywhere_else(attacker, path):
    for request in (get(path), ask_to_upgrade(f"GET {path} HTTP/1.1")):
        status, headers, _ = answer(attacker, request)
        assert status in (400, 404)
        assert not {"location", "refresh"} & headers.keys()


# -- 125 to 127: what is believed, told and allowed --------------------------------------------------------------------


def test_i125_an_address_that_a_header_claims_is_not_believed(start):
    server = start("--set", "limits.connections_per_ip=2", "--log-level", "debug")
    claims = b"X-Forwarded-For: 203.0.113.7\r\nForwarded: for=203.0.113.7\r\nX-Real-IP: 203.0.113.7\r\n\r\n"
    with contextlib.ExitStack() as behind:
        where = ("127.0.0.1", server.port)
        ones = [behind.enter_context(socket.create_connection(where, PATIENCE_S)) for _ in range(3)]
        for one in ones[:2]:
            one.sendall(get("/livez")[:-2] + claims)
            assert one.recv(12) == b"HTTP/1.1 200"
        with contextlib.suppress(OSError):
            ones[2].sendall(get("/livez")[:-2] + claims)
        assert ones[2].recv(12) == b"HTTP/1.1 503"
    assert server.process.poll() is None
    assert "203.0.113" not in server.log


def test_i125_the_head_of_a_proxy_protocol_is_no_request(attacker):
    for head in (b"PROXY TCP4 203.0.113.7 127.0.0.1 1 80\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)):
        assert answer(attacker, head + get("/livez"))[0] == 400


def test_i126_what_stands_in_a_url_stands_in_no_log(start):
    server = start("--log-level", "debug")
    secret = "hunter2-in-a-url"
    assert server.get(f"/livez?token={secret}")[0] == 200
    assert server.get(f"/{secret}?token={secret}")[0] == 404
    talker = Talker(server.ws(f"/chat?token={secret}"), header={"Authorization": f"Bearer {secret}"})
    talker.join("lobby", "ann")
    talker.say("message", channel="lobby", text=secret)
    talker.hear("message")
    talker.socket.send(f"not json {secret}")
    assert secret not in talker.hear("error")["message"]
    talker.vanish()
    assert server.get("/livez")[0] == 200
    assert "client_gone" in server.log
    assert secret not in server.log


def every_answer(attacker):
    """Return (name, status, headers) of answers of every kind."""
    for path in ["/", *PAGES, "/livez", "/readyz", "/nothing", "/chat", "/echo"]:
        yield path, *answer(attacker, get(path))[:2]
    yield "foreign host", *answer(attacker, get().replace(b"localhost", b"evil.example"))[:2]
    yield "foreign origin", *answer(attacker, ask_to_upgrade(Origin="null"))[:2]
    yield "nonsense", *answer(attacker, b"nonsense\r\n\r\n")[:2]
    yield "method", *answer(attacker, get(method="DELETE"))[:2]


def test_i127_every_answer_says_what_a_browser_may_do_with_it(attacker):
    for name, _, headers in every_answer(attacker):
        assert headers["x-content-type-options"] == "nosniff", name
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert "unsafe" not in policy, name
        assert "*" not in policy, name
        assert "server" not in headers, name


def test_i127_the_page_runs_no_inline_code_and_talks_to_its_own_server_alone(server, attacker):
    host = f"localhost:{server.port}"
    for path in ["/", *PAGES]:
        _, headers, _ = answer(attacker, get(path).replace(b"localhost", host.encode()))
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert set(policy["connect-src"].split()) == {"'self'", f"ws://{host}", f"wss://{host}"}
        assert policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert headers["cross-origin-resource-policy"] == "same-origin"


# -- 128: used numbers -------------------------------------------------------------------------------------------------


def test_i128_what_was_meant_for_who_is_gone_reaches_nobody_who_came_after(server, connect):
    ann = connect(server, "ann", "i128")
    for number in range(15):
        bob = connect(server, f"bob-{number}", "i128")
        bob.ask("subscribe", topic="news.*")
        bob.vanish()
        heir = connect(server)  # most likely with the number that bob's socket had
        ann.say("message", channel="i128", text="for members")
        ann.ask("publish", topic="news.today", data=1)
        answered = ann.ask("direct", to=f"bob-{number}", text="for bob")
        assert (answered["type"], answered.get("code")) == ("error", "no_such_user") or answered["delivered"] == 0
        assert heir.is_quiet()
        heir.socket.shutdown()


def test_i128_what_waited_for_who_is_gone_dies_with_the_connection(house):
    for _ in range(20):
        peer = house.open("/echo", sndbuf=4096)
        number = peer.client.transport.fd
        for _ in range(20):
            peer.client.send(b"secret" * 100)
        house.turn()
        peer.hang_up()
        heir = house.open("/echo", sndbuf=4096)
        assert heir.client.transport.fd == number
        heir.send(frame(TEXT, b"hi"))
        assert heir.received() == b"\x81\x02hi"
        heir.hang_up()


def test_i128_no_two_connections_ever_have_the_same_id(server, connect):
    ids = set()
    for _ in range(60):
        talker = connect(server)
        ids.add(talker.welcome["client"])
        talker.vanish()
    assert len(ids) == 60
    assert {len(id) for id in ids} == {12}
