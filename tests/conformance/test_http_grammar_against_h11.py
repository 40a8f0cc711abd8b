"""Requests that are right by the grammar are read by us as by h11; bent ones are accepted by us only if h11 does too.

They are put together from the grammar of RFC 9112, bodies, chunks, extensions and trailers included, and bent where
parsers are known to differ. Both parsers get them whole and byte by byte.
"""

import re
from collections.abc import Callable

import h11
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conformance.h11_reading import assert_agreement, read_ourselves, read_with_h11
from tests.http.reading import read

TOKEN = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=8).map(str.encode)
VALUE = st.binary(max_size=12).map(lambda raw: bytes(byte for byte in raw if byte > 0x20 and byte != 0x7F))
PADDING = st.sampled_from([b"", b" ", b"\t", b" \t "])
NAMES = st.builds(b"X-%b".__mod__, TOKEN) | st.sampled_from([b"Cookie", b"Accept", b"Origin", b"TE", b"Upgrade"])
FIELDS = st.lists(st.builds(b"%b:%b%b%b".__mod__, st.tuples(NAMES, PADDING, VALUE, PADDING)), max_size=4)
METHODS = st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"])
PATHS = st.text("/az09-._~!$&'()*+,;=:@", max_size=12).map(lambda text: b"/" + text.encode())
QUERIES = st.just(b"") | st.text("az?/=&%", max_size=8).map(lambda text: b"?" + text.encode())
ORIGINS = st.sampled_from([b"", b"", b"", b"http://a.example"])
QUOTED = st.text("az ;,=\t!", max_size=4).map(lambda text: b'"' + text.encode() + b'"')
EXTENSION = st.builds(b";%b".__mod__, TOKEN) | st.builds(b";%b=%b".__mod__, st.tuples(TOKEN, TOKEN | QUOTED))
TRAILERS = st.lists(st.builds(b"X-%b: %b\r\n".__mod__, st.tuples(TOKEN, VALUE)), max_size=2).map(b"".join)
BODIES = st.binary(max_size=40) | st.sampled_from(
    [b"0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: b\r\n\r\n", b"\r\n", b"5\r\n"]
)


@st.composite
def chunks(draw: st.DrawFn, body: bytes) -> bytes:
    """Draw one way to write a body in chunks."""
    raw = b""
    while body:
        size = draw(st.integers(1, len(body)))
        digits = draw(st.sampled_from([b"%x", b"%X", b"0%x", b"000%X"])) % size
        raw += digits + draw(st.just(b"") | EXTENSION) + b"\r\n" + body[:size] + b"\r\n"
        body = body[size:]
    return (
        raw + draw(st.sampled_from([b"0", b"00"])) + draw(st.just(b"") | EXTENSION) + b"\r\n" + draw(TRAILERS) + b"\r\n"
    )


@st.composite
def requests(draw: st.DrawFn, last: bool = False) -> tuple[bytes, bytes]:
    """Draw a request that is right; return (its bytes, its body)."""
    body = draw(st.just(b"") | BODIES)
    fields = [b"Host: a.example", *draw(FIELDS)]
    raw_body = body
    if draw(st.booleans()):
        name = draw(st.sampled_from([b"chunked", b"Chunked", b"CHUNKED"]))
        fields.append(b"Transfer-Encoding:" + draw(PADDING) + name)
        raw_body = draw(chunks(body))
    elif body:
        fields.append(b"Content-Length:" + draw(PADDING) + draw(st.sampled_from([b"%d", b"0%d"])) % len(body))
    if last:
        fields.append(draw(st.sampled_from([b"Connection: close", b"connection: x, Close"])))
    fields = draw(st.permutations(fields))
    line = b"%b %b%b%b HTTP/1.1" % (draw(METHODS), draw(ORIGINS), draw(PATHS), draw(QUERIES))
    return b"".join(each + b"\r\n" for each in (line, *fields)) + b"\r\n" + raw_body, body


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """Draw a few requests, one behind the other; return (bytes, bodies)."""
    drawn = [*draw(st.lists(requests(), max_size=2)), draw(requests(last=draw(st.booleans())))]
    return b"".join(raw for raw, _ in drawn), [body for _, body in drawn]


