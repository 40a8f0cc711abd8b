import pytest

from wsserver.http.errors import RequestError
from wsserver.http.request_line import may_start_request, parse_request_line


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
@pytest.mark.parametrize("minor_version", [0, 1])
def test_line_is_taken_apart(method, minor_version):
    line = parse_request_line(f"{method} /a?b HTTP/1.{minor_version}".encode())
    assert (line.method, line.target.path, line.minor_version) == (method, "/a", minor_version)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET / HTTP/1.1 ", 400),
        (b"GET /\tHTTP/1.1", 400),
        (b" GET / HTTP/1.1", 400),
        (b"G@T / HTTP/1.1", 400),
        (b"GET / HTTP/1.10", 400),
        (b"GET / HTTP/1.9", 505),
        (b"GET / HTTP/3.0", 505),
        (b"Get / HTTP/1.1", 501),
        (b"SUBSCRIBE / HTTP/1.1", 501),
        (b"CONNECT a:1 HTTP/1.1", 405),
    ],
)
def test_broken_line_is_refused(line, status):
    with pytest.raises(RequestError) as caught:
        parse_request_line(line)
    assert caught.value.status == status


def test_only_a_token_or_an_empty_line_can_begin_a_request():
    starters = {byte for byte in range(256) if may_start_request(byte)}
    assert starters == set(b"\r!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
