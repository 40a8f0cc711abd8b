"""We accept nothing that h11 refuses, and read what we accept exactly as it does: `h11_reading.py` says why."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conformance.h11_reading import assert_agreement, read_ourselves, read_with_h11
from tests.http.raw_requests import CASES
from tests.http.reading import read


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
