"""Request lines, targets, hosts and sequences of requests that are not what they seem."""

import contextlib

import pytest

from tests.clients.rig import get, parse_answers
from tests.threats.attacking import ask_to_upgrade, cpu_seconds
from tests.threats.raw_heads import GOOD, LAST, assert_accepted, assert_refused, head
from wsserver.clients.handshake import PIPELINE_BATCH
from wsserver.http.response import Response
from wsserver.net.transport import READ_SIZE


def each(*cases):
    """Cases of bytes, with names that people can read."""
    return [pytest.param(*case, id=repr(case[0])[2:60]) for case in cases]


# -- the request line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status"),
    each(
        (b"get", 501),
        (b"GETT", 501),
        (b"A" * 17, 501),
        (b"G(T", 400),
        (b"GET:", 400),
        (b"G\xc9T", 400),
        (b'"GET"', 400),
    ),
)
def test_a10_a_method_that_is_unknown_is_501_and_one_that_is_no_token_400(attacker, method, status):
    assert_refused(attacker, head(line=method + b" /livez HTTP/1.1"), status)


@pytest.mark.parametrize("path", ["/", "/livez", "/chat", "/echo", "/nowhere.html"])
def test_a10_a_method_that_is_known_and_not_allowed_is_405_and_says_which_are(server, path):
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        status, headers, _ = server.get(path, method=method)
        assert status == 405
        assert "GET" in headers["Allow"]


@pytest.mark.parametrize(
    ("version", "status"),
    each(
        (b" HTTP/2.0", 505),
        (b" HTTP/0.9", 505),
        (b" HTTP/1.2", 505),
        (b" HTTP/1.32", 400),
        (b" HTTP/1.1x", 400),
        (b" HTTP/11", 400),
        (b" HTTP/1", 400),
        (b" http/1.1", 400),
        (b" HTTP/1.\xb9", 400),
        (b" HTTP/ 1.1", 400),
        (b"", 400),
    ),
)
def test_a11_another_version_is_505_and_what_is_none_400(attacker, version, status):
    assert_refused(attacker, head(line=b"GET /livez" + version), status)


def test_a11_the_preface_of_http2_is_505(attacker):
    assert_refused(attacker, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)


@pytest.mark.parametrize(
    "line",
    [
        b"GET  /livez HTTP/1.1",
        b"GET /livez  HTTP/1.1",
        b"GET\t/livez HTTP/1.1",
        b"GET /livez\tHTTP/1.1",
        b"GET\x0b/livez\x0bHTTP/1.1",
        b"GET /livez HTTP/1.1 ",
        b" GET /livez HTTP/1.1",
        b"GET /li vez HTTP/1.1",
        b"GET\xa0/livez HTTP/1.1",
    ],
)
def test_a12_anything_but_single_spaces_between_the_parts_is_400(attacker, line):
    assert_refused(attacker, head(line=line), 400)


def test_a13_one_empty_line_before_a_request_is_ignored(attacker):
    assert_accepted(attacker, b"\r\n" + GOOD)


def test_a13_two_empty_lines_before_a_request_are_400(attacker):
    assert_refused(attacker, b"\r\n\r\n" + GOOD, 400)


@pytest.mark.parametrize(
    ("line", "status"),
    each(
        (b"GET http://localhost:1/livez HTTP/1.1", 400),
        (b"GET http://evil.example/livez HTTP/1.1", 400),
        (b"GET http://x@localhost/livez HTTP/1.1", 400),
        (b"GET http:///livez HTTP/1.1", 400),
        (b"GET ftp://localhost/livez HTTP/1.1", 400),
        (b"GET localhost:80 HTTP/1.1", 400),
        (b"CONNECT localhost:80 HTTP/1.1", 405),
        (b"OPTIONS * HTTP/1.1", 405),
        (b"GET * HTTP/1.1", 400),
        (b"GET livez HTTP/1.1", 400),
        (b"GET @google.com HTTP/1.1", 400),
        (b"GET ?a HTTP/1.1", 400),
        (b"GET javascript:alert(1) HTTP/1.1", 400),
    ),
)
def test_a14_a_target_that_is_no_path_of_ours_is_refused(attacker, line, status):
    assert_refused(attacker, head(line=line), status)


