"""JSON: what passes, what is refused, and with which id."""

import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.errors import ChatError
from wsserver.chat.vocabulary import (
    COMMAND_TYPES,
    Ack,
    AnyCommand,
    History,
    Join,
    Message,
    MessageAck,
    MessageEvent,
    Multicast,
    Ping,
    Publish,
    Response,
    Welcome,
)

codec = JsonCodec()


def refusal(payload: bytes) -> ChatError:
    with pytest.raises(ChatError) as caught:
        codec.decode(payload)
    return caught.value


@pytest.mark.parametrize(
    ("payload", "command"),
    [
        (b'{"type":"ping"}', Ping()),
        (b'{"id":"a","type":"ping"}', Ping(id="a")),
        (b'{"type":"ping","id":null}', Ping()),
        (b'{"type":"join","channel":"c"}', Join("c", history=50)),
        (b'{"type":"join","channel":"c","since":3,"epoch":"e","id":4}', Join("c", since=3, epoch="e", id=4)),
        (b'{"type":"message","channel":"c","text":"t","key":"k"}', Message("c", "t", "k")),
        (b'{"type":"history","channel":"c"}', History("c", limit=50)),
        (b'{"type":"multicast","to":["a","b"],"text":"t"}', Multicast(["a", "b"], "t")),
        (b'{"type":"publish","topic":"t","data":{"a":[1,null]}}', Publish("t", {"a": [1, None]})),
        (b'{"type":"publish","topic":"t","data":null}', Publish("t", None)),
        (b' {"type":"ping", "unknown": {"field": [1]}}\n', Ping()),
        (b'{"type":"message","channel":"c","text":"\\ud83d\\ude00"}', Message("c", "😀")),
    ],
)
def test_good_messages_become_commands(payload: bytes, command: object) -> None:
    assert codec.decode(payload) == command


@pytest.mark.parametrize(
    "payload",
    [
        b"", b" ", b"{", b"}", b"nul", b'{"type":"ping"} x', b'{"type":"ping",}', b"\xef\xbb\xbf{}", b"{'type':'ping'}",
        b'{"type":"publish","topic":"t","data":NaN}', b'{"type":"publish","topic":"t","data":Infinity}',
        b'{"type":"ping","x":NaN}', b'{"type":"message","channel":"c","text":"\\ud800"}',
        b'{"type":"message","channel":"c","text":"\\udc00x"}', b'{"type":"message","channel":"c","text":"a\x00b"}',
        b'{"type":"message","channel":1,,', b'{"type":"dance",,', b"[1", b"[1] x", b'"', b'{"id":1e999,', b"1 2",
    ],
)  # fmt: skip
def test_what_is_not_json_is_bad_json_even_when_a_wrong_field_comes_first(payload: bytes) -> None:
    assert refusal(payload).code == "bad_json"


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b'{"type":"message","text":"x"}', "channel"),
        (b'{"type":"message","channel":"c"}', "text"),
        (b'{"type":"message","channel":"c","text":""}', "text"),
        (b'{"type":"message","channel":"c","text":5}', "text"),
        (b'{"type":"message","channel":"c","text":"x","key":""}', "key"),
        (b'{"type":"message","channel":"c","text":"x","key":"' + b"k" * 129 + b'"}', "key"),
        (b'{"type":"join","channel":["c"]}', "channel"),
        (b'{"type":"join","channel":"c","since":"3"}', "since"),
        (b'{"type":"join","channel":"c","since":1.5}', "since"),
        (b'{"type":"join","channel":"c","history":-1}', "history"),
        (b'{"type":"history","channel":"c","limit":-1}', "limit"),
        (b'{"type":"history","channel":"c","after":' + b"9" * 5000 + b"}", "after"),
        (b'{"type":"multicast","to":"ann","text":"x"}', "to"),
        (b'{"type":"multicast","to":["ann",3],"text":"x"}', "to"),
        (b'{"type":"publish","topic":"t"}', "data"),
        (b'{"type":"publish","topic":"t","data":1e999}', "data"),
        (b'{"type":"publish","topic":"t","data":[{"a":-1e999}]}', "data"),
        (b'{"type":5}', "type"),
        (b"{}", "type"),
        (b'{"type":null}', "type"),
        (b'{"type":"ping","id":true}', "id"),
        (b'{"type":"ping","id":1.5}', "id"),
        (b'{"type":"ping","id":{}}', "id"),
        (b'{"type":"ping","id":"' + b"x" * 65 + b'"}', "id"),
        (b'{"type":"ping","id":9007199254740992}', "id"),
        (b'{"type":"ping","id":-9007199254740992}', "id"),
        (b'{"type":"ping","id":' + b"1" * 5000 + b"}", "id"),
    ],
)
def test_a_wrong_field_is_bad_message_and_named(payload: bytes, field: str) -> None:
    error = refusal(payload)
    assert error.code == "bad_message"
    assert f"`{field}" in error.message


