"""Bodies of calls: what is taken, and what is said about the others."""

import pytest

from tests.api.fakes import request
from wsserver.api.answers import ApiError
from wsserver.api.bodies import BroadcastBody, DirectBody, DisconnectBody, PublishBody, TopicBody, body_reader


def read(kind, body, *headers):
    return body_reader(kind)(request("/api/x", "POST", body, headers))


def refused(kind, body, *headers):
    with pytest.raises(ApiError) as caught:
        read(kind, body, *headers)
    return caught.value


def test_fields_come_out_and_unknown_ones_are_ignored():
    body = read(PublishBody, b'{"channel":"c","text":"t","key":"k","user":"u","more":1}')
    assert (body.channel, body.text, body.key, body.user) == ("c", "t", "k", "u")
    body = read(PublishBody, b'{"channel":"c","text":"t","key":null}')
    assert (body.key, body.user) == (None, None)
    assert read(TopicBody, b'{"topic":"t","data":null}').data is None
    assert read(DirectBody, b'{"to":"ann","text":"t"}').to == "ann"
    assert read(DisconnectBody, b'{"user":"ann"}').user == "ann"


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        (PublishBody, b'{"text":"t"}', "channel"),
        (PublishBody, b'{"channel":"c"}', "text"),
        (PublishBody, b'{"channel":"c","text":""}', "text"),
        (PublishBody, b'{"channel":"c","text":5}', "text"),
        (PublishBody, b'{"channel":["c"],"text":"t"}', "channel"),
        (PublishBody, b'{"channel":"c","text":"t","key":""}', "key"),
        (PublishBody, b'{"channel":"c","text":"t","user":1}', "user"),
        (BroadcastBody, b"{}", "text"),
        (DirectBody, b'{"text":"t"}', "to"),
        (TopicBody, b'{"topic":"t"}', "data"),
        (DisconnectBody, b'{"user":null}', "user"),
    ],
)
def test_a_bad_field_is_named(kind, body, field):
    error = refused(kind, body)
    assert (error.status, error.code, error.field) == (400, "bad_message", field)
    assert f"`{field}`" in error.sentence


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b'{"text":"t"} x', "bad_json"),
        (b'{"text":"\xff"}', "bad_json"),
        (b'\xef\xbb\xbf{"text":"t"}', "bad_json"),
        (b"text=t", "bad_json"),
        (b'["t"]', "bad_message"),
        (b'{"text":' + b"[" * 30000, "bad_message"),
    ],
)
def test_what_is_no_object_in_json_is_refused(body, code):
    error = refused(BroadcastBody, body)
    assert (error.status, error.code) == (400, code)


def test_data_that_is_nested_too_deeply_is_refused():
    error = refused(TopicBody, b'{"topic":"t","data":' + b"[" * 30000)
    assert (error.status, error.code) == (400, "bad_message")


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Content-Type", "application/json"),),
        (("Content-Type", "Application/JSON ; Charset=UTF-8"),),
        (("Content-Type", 'application/json; charset="utf-8"'),),
        (("Content-Type", "application/vnd.events+json"),),
        (("Content-Type", "application/x-www-form-urlencoded"),),
        (("Content-Encoding", "identity"),),
    ],
)
def test_json_is_taken_from_programs_that_say_so_or_know_no_better(headers):
    assert read(BroadcastBody, b'{"text":"t"}', *headers).text == "t"


@pytest.mark.parametrize(
    "header",
    [
        ("Content-Type", "text/plain"),
        ("Content-Type", "multipart/form-data; boundary=x"),
        ("Content-Type", "application/json; charset=utf-16"),
        ("Content-Encoding", "gzip"),
    ],
)
def test_what_says_that_it_is_something_else_is_415(header):
    assert refused(BroadcastBody, b'{"text":"t"}', header).status == 415