def test_a14_a_target_with_the_host_of_the_host_header_is_that_path(attacker):
    assert_accepted(attacker, head(line=b"GET http://localhost/livez HTTP/1.1"))


def test_a14_two_slashes_in_front_name_no_host_and_redirect_nobody(attacker):
    one = attacker()
    one.send(head(b"Connection: close", line=b"GET //google.com/%2e%2e HTTP/1.1"))
    answer = one.rest()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"google" not in answer
    assert b"location" not in answer.lower()


@pytest.mark.parametrize(
    "target", [b"/livez#a", b"/livez\xc3\xa9", b"/livez\x7f", b"/livez\0", b"/..\\livez", b"/livez?a#b", b"/livez?\x80"]
)
def test_a15_a_target_with_what_must_be_encoded_is_400(attacker, target):
    assert_refused(attacker, head(line=b"GET " + target + b" HTTP/1.1"), 400)


# -- Host ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        (b"Host: localhost", b"Host: localhost"),
        (b"Host: localhost", b"Host: evil.example"),
        (b"Host: ",),
        (b"Host: localhost/x",),
        (b"Host: localhost?x",),
        (b"Host: localhost#x",),
        (b"Host: x@localhost",),
        (b"Host: local host",),
        (b"Host: localhost, evil.example",),
        (b"Host: localhost:x",),
        (b"Host: localhost:65536",),
        (b"Host: [::1",),
        (b"Host: localhost%2eevil.example",),
    ],
)
def test_a16_no_host_or_two_or_one_that_is_none_is_400(attacker, hosts):
    assert_refused(attacker, head(*hosts, host=None), 400)


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example",
        b"evillocalhost",
        b"127.0.0.1.nip.example",
        b"127.0.0.2",
        b"0.0.0.0",
        b"[::2]",
    ],
)
def test_a16_a_host_that_is_not_ours_is_421_for_pages_and_upgrades(attacker, host):
    assert_refused(attacker, head(host=b"Host: " + host), 421, bytewise=False)
    assert_refused(attacker, head(host=b"Host: " + host, line=b"GET http://" + host + b"/livez HTTP/1.1"), 421, False)
    assert_refused(attacker, ask_to_upgrade(Host=host.decode()), 421, bytewise=False)


# -- one behind the other --------------------------------------------------------------------------------------------


def test_a17_many_requests_in_one_segment_are_answered_in_their_order(attacker):
    one = attacker()
    wanted = [(b"/livez", 200), (b"/nothing", 404), (b"/chat.html", 404), (b"/readyz", 200)] * 12
    one.send(b"".join(head(line=b"GET %b HTTP/1.1" % path) for path, _ in wanted) + LAST)
    answers = parse_answers(one.rest())
    assert [status for status, _, _ in answers] == [status for _, status in wanted] + [200]
    assert [b"ready" in body for _, _, body in answers] == [path == b"/readyz" for path, _ in wanted] + [False]


def test_a17_nothing_more_is_read_while_requests_wait_for_their_answers(make_house):
    """A read brings more requests than a turn answers: what is not answered yet would pile up."""
    house = make_house(max_requests=1_000_000)
    peer = house.connect()
    most = 0
    for _ in range(30):
        with contextlib.suppress(BlockingIOError):
            peer.socket.send(get() * 1500)
        house.turn()
        peer.received()
        most = max(most, peer.client.handshake._parser.buffered)
    assert 0 < most <= READ_SIZE
    house.turn(4)
    assert peer.received_in_all().endswith(b"page")


def test_a17_who_sends_many_requests_takes_no_turn_of_others(make_house):
    house = make_house(pages={"/other": lambda _request: Response(200, body=b"other")})
    greedy, honest = house.connect(), house.connect()
    greedy.socket.send(get() * 90)
    honest.socket.send(get("/other"))
    house.turn()
    assert len(parse_answers(greedy.received())) == PIPELINE_BATCH
    assert parse_answers(honest.received())[0][2] == b"other"