@pytest.mark.parametrize("payload", [b"1", b'"join"', b"null", b"[]", b"true", b'[{"type":"ping"}]'])
def test_json_that_is_no_object_is_bad_message(payload: bytes) -> None:
    assert refusal(payload).code == "bad_message"


def test_an_unknown_type_is_said_to_be_unknown_and_not_echoed_at_length() -> None:
    error = refusal(b'{"type":"' + b"z" * 10_000 + b'","id":3}')
    assert (error.code, error.id) == ("unknown_type", 3)
    assert len(error.message) < 120


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("field", [b"data", b"ignored"])
def test_a_bomb_of_brackets_is_bad_message(opening: bytes, field: bytes) -> None:
    assert refusal(b'{"type":"publish","topic":"t","%s":' % field + opening * 100_000).code == "bad_message"


@pytest.mark.parametrize(
    ("payload", "id"),
    [
        (b'{"type":"join","id":"a"}', "a"),
        (b'{"type":"join","channel":1,"id":7}', 7),
        (b'{"id":9007199254740991,"type":"dance"}', 9007199254740991),
        (b'{"id":"' + "ü".encode() * 64 + b'","type":"message"}', "ü" * 64),
        (b'{"type":"publish","topic":"t","data":1e999,"id":"late"}', "late"),
        (b'{"type":"publish","data":1,"id":0}', 0),
        (b'{"type":"join","id":1.0}', None),
        (b'{"type":"join","id":false}', None),
        (b'{"type":"join"}', None),
        (b'{"type":"join","id":"x"', None),
    ],
)
def test_an_error_carries_the_id_whatever_else_is_wrong(payload: bytes, id: str | int | None) -> None:
    assert refusal(payload).id == id


@pytest.mark.parametrize(
    ("payload", "id"),
    [(b'{"type":"join","id":"a","channel":[]}', "a"), (b"{", None), (b"[" * 100_000, None), (b'{"id":[1]}', None)],
)
def test_find_id_looks_at_nothing_else_and_never_raises(payload: bytes, id: str | None) -> None:
    assert codec.find_id(payload) == id


def test_of_two_fields_with_one_name_one_wins_and_nothing_breaks() -> None:
    assert codec.decode(b'{"type":"ping","id":1,"id":2}') == Ping(id=2)
    assert refusal(b'{"type":"ping","type":"join"}').code == "bad_message"


def test_fields_that_have_their_default_are_left_out_of_events_but_null_is_kept_where_it_says_something() -> None:
    assert json.loads(codec.encode(Ack())) == {"type": "ack"}
    assert json.loads(codec.encode(Ack(0, id=0))) == {"type": "ack", "delivered": 0, "id": 0}
    assert json.loads(codec.encode(MessageAck("c", 1, 2, False, id="x")))["duplicate"] is False
    assert json.loads(codec.encode(Response(None, id="x"))) == {"type": "response", "result": None, "id": "x"}
    assert json.loads(codec.encode(Welcome("c", None, "s", 25, 1)))["user"] is None


def test_an_event_that_is_nested_too_deeply_is_refused_and_not_a_crash() -> None:
    data: list[object] = []
    for _ in range(100_000):
        data = [data]
    with pytest.raises(ChatError, match="deep"):
        codec.encode(Response(data))
    while data:  # taken apart by hand: dropping it whole would recurse in the interpreter
        (data,) = data  # type: ignore[assignment]


@settings(deadline=None, derandomize=True)
@given(st.text(min_size=1))
def test_texts_come_out_as_they_went_in(text: str) -> None:
    payload = json.dumps({"type": "message", "channel": "c", "text": text}).encode()
    command = codec.decode(payload)
    assert isinstance(command, Message)
    assert json.loads(codec.encode(MessageEvent("c", 1, "u", command.text, 0)))["text"] == text


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(sorted({field for command in get_args(AnyCommand) for field in command.__struct_fields__}))
objects = st.fixed_dictionaries({"type": st.sampled_from(sorted(COMMAND_TYPES)) | values}).flatmap(
    lambda start: st.dictionaries(fields, values, max_size=5).map(lambda more: {**start, **more})
)


@settings(deadline=None, derandomize=True)
@given(st.binary() | (objects | values).map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_in_a_command_or_a_chat_error_comes_out(payload: bytes) -> None:
    try:
        command = codec.decode(payload)
    except ChatError as error:
        assert error.code in ("bad_json", "bad_message", "unknown_type")
    else:
        assert command.__struct_config__.tag in COMMAND_TYPES


@settings(deadline=None, derandomize=True)
@given(st.data())
def test_a_good_message_cut_anywhere_is_refused(data: st.DataObject) -> None:
    payload = b'{"type":"message","channel":"lobby","text":"hi \\u00e9 \xc3\xa9","id":12}'
    cut = data.draw(st.integers(0, len(payload) - 1))
    assert refusal(payload[:cut]).code == "bad_json"