def read_bytewise_with_h11(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Feed h11 one byte after the other up to the end of a request; return (target, body, bytes behind it), or None."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
    target, body = b"", b""
    data = data.removeprefix(b"\r\n")
    for count in range(1, len(data) + 1):
        connection.receive_data(data[count - 1 : count])
        try:
            while (event := connection.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Request):
                    target = event.target
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                else:
                    return target, body, data[count:]
        except h11.RemoteProtocolError:
            return None
    return None


def assert_agreement_bytewise(data: bytes) -> None:
    """Whatever we accept h11 accepts, with the same target, body and end, when both get it byte by byte."""
    for request in read(data[i : i + 1] for i in range(len(data)))[0]:
        theirs = read_bytewise_with_h11(data)
        assert theirs is not None, data
        assert theirs[:2] == (request.target.encode(), request.body)
        data = theirs[2]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(conversations())
def test_what_is_right_is_accepted_and_read_as_h11_reads_it(drawn):
    data, bodies = drawn
    assert [reading[-1] for reading in read_ourselves(data)] == bodies
    assert [reading[-1] for reading in read_with_h11(data, len(bodies))] == bodies
    assert_agreement(data)
    assert_agreement_bytewise(data)


# -- bent ------------------------------------------------------------------------------------------------------------

INSERTED = [
    b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\x0b", b"\x0c", b"\x1c", b"\x7f", b"\x85", b"\xa0", b";", b",", b"0",
    b"+", b"-", b"_", b"0x", b":", b"chunked", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n", b"0\r\n\r\n", b"X: a\r\n b\r\n",
]  # fmt: skip

Bend = Callable[[st.DrawFn, bytes], bytes]


def insert(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from(INSERTED)) + data[at:]


def insert_at_border(draw: st.DrawFn, data: bytes) -> bytes:
    """Beside a line end, a colon or a space: where one part ends for one parser and not for another."""
    borders = [at for at in range(len(data) + 1) if set(data[max(at - 1, 0) : at + 1]) & set(b"\r\n: ;,")]
    at = draw(st.sampled_from(borders or [0]))
    return data[:at] + draw(st.sampled_from(INSERTED)) + data[at:]


def remove(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + data[at + draw(st.integers(1, 8)) :]


def replace_byte(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    return data[:at] + draw(st.binary(min_size=1, max_size=1)) + data[at + 1 :]


def repeat_line(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = draw(st.integers(0, len(lines) - 1))
    return b"\r\n".join([*lines[:at], lines[at], *lines[at:]])


def swap_lines(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    one, other = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def bend_line_end(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = draw(st.integers(1, max(len(lines) - 1, 1)))
    end = draw(st.sampled_from([b"\n", b"\r", b"\r\r\n", b"\n\r", b" \r\n", b"\r\n\r\n", b""]))
    return b"\r\n".join(lines[:at]) + end + b"\r\n".join(lines[at:])


def bend_one(draw: st.DrawFn, data: bytes, what: bytes, ways: list[bytes]) -> bytes:
    """Write one of the places that fit a pattern in another way."""
    places = list(re.finditer(what, data))
    if not places:
        return data
    place = draw(st.sampled_from(places))
    return data[: place.start()] + draw(st.sampled_from(ways)).replace(b"@", place[0]) + data[place.end() :]


def bend_colon(draw: st.DrawFn, data: bytes) -> bytes:
    return bend_one(draw, data, rb":", [b" @", b"\t@", b"@ \x0b", b"@\x85", b"@\xa0", b"\0@", b"@@", b""])


NUMBERS = [b"+@", b"-@", b"0x@", b"@_0", b"@ ", b" @", b"@, @", b"@\t", b"", b"@\xb2", b"0@", b"@.0", b"@;"]


def bend_length(draw: st.DrawFn, data: bytes) -> bytes:
    return bend_one(draw, data, rb"(?<=Length:)[0-9]+|(?<=Length:[ \t])[0-9]+", NUMBERS)


def bend_size(draw: st.DrawFn, data: bytes) -> bytes:
    return bend_one(draw, data, rb"(?<=\n)[0-9a-fA-F]+(?=[\r;])", NUMBERS)


def bend_coding(draw: st.DrawFn, data: bytes) -> bytes:
    ways = [
        b"@, @",
        b",@",
        b"@,",
        b"x@",
        b"@x",
        b"gzip, @",
        b"@, identity",
        b"\x0b@",
        b"@;q=1",
        b'"@"',
        b"identity",
        b"",
    ]
    return bend_one(draw, data, rb"(?i:chunked)", ways)


def bend_version(draw: st.DrawFn, data: bytes) -> bytes:
    version = draw(st.sampled_from([b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"HTTP/1.10"]))
    return data.replace(b"HTTP/1.1", version, 1)


BENDS: list[Bend] = [
    insert, insert_at_border, insert_at_border, remove, replace_byte, repeat_line, swap_lines, bend_line_end,
    bend_version, bend_colon, bend_length, bend_size, bend_coding,
]  # fmt: skip


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """Draw a conversation that was right, bent in one to three places."""
    data, _ = draw(conversations())
    for _ in range(draw(st.integers(1, 3))):
        data = draw(st.sampled_from(BENDS))(draw, data)
    return data


@settings(max_examples=600, deadline=None, derandomize=True)
@given(bent(), st.integers(0, 600))
@example(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 70)
@example(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", 70)
@example(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 70)
def test_what_we_accept_of_what_was_bent_h11_accepts_too(data, cut):
    assert_agreement(data)
    ours = read([data])[:2]
    assert read([data[:cut], data[cut:]])[:2] == ours
    assert read(data[i : i + 1] for i in range(len(data)))[:2] == ours


@settings(max_examples=150, deadline=None, derandomize=True)
@given(bent())
def test_what_we_accept_of_what_was_bent_h11_accepts_byte_by_byte_too(data):
    assert_agreement_bytewise(data)