def test_a17_requests_without_end_whose_answers_are_not_read_are_not_answered(make_house):
    house = make_house(max_requests=1_000_000)
    peer = house.connect(sndbuf=4096)
    for _ in range(40):
        with contextlib.suppress(BlockingIOError):
            peer.socket.send(get("/middling") * 500)
        house.turn()
    transport = peer.client.transport
    assert transport.queued + peer.client.handshake._parser.buffered < 256 << 10


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\x81\x85\0\0\0\0hello", 400),
        (ask_to_upgrade(Sec_WebSocket_Version="8"), 426),
        (ask_to_upgrade(Origin="http://evil.example"), 403),
        (ask_to_upgrade("GET /nowhere HTTP/1.1"), 404),
    ],
)
def test_a18_behind_a_good_request_a_bad_one_is_the_last_that_is_read(attacker, bad, status):
    one = attacker()
    one.send(GOOD + bad + GOOD * 5)
    assert one.answers() == [200, status]


def test_a19_who_wants_no_kept_connection_gets_one_answer_whatever_follows(attacker):
    for last in (
        head(line=b"GET /livez HTTP/1.0"),
        head(line=b"GET /livez HTTP/1.0", host=None),
        head(b"Connection: close"),
        head(b"Connection: keep-alive, Close"),
        head(b"Connection: keep-alive", b"Connection: close"),
    ):
        for behind in (GOOD, b"nonsense\r\n\r\n", b"\0" * 100_000):
            one = attacker()
            one.send(last + behind)
            assert one.answers() == [200]


def test_a19_a_client_of_http_1_0_may_ask_for_a_kept_connection(attacker):
    assert_accepted(attacker, head(b"Connection: Keep-Alive", line=b"GET /livez HTTP/1.0"))


def test_a20_a_kept_connection_that_idles_for_15_s_ends(house):
    peer = house.connect()
    peer.send(get())
    assert parse_answers(peer.received())[0][0] == 200
    house.jump(14.8)
    assert not peer.ended
    house.jump(0.4)
    assert (peer.received(), peer.ended) == (b"", True)


def test_a20_after_100_requests_a_connection_ends_and_the_last_answer_says_so(attacker):
    one = attacker()
    one.send(GOOD * 150)
    answers = parse_answers(one.rest())
    assert [headers.get("connection") for _, headers, _ in answers] == [None] * 99 + ["close"]


# -- what is in them -------------------------------------------------------------------------------------------------


def test_a21_a_cookie_of_backslashes_costs_no_more_than_another(server, attacker):
    before = cpu_seconds(server)
    for _ in range(3):
        one = attacker()
        one.send(head(b'Cookie: a="' + b"\\" * 8000 + b'"') * 60 + LAST)
        assert one.answers() == [200] * 61
    assert cpu_seconds(server) - before < 2


def test_a21_a_cookie_larger_than_a_head_or_500_of_them_are_431(attacker):
    assert_refused(attacker, head(b"Cookie: " + b"\\" * 16_384), 431, bytewise=False)
    assert_refused(attacker, head(*[b"Cookie: \xff=;"] * 500), 431, bytewise=False)


EVIL = b"<script>evil</script>\x1b[31m"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (EVIL + b" / HTTP/1.1\r\n\r\n", 400),
        (b"evil / HTTP/1.1\r\n\r\n", 501),
        (head(line=b"GET /evil<script>.html HTTP/1.1"), 404),
        (head(line=b"GET /%3Cscript%3Eevil HTTP/1.1"), 404),
        (head(line=b"GET /livez HTTP/1.evil"), 400),
        (head(EVIL), 400),
        (head(b"evil(: x"), 400),
        (head(host=b"Host: evil.example"), 421),
        (head(b"Expect: evil"), 417),
        (head(b"Transfer-Encoding: evil"), 400),
        (head(b"Content-Length: evil"), 400),
        (ask_to_upgrade(Origin="http://evil.example"), 403),
        (ask_to_upgrade(Sec_WebSocket_Version="evil"), 426),
        (ask_to_upgrade("GET /evil HTTP/1.1"), 404),
    ],
)
def test_a22_an_error_repeats_nothing_of_the_request_and_is_plain_text(attacker, raw, status):
    one = attacker()
    one.send(raw)
    one.finish()
    answer = one.rest()
    [(got, headers, body)] = parse_answers(answer)
    assert got == status
    assert body.endswith(b".\n")
    assert (headers["content-type"], headers["x-content-type-options"]) == ("text/plain; charset=utf-8", "nosniff")
    assert b"evil" not in answer
    assert b"script" not in answer
