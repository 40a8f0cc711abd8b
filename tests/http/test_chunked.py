import pytest

from tests.splits import portions
from wsserver.http.chunked import ChunkedBody
from wsserver.http.errors import RequestError
from wsserver.http.intake import Intake
from wsserver.http.limits import DEFAULT_LIMITS, RequestLimits


def read(pieces, limits=DEFAULT_LIMITS):
    """Return (body or None, status of the error or None, bytes left behind a complete body)."""
    body, intake = ChunkedBody(limits), Intake()
    done = None
    for piece in pieces:
        intake.append(piece)
        try:
            done = body.read(intake) if done is None else done
        except RequestError as error:
            return None, error.status, b""
    return done, None, b"" if done is None else intake.take(len(intake))


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"0\r\n\r\n", (b"", None, b"")),
        (b"5\r\nhello\r\n0\r\n\r\nrest", (b"hello", None, b"rest")),
        (b"1\r\na\r\n2;x=y\r\nbc\r\n0;z\r\nX: y\r\n\r\n", (b"abc", None, b"")),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", (b"\r\n\r\n", None, b"")),
        (b"1\r\na\r\n0001\r\nb\r\n1;x\r\nc\r\n1\r\nd\r\n0\r\n\r\n", (b"abcd", None, b"")),
        (b"1\r\na\r\n1\r\nb\rc\r\n", (None, 400, b"")),
        (b"1\r\na\r\n" + b"0" * 15 + b"1\r\nb\r\n0\r\n\r\n", (b"ab", None, b"")),
        (b"1\r\na\r\nffff\r\n" + b"x" * 65535 + b"\r\n1\r\nb\r\n", (None, 413, b"")),
        (b"5\r\nhello\r\n0\r\n", (None, None, b"")),
        (b"5\r\nhello\r\n0\r\n\r", (None, None, b"")),
        (b"5\r\nhello\r\r\n0\r\n\r\n", (None, 400, b"")),
        (b"0\r\n\n", (None, 400, b"")),
        (b"5 \r\nhello\r\n0\r\n\r\n", (None, 400, b"")),
        (b"ffffffffffffffff\r\n", (None, 413, b"")),
        (b"0" * 400, (None, 400, b"")),
        (b"0\r\nHOST: a\r\n\r\n", (None, 400, b"")),
    ],
)
def test_body_does_not_depend_on_the_portions(data, outcome):
    for pieces in portions(data):
        assert read(pieces) == outcome, pieces


def test_limit_is_of_the_sum_and_judged_before_the_data():
    limits = RequestLimits(body=5)
    assert read([b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"], limits)[0] == b"abcde"
    assert read([b"3\r\nabc\r\n3\r\n"], limits)[1] == 413


def test_extensions_are_limited_in_all():
    within = b"1;a=bcdef\r\nx\r\n" * 32 + b"0\r\n\r\n"  # 32 of 8 bytes: 256
    assert read([within])[0] == b"x" * 32
    assert read([b"1;a\r\nx\r\n" + within])[1] == 400


def test_trailers_are_limited_in_number_and_size():
    assert read([b"0\r\n" + b"X: a\r\n" * 100 + b"\r\n"])[0] == b""
    assert read([b"0\r\n" + b"X: a\r\n" * 101])[1] == 431
    assert read([b"0\r\n" + (b"X: " + b"a" * 8000 + b"\r\n") * 2 + b"X: " + b"a" * 400])[1] == 431


def test_size_counts_what_is_decoded():
    body, intake = ChunkedBody(DEFAULT_LIMITS), Intake()
    intake.append(b"5\r\nhello\r\n5\r\nwor")
    assert body.read(intake) is None
    assert body.size == 8


def test_one_buffer_holds_a_body_of_tiny_chunks():
    body, intake = ChunkedBody(RequestLimits(body=1 << 20)), Intake()
    for _ in range(1000):
        intake.append(b"1\r\na\r\n" * 100)
        assert body.read(intake) is None
        assert len(intake) == 0
    assert body.size == 100_000
