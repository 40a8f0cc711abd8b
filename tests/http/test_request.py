import time

import pytest

from tests.http.raw_requests import CASES, chunked, get, post
from tests.http.reading import parse, read, read_every_way
from wsserver.http.errors import RequestError
from wsserver.http.headers import Headers
from wsserver.http.limits import RequestLimits
from wsserver.http.request import Request, RequestParser


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_outcome_does_not_depend_on_the_portions(case):
    requests, status = read_every_way(case.raw)
    assert (len(requests), status) == (case.accepted, case.status)


def test_request_comes_out_as_it_was_meant():
    raw = b"POST /a%20b?c=%20d HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\nx-a:2\r\nContent-Length: 2\r\n\r\nhi"
    headers = Headers([("host", "a.example"), ("x-a", "1"), ("x-a", "2"), ("content-length", "2")])
    assert parse(raw) == Request("POST", "/a%20b?c=%20d", "/a b", "c=%20d", 1, headers, b"hi", True)


def test_bytes_behind_a_request_are_left_for_whoever_comes_next():
    upgrade = get(b"Upgrade: websocket", b"Connection: Upgrade")
    behind = b"\x81\x85\x00\x00\x00\x00hello"
    for cut in range(len(upgrade), len(upgrade + behind) + 1):
        parser = RequestParser()
        parser.feed((upgrade + behind)[:cut])
        assert parser.next_request() is not None
        parser.feed((upgrade + behind)[cut:])
        assert parser.take_rest() == behind
        parser.feed(get())
        assert parser.next_request() is None


