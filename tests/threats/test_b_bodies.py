"""Bodies whose end two parsers could see in different places, that never end, or that are too much.

Most are sent to `/`, which reads a body and then says 405: where the body ends shows in what is read behind it.
"""

import time

import pytest

from tests.clients.rig import get, parse_answers
from tests.http.raw_requests import chunked
from tests.http.reading import read
from tests.threats.attacking import ask_to_upgrade, cpu_seconds
from tests.threats.raw_heads import GOOD, LAST, assert_accepted, assert_refused, head
from wsserver.http.response import Response
from wsserver.net.farewell import LINGER_BYTES, LINGER_S

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(body, *fields, line=b"POST / HTTP/1.1"):
    """Return a request with these header lines and that body."""
    return head(*fields, line=line) + body


def chunks(body, line=b"POST / HTTP/1.1"):
    """Return a request with that body, chunks and all."""
    return post(body, b"Transfer-Encoding: chunked", line=line)


@pytest.fixture
def bodies(make_house):
    """A house whose page `/body` answers with the body it got."""
    return make_house(pages={"/body": lambda request: Response(200, body=request.body)})


# -- lengths and codings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 0"),
        (b"Content-Length: 42", b"transfer-encoding:chunked"),
        (b"Content-Length: 0", b"Transfer-Encoding: identity"),
        (b"Content-Length:", b"Transfer-Encoding: chunked"),
    ],
)
def test_b23_a_length_and_a_coding_are_400_and_nothing_is_smuggled(attacker, fields):
    assert_refused(attacker, post(b"0\r\n\r\n" + SMUGGLED, *fields), 400)


def test_b23_a_length_and_a_coding_on_an_upgrade_are_400(attacker):
    one = attacker()
    one.send(ask_to_upgrade(Content_Length="5", Transfer_Encoding="chunked") + b"0\r\n\r\n")
    assert one.answers() == [400]


LENGTHS = [b"5, 5", b"5,6", b"", b"+5", b"-1", b"1_0", b"5 6", b"0x5", b"5.0", b"5;", b"1e1", b"9" * 19, b"0" * 19]


@pytest.mark.parametrize("length", [*LENGTHS, "٥".encode(), "５".encode(), b"\xb2", b"\x0b5"])
def test_b24_a_length_that_is_not_plain_digits_is_400(attacker, length):
    assert_refused(attacker, post(b"hello" + SMUGGLED, b"Content-Length: " + length), 400)


@pytest.mark.parametrize("second", [b"5", b"6", b"", b"05"])
def test_b24_two_lengths_are_400_also_when_they_are_equal(attacker, second):
    fields = (b"Content-Length: 5", b"content-length: " + second)
    assert_refused(attacker, post(b"hello" + SMUGGLED, *fields), 400)


def test_b24_a_length_that_is_right_is_where_the_next_request_begins(attacker):
    assert_accepted(attacker, post(SMUGGLED, b"Content-Length: %d" % len(SMUGGLED)), 405)
    assert_accepted(attacker, post(SMUGGLED, b"Content-Length: %d" % len(SMUGGLED), line=b"GET /livez HTTP/1.1"))


@pytest.mark.parametrize(
    ("codings", "status"),
    [
        ([b"gzip, chunked"], 501),
        ([b"deflate, chunked"], 501),
        *(
            ([coding], 400)
            for coding in (
                b"chunked, identity", b"identity", b"gzip", b"xchunked", b"chunkedx", b",chunked", b"chunked,", b"",
                b"chunked, chunked", b"chunked;q=1", b'"chunked"', b"\x0bchunked", b"\xa0chunked", b"chun ked",
            )
        ),
        ([b"chunked", b"chunked"], 400),
        ([b"chunked", b"identity"], 400),
        ([b"gzip", b"chunked"], 400),
    ],
)  # fmt: skip
def test_b25_a_coding_that_is_not_exactly_one_chunked_is_refused(attacker, codings, status):
    fields = [b"Transfer-Encoding: " + coding for coding in codings]
    assert_refused(attacker, post(b"0\r\n\r\n" + SMUGGLED, *fields), status)


