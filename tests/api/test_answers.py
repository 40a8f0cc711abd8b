"""Answers in JSON, and refusals of every kind in one form."""

import json

import pytest

from wsserver.api.answers import ApiError, answer, bad_field, explain, from_chat, from_store, refusal
from wsserver.chat.errors import RETRY, ChatError
from wsserver.chat.log import StoreUnavailable
from wsserver.http.errors import RequestError


def body(response):
    return json.loads(response.body)


def test_an_answer_is_json_that_nobody_keeps():
    response = answer({"text": "é"}, (("Vary", "Origin"),))
    headers = dict(response.headers)
    assert (response.status, response.body) == (200, '{"text":"é"}'.encode())
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("application/json", "no-store")
    assert headers["Vary"] == "Origin"


def test_a_refusal_has_a_sentence_a_code_the_field_and_whether_to_try_again():
    response = refusal(bad_field("limit", "must not be negative"))
    assert response.status == 400
    assert body(response) == {
        "error": "`limit` must not be negative.", "code": "bad_message", "field": "limit", "retry": False,
    }  # fmt: skip


def test_a_refusal_that_no_field_is_to_blame_for_names_none():
    response = refusal(ApiError(405, "No.", headers=(("Allow", "POST"),)))
    assert body(response) == {"error": "No.", "code": "method_not_allowed", "retry": False}
    assert dict(response.headers)["Allow"] == "POST"


@pytest.mark.parametrize("code", sorted(RETRY))
def test_every_refusal_of_the_chat_has_a_status(code):
    error = from_chat(ChatError(code, "No."))
    assert error.code == code
    assert 400 <= error.status <= 503
    assert (error.status in (429, 503)) >= RETRY[code]
    assert (("Retry-After", "1") in error.headers) == RETRY[code]


@pytest.mark.parametrize(
    ("code", "sentence", "field"),
    [
        ("bad_message", "`user` must contain no control characters and no *.", "user"),
        ("bad_message", "`text`: expected `str`, got `int`.", "text"),
        ("bad_message", "Object missing required field `channel`.", "channel"),
        ("bad_message", "Expected `object`, got `array`.", None),
        ("bad_channel", "The channel name must be 1 to 255 bytes of UTF-8.", "channel"),
        ("forbidden", "Not you.", None),
    ],
)
def test_the_field_that_is_to_blame_is_found_in_the_sentence(code, sentence, field):
    assert from_chat(ChatError(code, sentence)).field == field


def test_a_store_that_is_not_there_is_503():
    response = refusal(from_store(StoreUnavailable("the disk is full")))
    assert (response.status, body(response)["code"], body(response)["retry"]) == (503, "store_unavailable", True)
    assert body(response)["error"] == "The channel cannot be read: the store cannot be used just now. Try again."


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/publish", "/events", "/events/x"])
def test_what_is_refused_before_anybody_looks_is_explained_in_json_too(path):
    response = explain(path, RequestError(503, "Shutting down.", (("Retry-After", "1"),)))
    assert (response.status, body(response)) == (503, {"error": "Shutting down.", "code": "unavailable", "retry": True})
    assert dict(response.headers)["Retry-After"] == "1"


@pytest.mark.parametrize("path", ["", "/", "/apis", "/event", "/chat", "/x/api"])
def test_elsewhere_people_read_it(path):
    assert explain(path, RequestError(404, "Nothing.")).body == b"Nothing.\n"


def test_a_status_without_a_name_is_a_bad_request():
    assert ApiError(400, "x").code == ApiError(431, "x").code == "bad_request"
