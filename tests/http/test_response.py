import json

import h11
import pytest

from wsserver.http.errors import RequestError
from wsserver.http.response import (
    REASONS,
    Response,
    data_response,
    encode_header,
    encode_response,
    error_response,
    json_response,
    text_response,
)

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def encode(response, head_only=False, keep_alive=True, minor_version=1):
    return encode_response(response, head_only=head_only, keep_alive=keep_alive, minor_version=minor_version, date=DATE)


def test_answer_is_written_out():
    assert encode(Response(200, (("Content-Type", "text/plain"),), b"hi")) == (
        b"HTTP/1.1 200 OK\r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"Content-Type: text/plain\r\n"
        b"X-Content-Type-Options: nosniff\r\n"
        b"Content-Length: 2\r\n"
        b"\r\nhi"
    )


@pytest.mark.parametrize(
    ("keep_alive", "minor_version", "line"),
    [
        (True, 1, None),
        (True, 0, b"Connection: keep-alive\r\n"),
        (False, 1, b"Connection: close\r\n"),
        (False, 0, b"Connection: close\r\n"),
    ],
)
def test_client_is_told_what_becomes_of_the_connection_where_it_would_not_guess(keep_alive, minor_version, line):
    data = encode(Response(200), keep_alive=keep_alive, minor_version=minor_version)
    assert (b"Connection" in data) == (line is not None)
    assert line is None or line in data


def test_head_gets_the_length_and_not_the_body():
    data = encode(Response(200, body=b"hello"), head_only=True)
    assert b"Content-Length: 5\r\n" in data
    assert data.endswith(b"\r\n\r\n")


def test_head_gets_a_length_that_was_only_promised():
    assert b"Content-Length: 7\r\n" in encode(Response(200, length=7), head_only=True)


def test_slices_are_left_to_the_caller():
    data = encode(Response(200, slices=iter([b"hel", b"lo"]), length=5))
    assert b"Content-Length: 5\r\n" in data
    assert data.endswith(b"\r\n\r\n")


def test_length_without_bytes_is_a_mistake_of_ours():
    with pytest.raises(AssertionError):
        encode(Response(200, body=b"hi", length=5))


@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_have_no_body_have_no_length(status):
    data = encode(Response(status, body=b"ignored"))
    assert b"Content-Length" not in data
    assert data.endswith(b"\r\n\r\n")


def test_empty_body_has_the_length_zero():
    assert b"Content-Length: 0\r\n" in encode(Response(200))


@pytest.mark.parametrize("name", ["Content-Length", "connection", "Date", "Transfer-Encoding"])
def test_nobody_but_the_encoder_frames_an_answer(name):
    with pytest.raises(AssertionError):
        encode(Response(200, ((name, "x"),)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nSet-Cookie: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0"),
        ("X", "a\x7f"),
        ("X", "a\x85"),
        ("X", "é"),
        ("X", "\u2028"),
        ("X", "a\n"),
        ("X: y\r\nZ", "a"),
        ("X y", "a"),
        ("", "a"),
        ("X\n", "a"),
    ],
)
def test_no_header_breaks_out_of_its_line(name, value):
    with pytest.raises(AssertionError):
        encode_header(name, value)
    with pytest.raises(AssertionError):
        encode(Response(200, ((name, value),)))


def test_error_is_a_sentence_in_plain_text():
    response = error_response(RequestError(405, "Use GET, please.", (("Allow", "GET"),)))
    headers = dict(response.headers)
    assert (response.status, response.body) == (405, b"Use GET, please.\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Allow"] == "GET"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_json_says_anything_in_utf8():
    response = json_response(503, {"ok": False, "why": "<é>\u2028", "n": None}, (("Retry-After", "1"),))
    assert json.loads(response.body) == {"ok": False, "why": "<é>\u2028", "n": None}
    assert dict(response.headers)["Content-Type"] == "application/json"
    assert dict(response.headers)["Retry-After"] == "1"


def test_json_does_not_say_what_json_cannot():
    with pytest.raises(ValueError, match="float"):
        json_response(200, float("nan"))


def test_answers_are_not_kept_by_caches_unless_they_say_so():
    assert dict(text_response(200, "x").headers)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("status", [*REASONS, 299, 599])
def test_client_of_another_make_understands_every_status(status):
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(encode(error_response(RequestError(status, "Because."))))
    answer = client.next_event()
    assert (answer.status_code, answer.reason.decode()) == (status, REASONS.get(status, ""))


@pytest.mark.parametrize("minor_version", [0, 1])
def test_an_endless_answer_has_no_length_and_ends_with_the_connection(minor_version):
    answer = encode(Response(200, endless=True), keep_alive=False, minor_version=minor_version)
    assert answer.endswith(b"Connection: close\r\n\r\n")
    assert b"Content-Length" not in answer
    with pytest.raises(AssertionError):
        encode(Response(200, endless=True), keep_alive=True, minor_version=minor_version)


def test_data_of_any_kind_is_no_page_and_kept_by_nobody():
    response = data_response(200, "application/json", b"[]", (("Vary", "Origin"),))
    headers = dict(response.headers)
    assert (response.body, headers["Content-Type"], headers["Vary"]) == (b"[]", "application/json", "Origin")
    assert headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in headers
