"""The short way takes nothing that the long way would refuse, and finds the same in what it takes.

The long way is had by sending the first byte alone: what was searched before is not matched again.
"""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.http.raw_requests import CASES
from wsserver.http.errors import RequestError
from wsserver.http.intake import Intake
from wsserver.http.limits import DEFAULT_LIMITS, RequestLimits
from wsserver.http.plain_get import PlainGet, take_plain_get
from wsserver.http.request import Request, RequestParser

UPGRADE = (
    b"GET /chat?room=a HTTP/1.1\r\nHost: localhost:8080\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: \xe9=1\r\n\r\n"
)
TIGHT = RequestLimits(request_line=60, header_line=40, head=150, headers=4, body=20)
"""Limits that short heads reach."""

Outcome = tuple[Request | None, tuple[int, str, str] | None, bytes]


def outcome(pieces: list[bytes], limits: RequestLimits) -> Outcome:
    """Return the first request, what was said against it (and of which path), and what is left behind it."""
    parser = RequestParser(limits)
    found = None
    try:
        for piece in pieces:
            parser.feed(piece)
            found = found or parser.next_request()
    except RequestError as error:
        return None, (error.status, error.detail, parser.path), parser.take_rest()
    return found, None, parser.take_rest()


def assert_same(head: bytes, limits: RequestLimits = DEFAULT_LIMITS) -> None:
    short, long = outcome([head], limits), outcome([head[:1], head[1:]], limits)
    assert short == long
    if short[0] is not None and long[0] is not None:
        assert list(short[0].headers) == list(long[0].headers)


def take(head: bytes, limits: RequestLimits = DEFAULT_LIMITS) -> PlainGet | None:
    intake = Intake()
    intake.append(head)
    return take_plain_get(intake, limits)


def test_upgrade_goes_the_short_way():
    found = take(UPGRADE + b"\x81\x80")
    assert found is not None
    assert found[:3] == ("/chat?room=a", "/chat", "room=a")
    assert found.headers.get("cookie") == "\xe9=1"
    assert found.keep_alive


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_both_ways_come_to_the_same(case):
    assert_same(case.raw)
    assert_same(case.raw, TIGHT)


@pytest.mark.parametrize(
    "unusual",
    [
        b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        b"GET /%41 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 8192 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 100 + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        UPGRADE[:-1],
    ],
)
def test_what_is_unusual_is_left_to_the_long_way_untouched(unusual):
    intake = Intake()
    intake.append(unusual)
    assert take_plain_get(intake, DEFAULT_LIMITS) is None
    assert intake.take(len(unusual)) == unusual
    assert_same(unusual)


PIECES = st.sampled_from(
    [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\0", b"\x7f", b"\x80", b"\x85", b"%", b"%41", b"?", b"#", b"\\", b"//",
     b"GET", b"POST", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"http://a", b"Host: a\r\n", b"Host: b:99999\r\n",
     b"Connection: close\r\n", b"Connection:close,x\r\n", b"Content-Length: 0\r\n", b"content-length:2\r\n",
     b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"expect: x\r\n", b" folded\r\n", b"X : a\r\n",
     b": a\r\n", b"X\r\n", b"x" * 60, b"\r\n\r\n", b"Host: [::1\r\n"]
)  # fmt: skip


@st.composite
def bent_heads(draw: st.DrawFn) -> bytes:
    """Draw the head of an upgrade with some pieces put in, put in place of others, or taken out."""
    head = UPGRADE
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(head)))
        stop = min(len(head), start + draw(st.sampled_from([0, 0, 1, 2, 5, 20, 60])))
        head = head[:start] + draw(st.just(b"") | PIECES | st.binary(max_size=3)) + head[stop:]
    return head + draw(st.sampled_from([b"", b"\r\n", b"\x81\x80abcd", UPGRADE]))


@settings(max_examples=1500, deadline=None)
@given(head=bent_heads(), limits=st.sampled_from([DEFAULT_LIMITS, TIGHT]))
@example(head=UPGRADE, limits=DEFAULT_LIMITS)
@example(head=UPGRADE.replace(b"Cookie", b"Connection: close\r\nX"), limits=DEFAULT_LIMITS)
def test_both_ways_come_to_the_same_for_bent_heads(head, limits):
    assert_same(head, limits)


LINES = st.sampled_from(
    [b"Host: a", b"host:A.example:80", b"HOST: [::1]:8080", b"X: a", b"x:b", b"X:", b"X: \t a\tb \t", b"Y: \xa0\xff",
     b"Connection: Upgrade", b"Connection: close", b"connection: Keep-Alive", b"Connection: x, CLOSE", b"Expect:",
     b"Content-Length: 0", b"Transfer-Encoding: x", b"Upgrade: websocket", b"X Y: a", b"X: a\0", b"X: a\rb", b"", b"X"]
)  # fmt: skip
TARGETS = st.sampled_from([b"/", b"/a/b?c=d?e&f", b"/?", b"*", b"/a#b", b"/a%20b", b"/\\", b"//x", b"http://a/", b"/~"])


@settings(max_examples=1000, deadline=None)
@given(target=TARGETS, lines=st.lists(LINES, max_size=7), behind=st.binary(max_size=5))
def test_both_ways_come_to_the_same_for_heads_of_any_lines(target, lines, behind):
    assert_same(b"\r\n".join([b"GET %b HTTP/1.1" % target, *lines, b"", b""]) + behind)


def test_limits_are_the_same_to_the_byte():
    for size in range(60, 180):
        head = b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\nY: \r\n\r\n"
        filled = head.replace(b"Y: ", b"Y: ".ljust(min(size - len(head), 39), b"a"))
        filled = filled.replace(b"X: ", b"X: ".ljust(max(3, size - len(filled) + 3), b"a"))
        assert_same(filled, TIGHT)
        assert_same(filled, RequestLimits(head=100))


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 65536,
        b"GET / HTTP/1.1\r\n" + b"a" * 65536,
        b"GET / HTTP/1.1\r\n" + b"a:" * 32768,
        b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 16384,
        b"GET / HTTP/1.1\r\n" + b"a:" + b" \t" * 32768 + b"\r\n",
    ],
)
def test_time_is_linear_in_what_came(head):
    began = time.process_time()
    for _ in range(20):
        assert take(head) is None
    assert time.process_time() - began < 2  # a pattern that goes back would take minutes; measured: 0.02 s