def test_b25_a_coding_in_http_1_0_is_400(attacker):
    raw = chunks(b"0\r\n\r\n" + SMUGGLED, line=b"POST / HTTP/1.0")
    assert_refused(attacker, raw, 400)


def test_b25_chunked_in_any_case_is_chunked(attacker):
    for name in (b"chunked", b"Chunked", b"CHUNKED", b"\tchunked "):
        assert_accepted(attacker, post(b"5\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: " + name), 405)


# -- chunks ----------------------------------------------------------------------------------------------------------

SIZES = [b"0x5", b"+5", b"-5", b" 5", b"5 ", b"5\t", b"5_0", b"", b"g", b"5 ;a", b"5,5", b"5\0", b"0" * 16 + b"5"]


@pytest.mark.parametrize("size", [*SIZES, "٥".encode(), b"\xb2"])
def test_b26_a_chunk_size_that_is_not_plain_hexadecimal_digits_is_400(attacker, size):
    assert_refused(attacker, chunks(size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED), 400)


def test_b26_a_chunk_size_near_the_end_of_64_bits_is_413(attacker):
    for size in (b"f" * 16, b"8" + b"0" * 15, b"7" + b"f" * 15, b"100000000"):
        assert_refused(attacker, chunks(size + b"\r\n"), 413)


@pytest.mark.parametrize(
    "extension",
    [
        b";" + b"a" * 256,
        b";a=" + b"b" * 9000,
        b";a\0",
        b";a\rb",
        b";a\nb",
        b';a="b',
        b";",
        b"; a",
        b";a=",
        b';a="\r\n"',
    ],
)
def test_b27_extensions_that_are_too_long_or_none_are_400(attacker, extension):
    assert_refused(attacker, chunks(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED), 400)


def test_b27_short_extensions_of_many_chunks_add_up_to_400(attacker):
    assert_refused(attacker, chunks(b"1;abc\r\na\r\n" * 70 + b"0\r\n\r\n"), 400)


def test_b27_a_few_extensions_are_dropped(attacker):
    assert_accepted(attacker, chunks(b'5;a;b=c;d="e;f"\r\nhello\r\n0;x\r\n\r\n'), 405)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\n\r", b"XX", b"!\r\n", b"\r\r\n", b" \r\n"])
def test_b28_chunk_data_that_is_not_followed_by_exactly_crlf_is_400(attacker, end):
    assert_refused(attacker, chunks(b"5\r\nhello" + end + b"0\r\n\r\n" + SMUGGLED), 400)


