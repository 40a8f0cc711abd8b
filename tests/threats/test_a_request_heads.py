"""Heads that come too slowly, are too large, or have lines that two parsers read differently."""

import time

import pytest

from tests.clients.rig import get, parse_answers
from tests.http.reading import read
from tests.threats.attacking import ask_to_upgrade, cpu_seconds
from tests.threats.raw_heads import LAST, assert_accepted, assert_refused, head
from wsserver.clients.states import State
from wsserver.http.limits import RequestLimits


def seconds_to_read(size):
    """CPU time for a line of that many bytes that comes byte by byte; the best of three."""
    limits = RequestLimits(request_line=1 << 20, head=1 << 20)
    line = b"GET /" + b"a" * size

    def once():
        before = time.process_time()
        read((line[i : i + 1] for i in range(len(line))), limits)
        return time.process_time() - before

    return min(once() for _ in range(3))


# -- slow ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "seconds"), [(b"", 10), (get("/page"), 15)], ids=["a new connection", "a kept one"])
def test_a01_a_head_that_never_completes_is_answered_408(house, before, seconds):
    peer, honest = house.connect(), house.connect()
    if before:
        peer.send(before)
        peer.received()
    lived = 0
    for byte in b"GET /page HTTP/1.1\r\nX: ":
        house.jump(1)
        lived += 1
        if peer.client.state is State.GONE:
            break
        peer.send(bytes((byte,)))
    assert [status for status, _, _ in parse_answers(peer.received())] == [408]
    assert (lived, peer.ended) == (seconds, True)
    honest.hang_up()


def test_a01_an_upgrade_that_never_completes_is_answered_408_too(house):
    peer = house.connect()
    peer.send(ask_to_upgrade("GET /talk HTTP/1.1")[:-1])
    house.jump(10.1)
    assert [status for status, _, _ in parse_answers(peer.received())] == [408]


def test_a01_a_connection_that_says_nothing_ends_in_silence(house):
    peer = house.connect()
    house.jump(9.8)
    assert not peer.ended
    house.jump(0.4)
    assert (peer.received(), peer.ended) == (b"", True)


def test_a01_a_connection_that_says_only_an_empty_line_ends_in_silence(house):
    peer = house.connect()
    peer.send(b"\r\n")
    house.jump(10.1)
    assert (peer.received(), peer.ended) == (b"", True)


# -- large -----------------------------------------------------------------------------------------------------------

OVERSIZE = {
    "a request line": (b"GET /" + b"a" * 9000, 414),
    "a query": (b"GET /livez?" + b"a" * 9000, 414),
    "a method": (b"A" * 9000, 414),
    "a header line": (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000, 431),
    "a header's name": (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X" * 9000, 431),
    "a head": (head(b"X: " + b"a" * 8000, b"Y: " + b"a" * 8000, b"Z: " + b"a" * 400), 431),
    "many headers": (head(*[b"X-%d: a" % i for i in range(100)]), 431),
    "many empty headers": (head(*[b"X:"] * 5000), 431),
}


@pytest.mark.parametrize("what", OVERSIZE)
def test_a02_what_is_too_large_is_refused_before_it_is_whole(attacker, what):
    raw, status = OVERSIZE[what]
    assert_refused(attacker, raw, status, bytewise=False)


def test_a02_an_upgrade_with_too_many_headers_is_431_and_no_websocket(attacker):
    one = attacker()
    one.send(ask_to_upgrade(X=["a"] * 100))
    assert one.answers() == [431]


def test_a02_what_is_just_within_the_limits_is_answered(attacker):
    for raw in (
        head(line=b"GET /livez?%b HTTP/1.1" % (b"a" * (8192 - 21))),
        head(b"X: " + b"a" * 8189),
        head(*[b"X-%d: a" % i for i in range(99)]),
    ):
        one = attacker()
        one.send(raw + LAST)
        assert one.answers() == [200, 200]


@pytest.mark.parametrize("what", ["a request line", "a header line", "many headers"])
def test_a03_the_same_byte_by_byte_gets_the_same_answer_and_no_more_memory(server, attacker, what):
    raw, status = OVERSIZE[what]
    before = server.resident_bytes()
    one = attacker()
    one.dribble(raw)
    assert one.answers() == [status]
    assert server.resident_bytes() - before < 4 << 20


def test_a03_time_for_a_line_in_single_bytes_grows_with_its_length_alone():
    assert seconds_to_read(200_000) < 10 * seconds_to_read(50_000)


@pytest.mark.parametrize("name", [b"X", b"Cookie", b"Host", b"Content-Length", b"Sec-WebSocket-Protocol"])
def test_a04_ten_thousand_headers_of_one_name_are_431(server, attacker, name):
    before = cpu_seconds(server)
    assert_refused(attacker, head(*[name + b": a"] * 10_000, host=None), 431, bytewise=False)
    assert cpu_seconds(server) - before < 2


# -- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /livez HTTP/1.1\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\n",
        b"GET /livez HTTP/1.1\nHost: localhost\n\n",
        b"\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\rX\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\r\nHost: localhost\r\n\r\n",
        head(b"X: a\r"),
        head(b"X: a\rContent-Length: 5"),
        head(b"X: a\nContent-Length: 5"),
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\r\n",
    ],
)
def test_a05_a_line_that_does_not_end_with_exactly_crlf_is_400(attacker, raw):
    assert_refused(attacker, raw, 400)


