"""We accept nothing that h11 refuses, and read what we accept exactly as it does.

Two strict parsers that agree leave no room to smuggle a request from one past the other. We are the stricter one: h11
is asked for as many requests as we gave out. The one thing that we accept and it does not is the single empty line
before a request, which RFC 9112 section 2.2 asks servers to ignore; it is taken away before h11 sees it.
"""

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.http.raw_requests import CASES
from tests.http.reading import read

Reading = tuple[bytes, bytes, bytes, dict[bytes, list[bytes]], bytes]
"""Method, target, version, header values by name, body."""


def read_with_h11(data: bytes, most: int) -> list[Reading]:
    """Return what h11 makes of the first `most` requests in `data`, up to the first that it refuses."""
    readings = []
    for _ in range(most):
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
        connection.receive_data(data.removeprefix(b"\r\n"))
        try:
            reading = next_reading(connection)
        except h11.RemoteProtocolError:
            break
        if reading is None:
            break
        readings.append(reading)
        data = connection.trailing_data[0]
    return readings


def next_reading(connection: h11.Connection) -> Reading | None:
    """Return the request that h11 has, or None when it is not complete."""
    request, body = connection.next_event(), b""
    if not isinstance(request, h11.Request):
        return None
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if not isinstance(event, h11.Data):
            return None
        body += bytes(event.data)
    values: dict[bytes, list[bytes]] = {}
    for name, value in request.headers:
        values.setdefault(name, []).append(value)
    if values.get(b"transfer-encoding"):
        values[b"transfer-encoding"] = [b"chunked"]  # h11 writes it in lower case
    return request.method, request.target, request.http_version, values, body


def read_ourselves(data: bytes) -> list[Reading]:
    """Return what we make of `data`, written down as h11 does."""
    readings = []
    for request in read([data])[0]:
        values: dict[bytes, list[bytes]] = {}
        for name, value in request.headers:
            values.setdefault(name.encode(), []).append(value.encode("latin-1"))
        if b"transfer-encoding" in values:
            values[b"transfer-encoding"] = [b"chunked"]
        version = b"1.%d" % request.minor_version
        readings.append((request.method.encode(), request.target.encode(), version, values, request.body))
    return readings


def assert_agreement(data: bytes) -> None:
    ours = read_ourselves(data)
    assert read_with_h11(data, len(ours)) == ours


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_what_we_accept_h11_accepts_too(case):
    assert_agreement(case.raw)


def test_comparison_compares_something():
    assert sum(len(read_ourselves(case.raw)) for case in CASES) > 60
    assert sum(len(read_with_h11(case.raw, 1)) for case in CASES) > len([case for case in CASES if case.accepted])


SNIPPETS = [
    b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\r\n", b"\r\n ", b"\0", b"\x0b", b"\x7f", b"\x85", b"\xa0", b"\xff",
    b":", b";", b",", b"%", b"%0d", b"#", b"\\", b"/", b"?", b"@", b"*", b"+", b"-", b"_", b"0", b"5", b"0x",
    b"chunked", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"X: y\r\n", b"0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.0", b"Connection: close\r\n", b"http://a.example", b"Expect: x\r\n",
]  # fmt: skip
SEEDS = [case.raw for case in CASES if len(case.raw) < 600]


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Draw one of the cases, bent in a few places."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = start + draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20]))
        inserted = draw(
            st.sampled_from(SNIPPETS) | st.binary(max_size=2) | st.just(b"") | st.just(data[start:stop] * 2)
        )
        data = data[:start] + inserted + data[stop:]
    return data


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(mutants(), st.integers(0, 700))
@example(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 9)
def test_what_we_accept_of_bent_requests_h11_accepts_too(data, cut):
    assert_agreement(data)
    assert read([data[:cut], data[cut:]])[:2] == read([data])[:2]
    assert read(data[i : i + 1] for i in range(len(data)))[:2] == read([data])[:2]