@pytest.mark.parametrize("cut", [b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r\n", b"0\r\n", b"0\r\nX: a\r\n", b"0\r\n\r"])
def test_b29_a_body_that_is_cut_off_is_answered_408_and_never_taken_for_whole(bodies, cut):
    peer = bodies.connect()
    peer.send(b"POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + cut)
    assert peer.received() == b""
    bodies.jump(9.8)
    assert peer.received() == b""
    bodies.jump(0.4)
    assert [status for status, _, _ in parse_answers(peer.received())] == [408]


def test_b29_a_body_that_is_cut_off_by_the_end_of_the_stream_gets_no_answer(attacker):
    for raw in (chunks(b"5\r\nhello\r\n0\r\n"), post(b"hell", b"Content-Length: 5")):
        one = attacker()
        one.send(raw)
        one.finish()
        assert one.answers() == []


def test_b29_a_body_of_a_length_that_trickles_in_is_answered_408(bodies):
    peer = bodies.connect()
    peer.send(b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n")
    for _ in range(9):
        bodies.jump(1)
        peer.send(b"a")
    bodies.jump(1.1)
    assert [status for status, _, _ in parse_answers(peer.received())] == [408]


NAMES = [b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection", b"Upgrade", b"Authorization", b"Expect"]


@pytest.mark.parametrize("name", NAMES)
def test_b30_a_trailer_that_only_a_header_may_be_is_400(attacker, name):
    assert_refused(attacker, chunks(b"0\r\n" + name + b": 5\r\n\r\n" + SMUGGLED), 400)


@pytest.mark.parametrize("line", [b"X : a", b" X: a", b": a", b"X: \0", b"X: a\r", b"X"])
def test_b30_a_trailer_that_is_broken_is_400(attacker, line):
    assert_refused(attacker, chunks(b"0\r\n" + line + b"\r\n\r\n" + SMUGGLED), 400)


@pytest.mark.parametrize(
    "trailers",
    [b"X: a\r\n" * 101, b"X: " + b"a" * 9000 + b"\r\n", (b"X: " + b"a" * 8000 + b"\r\n") * 3],
    ids=["many", "a long one", "long ones"],
)
def test_b30_trailers_above_the_limits_of_headers_are_431(attacker, trailers):
    assert_refused(attacker, chunks(b"0\r\n" + trailers + b"\r\n"), 431, bytewise=False)


def test_b30_trailers_within_them_are_dropped(attacker):
    assert_accepted(attacker, chunks(b"5\r\nhello\r\n0\r\nX-Sum: a\r\nX-Other:\r\n\r\n"), 405)


def test_b31_a_body_in_chunks_of_one_byte_arrives(attacker, server):
    before = cpu_seconds(server)
    one = attacker()
    one.send(chunks(b"1\r\na\r\n" * 65_536 + b"0\r\n\r\n") + LAST)
    assert one.answers() == [405, 200]
    assert cpu_seconds(server) - before < 5


def test_b31_a_mebibyte_in_chunks_of_one_byte_is_413_at_the_limit(server, attacker):
    before = server.resident_bytes()
    one = attacker()
    one.send(chunks(b"1\r\na\r\n" * (1 << 20)))
    assert one.answers() == [413]
    assert server.resident_bytes() - before < 4 << 20


def test_b31_time_for_chunks_of_one_byte_grows_with_their_number_alone():
    def seconds(count):
        raw = chunked(b"1\r\na\r\n" * count + b"0\r\n\r\n")
        pieces = [raw[i : i + 7] for i in range(0, len(raw), 7)]
        before = time.process_time()
        [request], _, _ = read(pieces)
        assert request.body == b"a" * count
        return time.process_time() - before

    assert min(seconds(40_000) for _ in range(3)) < 10 * min(seconds(10_000) for _ in range(3))


# -- bodies that are not read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [65_537, 10**6, 10**17, 999_999_999_999_999_999])
def test_b32_a_body_that_is_too_large_is_413_before_a_byte_of_it(attacker, length):
    one = attacker()
    one.send(post(b"", b"Content-Length: %d" % length))
    assert one.answers() == [413]


def test_b32_a_body_that_is_just_small_enough_is_read(attacker):
    one = attacker()
    one.send(post(b"a" * 65_536, b"Content-Length: 65536") + LAST)
    assert one.answers() == [405, 200]


def test_b32_chunks_that_add_up_to_too_much_are_413_at_the_size_that_does(attacker):
    one = attacker()
    one.send(chunks(b"ffff\r\n" + b"a" * 0xFFFF + b"\r\n2\r\n"))
    assert one.answers() == [413]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (post(SMUGGLED * 20, b"Content-Length: 65537"), 413),
        (post(SMUGGLED * 20, b"Content-Length: 5", b"Expect: gold"), 417),
        (ask_to_upgrade(Content_Length=len(SMUGGLED)) + SMUGGLED, 400),
        (ask_to_upgrade(Transfer_Encoding="chunked") + b"0\r\n\r\n" + SMUGGLED, 400),
        (ask_to_upgrade(Sec_WebSocket_Version="8", Content_Length=5) + b"hello" + SMUGGLED, 400),
        (ask_to_upgrade(Sec_WebSocket_Version="8") + SMUGGLED, 426),
    ],
)
def test_b33_a_body_that_was_not_read_is_never_taken_for_a_request(attacker, raw, status):
    one = attacker()
    one.send(raw)
    [(got, headers, _)] = parse_answers(one.rest())
    assert (got, headers["connection"]) == (status, "close")


def test_b33_a_body_with_an_answer_that_needs_none_is_read_and_is_no_request(attacker):
    for line in (b"GET /livez HTTP/1.1", b"GET / HTTP/1.1", b"DELETE /livez HTTP/1.1", b"GET /nowhere HTTP/1.1"):
        one = attacker()
        one.send(post(SMUGGLED, b"Content-Length: %d" % len(SMUGGLED), line=line))
        one.finish()
        assert len(one.answers()) == 1


def test_b34_a_body_that_will_be_read_is_invited_once(bodies):
    peer = bodies.connect()
    peer.send(b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
    assert peer.received() == b"HTTP/1.1 100 Continue\r\n\r\n"
    peer.send(b"hel")
    assert peer.received() == b""
    peer.send(b"lo" + get())
    assert [(status, body) for status, _, body in parse_answers(peer.received())] == [(200, b"hello"), (200, b"page")]


def test_b34_a_body_that_is_here_already_or_is_none_is_not_invited(bodies):
    for fields, body in ((b"Content-Length: 5", b"hello"), (b"Content-Length: 5", b"h"), (b"Content-Length: 0", b"")):
        peer = bodies.connect()
        peer.send(b"POST /body HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" + fields + b"\r\n\r\n" + body)
        assert b" 100 " not in peer.received()
        peer.hang_up()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((b"Content-Length: 65537", b"Expect: 100-continue"), 413),
        ((b"Content-Length: 5", b"Expect: 200-ok"), 417),
        ((b"Content-Length: 5", b"Expect: 100-continue, gold"), 417),
        ((b"Content-Length: 5", b"Expect: 100-continue", b"Expect: y 100-continue"), 417),
        ((b"Content-Length: 5", b"Expect:"), 417),
        ((b"Content-Length: 5", b"Content-Length: 6", b"Expect: 100-continue"), 400),
        ((b"Transfer-Encoding: chunked", b"Content-Length: 5", b"Expect: 100-continue"), 400),
    ],
)
def test_b34_a_body_that_will_not_be_read_is_not_invited(attacker, fields, status):
    assert_refused(attacker, post(b"", *fields), status)


def test_b34_an_expectation_moves_no_border_between_requests(attacker):
    """Expect with a length of 0, and a GET with a body: where servers of 2025 lost count."""
    for line in (b"GET /livez HTTP/1.1", b"HEAD /livez HTTP/1.1", b"POST /livez HTTP/1.1"):
        one = attacker()
        one.send(post(b"", b"Content-Length: 0", b"Expect: 100-continue", line=line) + GOOD)
        one.send(post(SMUGGLED, b"Content-Length: %d" % len(SMUGGLED), b"Expect: 100-continue", line=line) + LAST)
        answer = one.rest()
        assert b" 100 " not in answer
        assert b" 404 " not in answer
        assert answer.count(b"HTTP/1.1 ") == (4 if not line.startswith(b"POST") else 1)


@pytest.mark.parametrize("behind", [0, 1000, LINGER_BYTES + 1, 1 << 20])
def test_b35_the_answer_arrives_though_the_body_was_not_read(attacker, behind):
    one = attacker()
    one.send(post(b"", b"Content-Length: 65537") + b"a" * behind)
    answer = one.rest()
    assert [status for status, _, _ in parse_answers(answer)] == [413]


def test_b35_who_goes_on_sending_is_listened_to_for_so_many_bytes(house):
    peer = house.connect()
    peer.send(b"nonsense\r\n\r\n")
    assert [status for status, _, _ in parse_answers(peer.received())] == [400]
    assert peer.ended
    peer.send(b"a" * (LINGER_BYTES // 2))
    assert not peer.buried
    peer.send(b"a" * (LINGER_BYTES // 2 + 1), turns=6)
    assert peer.buried


def test_b35_who_says_nothing_more_and_does_not_leave_is_left_after_two_seconds(house):
    peer = house.connect()
    peer.send(b"nonsense\r\n\r\n")
    house.jump(LINGER_S - 0.1)
    assert not peer.buried
    house.jump(0.2)
    assert peer.buried