def test_a06_control_characters_in_a_value_are_400(attacker):
    for byte in (0x00, 0x01, 0x08, 0x0E, 0x1B, 0x1F, 0x7F):
        assert_refused(attacker, head(b"X: a%cb" % byte), 400)


def test_a06_control_characters_in_the_headers_of_an_upgrade_are_400(attacker):
    for name in ("Origin", "Sec_WebSocket_Protocol", "Sec_WebSocket_Key"):
        one = attacker()
        one.send(ask_to_upgrade(**{name: "a\0b"}))
        assert one.answers() == [400]


@pytest.mark.parametrize(
    "fields", [(b"X : a",), (b"X\t: a",), (b" X: a",), (b"X: a", b" b"), (b"X: a", b"\tb"), (b" ",)]
)
def test_a07_white_space_before_a_colon_or_a_folded_line_is_400(attacker, fields):
    assert_refused(attacker, head(*fields), 400)


def test_a07_a_first_header_that_is_folded_is_400(attacker):
    assert_refused(attacker, b"GET /livez HTTP/1.1\r\n Host: localhost\r\n\r\n", 400)


def test_a07_a_content_length_behind_white_space_is_400_and_hides_no_request(attacker):
    for field in (b"Content-Length : 42", b" Content-Length: 42", b"Transfer-Encoding\t: chunked"):
        assert_refused(attacker, head(field), 400)


@pytest.mark.parametrize(
    "field", [b": x", b":", b"X\xe9: a", b"X Y: a", b"X/Y: a", b"X\0: a", b'"X": a', b"X", b"\x80: a"]
)
def test_a08_a_name_that_is_empty_or_no_token_is_400(attacker, field):
    assert_refused(attacker, head(field), 400)


@pytest.mark.parametrize("byte", [b"\x0b", b"\x0c", b"\x1c", b"\x85", b"\xa0"])
def test_a09_other_white_space_around_a_value_is_part_of_it_or_400(attacker, byte):
    """Were one of them stripped, these would be a length and a coding to us and nonsense to a proxy."""
    for value in (byte + b"5", b"5" + byte):
        assert_refused(attacker, head(b"Content-Length: " + value), 400)
    assert_refused(attacker, head(b"Transfer-Encoding: " + byte + b"chunked"), 400)
    assert_refused(attacker, head(host=b"Host: localhost" + byte), 400)


def test_a09_space_and_tab_around_a_value_are_no_part_of_it(attacker):
    assert_accepted(attacker, head(host=b"Host: \t localhost\t "))
