import pytest

from wsserver.http.errors import RequestError
from wsserver.http.head import HeadReader
from wsserver.http.headers import Headers
from wsserver.http.intake import Intake
from wsserver.http.limits import DEFAULT_LIMITS, RequestLimits

HEAD = b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n"


def read(data, limits=DEFAULT_LIMITS):
    """Return (head or None, reader, what is left)."""
    reader, intake = HeadReader(limits), Intake()
    intake.append(data)
    return reader.read(intake), reader, intake


def test_head_ends_at_the_empty_line():
    head, reader, intake = read(HEAD + b"body")
    assert (head.line.method, head.line.target.path, head.headers) == ("GET", "/a", Headers([("host", "b")]))
    assert (reader.size, intake.take(9)) == (len(HEAD), b"body")


def test_empty_line_before_it_does_not_count():
    head, reader, _ = read(b"\r\n" + HEAD)
    assert head is not None
    assert reader.size == len(HEAD)


def test_head_that_is_not_complete_waits_and_its_lines_count():
    head, reader, intake = read(HEAD[:-3])
    assert (head, reader.size, len(intake)) == (None, len(b"GET /a HTTP/1.1\r\n"), len(b"Host: b\r"))


@pytest.mark.parametrize(
    ("limits", "data", "sentence"),
    [
        (RequestLimits(request_line=10), HEAD, "414: The request line is longer than 10 bytes."),
        (RequestLimits(header_line=6), HEAD, "431: A header line is longer than 6 bytes."),
        (RequestLimits(head=27), HEAD, "431: The request's head is larger than 27 bytes."),
        (RequestLimits(headers=0), HEAD, "431: The request has more than 0 headers."),
        (DEFAULT_LIMITS, b"\x16\x03", "400: This is not the beginning of an HTTP/1.1 request."),
        (DEFAULT_LIMITS, b"\r\n\r\n", "400: There is more than one empty line before the request."),
        (DEFAULT_LIMITS, b"GET http://c/ HTTP/1.1\r\nHost: b\r\n\r\n", "400: .* names another host"),
    ],
)
def test_refusal_says_which_limit_or_rule_it_was(limits, data, sentence):
    with pytest.raises(RequestError, match=sentence):
        read(data, limits)


def test_head_just_within_every_limit_is_read():
    assert read(HEAD, RequestLimits(request_line=15, header_line=7, head=len(HEAD), headers=1))[0] is not None