def test_chunks_come_out_as_one_body():
    requests, _ = read_every_way(chunked(b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX: y\r\n\r\n"))
    assert requests[0].body == b"hello world"
    assert "x" not in requests[0].headers


def test_pipelined_requests_come_out_one_at_a_time_and_in_order():
    parser = RequestParser()
    parser.feed(b"".join(get(line=b"GET /%d HTTP/1.1" % i) for i in range(17)))
    assert [parser.next_request().path for _ in range(17)] == [f"/{i}" for i in range(17)]
    assert parser.next_request() is None


def test_broken_request_behind_a_good_one_is_met_only_when_it_is_its_turn():
    parser = RequestParser()
    parser.feed(get() + b"GET /\r\n\r\n" + get())
    assert parser.next_request() is not None
    with pytest.raises(RequestError, match="400"):
        parser.next_request()


def test_parser_is_dead_after_an_error_and_holds_nothing():
    parser = RequestParser()
    parser.feed(b"GET /\r\n\r\n" + get() * 10)
    with pytest.raises(RequestError):
        parser.next_request()
    parser.feed(get())
    assert parser.next_request() is None
    assert (parser.started, parser.buffered, parser.take_rest(), parser.take_interim()) == (False, 0, b"", b"")


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: keep-alive\r\n", True),
        (b"1.1", b"Connection: CLOSE\r\n", False),
        (b"1.1", b"Connection: a\r\nConnection: b, close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_connection_is_kept_when_the_client_wants_it(version, connection, keeps):
    assert parse(b"GET / HTTP/%b\r\nHost: a\r\n%b\r\n" % (version, connection)).keep_alive is keeps


def test_started_tells_half_a_request_from_silence():
    parser = RequestParser()
    raw = b"\r\n" + post(b"hello", b"Content-Length: 5")
    seen = []
    for index in range(len(raw)):
        parser.feed(raw[index : index + 1])
        finished = parser.next_request() is not None
        seen.append(parser.started)
    # Nothing but the empty line that is allowed before a request is nothing; and nothing is left when all of it came.
    assert finished
    assert seen == [True, False] + [True] * (len(raw) - 3) + [False]


def test_started_is_false_behind_a_last_request():
    parser = RequestParser()
    parser.feed(get(b"Connection: close") + b"more")
    assert parser.next_request() is not None
    assert not parser.started


def test_client_that_waits_is_invited_once_and_only_while_its_body_is_missing():
    parser = RequestParser()
    head = get(b"Expect: 100-continue", b"Content-Length: 2", line=b"POST / HTTP/1.1")
    parser.feed(head[:-1])
    assert (parser.next_request(), parser.take_interim()) == (None, b"")
    parser.feed(head[-1:])
    assert (parser.next_request(), parser.take_interim()) == (None, b"HTTP/1.1 100 Continue\r\n\r\n")
    assert parser.take_interim() == b""
    parser.feed(b"hi")
    assert parser.next_request().body == b"hi"
    assert parser.take_interim() == b""


@pytest.mark.parametrize(
    "raw",
    [
        get(b"Expect: 100-continue", b"Content-Length: 2", line=b"POST / HTTP/1.1") + b"h",  # the body has begun
        get(b"Expect: 100-continue", b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1") + b"1\r\na",
        get(b"Expect: 100-continue", b"Content-Length: 2", line=b"POST / HTTP/1.0"),  # knows no interim answer
        get(b"Expect: 100-continue"),  # has no body
        get(b"Content-Length: 2", line=b"POST / HTTP/1.1"),  # did not ask
    ],
)
def test_nobody_else_is_invited(raw):
    parser = RequestParser()
    parser.feed(raw)
    parser.next_request()
    assert parser.take_interim() == b""


def test_client_whose_body_is_too_large_is_refused_and_not_invited():
    parser = RequestParser()
    parser.feed(get(b"Expect: 100-continue", b"Content-Length: 65537", line=b"POST / HTTP/1.1"))
    with pytest.raises(RequestError, match="413"):
        parser.next_request()
    assert parser.take_interim() == b""


def test_interim_is_offered_in_any_case():
    parser = RequestParser()
    parser.feed(get(b"expect: 100-Continue", b"Content-Length: 2", line=b"POST / HTTP/1.1"))
    assert parser.next_request() is None
    assert parser.take_interim()


def test_buffered_counts_all_that_is_held():
    parser = RequestParser()
    head = post(b"", b"Transfer-Encoding: chunked")
    parser.feed(head + b"5\r\nhello\r\n5\r\nwor")
    assert parser.next_request() is None
    assert parser.buffered == len(head) + len(b"hellowor")


def test_limits_are_judged_before_the_line_is_complete():
    limits = RequestLimits(request_line=20, header_line=20, head=60, headers=3, body=4)
    assert read([b"GET /" + b"a" * 17], limits)[1] == 414
    assert read([b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 19], limits)[1] == 431
    assert read([b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: aaaaaaaaaaa\r\n" * 2 + b"X: aa"], limits)[1] == 431
    assert read([b"GET / HTTP/1.1\r\n" + b"H:a\r\n" * 3 + b"H:a\r\n"], limits)[1] == 431


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\nHost: a\r\nX: " + b"b" * 8000 + b"\r\n\r\n",
        chunked(b"1\r\na\r\n" * 60000 + b"0\r\n\r\n"),
        post(b"a" * 65536, b"Content-Length: 65536"),
        get() * 2000,
    ],
    ids=["long lines", "chunks of one byte", "a large body", "many requests"],
)
def test_time_grows_with_the_bytes_and_not_with_their_square(raw):
    def cost_s(data):
        started = time.process_time()
        _requests, status, _rest = read(data[i : i + 1] for i in range(len(data)))
        assert status is None
        return time.process_time() - started

    part = raw[: len(raw) // 8]
    # Eight times is linear, 64 times a square; the rest is for what else the machine does.
    assert cost_s(raw) < 32 * min(cost_s(part), cost_s(part)) + 0.05


def test_nothing_is_kept_of_a_request_that_was_handed_out():
    parser = RequestParser()
    for _ in range(3):
        parser.feed(post(b"hello", b"Content-Length: 5"))
        assert parser.next_request() is not None
        assert parser.buffered == 0


def test_the_path_is_known_from_the_end_of_the_head_until_the_next_one_is_looked_for():
    parser = RequestParser()
    paths = []
    for piece in (b"POST /a%20b?c HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n", b"\r\n", b"o", b"kGET", b" /"):
        parser.feed(piece)
        while parser.next_request() is not None:
            paths.append(parser.path)
        paths.append(parser.path)
    assert paths == ["", "/a b", "/a b", "/a b", "", ""]


def test_the_path_is_known_when_the_head_is_all_that_is_wrong():
    parser = RequestParser()
    parser.feed(b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n")
    with pytest.raises(RequestError):
        parser.next_request()
    assert parser.path == "/large"
