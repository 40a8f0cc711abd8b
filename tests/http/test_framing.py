import pytest

from wsserver.http.body import SizedBody
from wsserver.http.chunked import ChunkedBody
from wsserver.http.errors import RequestError
from wsserver.http.framing import choose_body, keeps_alive, wants_invitation
from wsserver.http.head import Head
from wsserver.http.headers import Headers
from wsserver.http.intake import Intake
from wsserver.http.limits import DEFAULT_LIMITS
from wsserver.http.request_line import parse_request_line


def head(*pairs, minor_version=1):
    return Head(parse_request_line(b"POST / HTTP/1.%d" % minor_version), Headers(pairs))


def test_request_that_says_nothing_has_no_body():
    assert choose_body(head(), DEFAULT_LIMITS).read(Intake()) == b""


def test_length_and_chunks_have_their_readers():
    assert isinstance(choose_body(head(("Content-Length", "5")), DEFAULT_LIMITS), SizedBody)
    assert isinstance(choose_body(head(("Transfer-Encoding", "Chunked")), DEFAULT_LIMITS), ChunkedBody)


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ([("Content-Length", "5"), ("Transfer-Encoding", "chunked")], 400),
        ([("Content-Length", "5"), ("Content-Length", "5")], 400),
        ([("Content-Length", "²")], 400),  # str.isdigit() says yes to it
        ([("Content-Length", "65537")], 413),
        ([("Transfer-Encoding", "gzip, chunked")], 501),
        ([("Transfer-Encoding", "deflate , GZIP,chunked")], 501),
        ([("Transfer-Encoding", "gzip, , chunked")], 400),
        ([("Transfer-Encoding", "chunked, gzip, chunked")], 400),
        ([("Transfer-Encoding", "gzip"), ("Transfer-Encoding", "chunked")], 400),
    ],
)
def test_framing_that_could_be_read_in_two_ways_is_refused(pairs, status):
    with pytest.raises(RequestError) as caught:
        choose_body(head(*pairs), DEFAULT_LIMITS)
    assert caught.value.status == status


def test_old_version_has_no_transfer_coding():
    with pytest.raises(RequestError, match="HTTP/1.0"):
        choose_body(head(("Transfer-Encoding", "chunked"), minor_version=0), DEFAULT_LIMITS)


def test_close_wins_over_keep_alive():
    assert not keeps_alive(head(("Connection", "keep-alive, close")))
    assert keeps_alive(head(("Connection", "keep-alive"), minor_version=0))
    assert not keeps_alive(head(minor_version=0))
    assert keeps_alive(head(("Connection", "closed")))


def test_only_one_expectation_is_met():
    assert wants_invitation(head(("Expect", "100-Continue")))
    assert not wants_invitation(head())
    assert not wants_invitation(head(("Expect", "100-continue"), minor_version=0))
    for values in (["100-continue", "more"], [""], ["100-continue=1"]):
        with pytest.raises(RequestError, match="417"):
            wants_invitation(head(*[("Expect", value) for value in values]))
