"""Every command and every event, there and back, and everything that is not an Envelope."""

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

from wsserver.chat import codec_protobuf
from wsserver.chat import vocabulary as v
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.codec_protobuf import ProtobufCodec
from wsserver.chat.errors import ChatError
from wsserver.chat.wsserver_pb2 import ChatMessage, Envelope

CODEC = ProtobufCodec()
MESSAGE = v.MessageEvent("c", 7, "ann", "hi", 1_700_000_000_000)

COMMANDS = [
    (v.Join("c", "ann", 5, "e", 3, id="1"), {"channel": "c", "user": "ann", "since": 5, "epoch": "e", "history": 3}),
    (v.Join("c"), {"channel": "c"}),
    (v.Join("c", since=0, history=0), {"channel": "c", "since": 0, "history": 0}),
    (v.Leave("c"), {"channel": "c"}),
    (v.Message("c", "hi", "k", id="x"), {"channel": "c", "text": "hi", "key": "k"}),
    (v.Message("c", "hi"), {"channel": "c", "text": "hi"}),
    (v.Broadcast("hi"), {"text": "hi"}),
    (v.Direct("bob", "hi"), {"to": "bob", "text": "hi"}),
    (v.Multicast(["bob", "cid"], "hi"), {"to": ["bob", "cid"], "text": "hi"}),
    (v.Subscribe("t*"), {"topic": "t*"}),
    (v.Unsubscribe("t*"), {"topic": "t*"}),
    (v.Publish("t", {"a": [1, None, 2**53 + 1]}), {"topic": "t", "data": '{"a":[1,null,9007199254740993]}'}),
    (v.Request("echo", [1]), {"method": "echo", "params": "[1]"}),
    (v.Request("time"), {"method": "time"}),
    (v.Presence("c"), {"channel": "c"}),
    (v.History("c", before=4, limit=0), {"channel": "c", "before": 4, "limit": 0}),
    (v.History("c", after=0), {"channel": "c", "after": 0}),
    (v.Auth("t"), {"token": "t"}),
    (v.Ping(id="1"), {}),
    (v.Relay(5, b"\x00\xff"), {"cid": 5, "payload": b"\x00\xff"}),
]

EVENTS = [
    v.Welcome("id", None, "wsserver", 25.0, 65536),
    v.Welcome("id", "ann", "wsserver", 25.0, 65536),
    MESSAGE,
    v.Joined("c", 1, "e", 7, ["ann"], 1, [MESSAGE], id="1"),
    v.Joined("c", 1, "e", 7, ["ann"], 101, [], recovered=False, more=1),
    v.Left("c", id="1"),
    v.Ack(delivered=0, id="1"),
    v.MessageAck("c", 7, 5, False, id="1"),
    v.PresenceList("c", ["ann"], 1),
    v.PresenceChange("c", ["bob"], [], 2),
    v.BroadcastEvent("ann", "hi", 5),
    v.DirectEvent("ann", "hi", 5),
    v.MulticastEvent("ann", "hi", 5),
    v.TopicEvent("t", {"a": 1}, "ann", 5),
    v.Subscribed("t", id="1"),
    v.Unsubscribed("t", id="1"),
    v.Response([1, {"a": None}], id="1"),
    v.HistoryPage("c", "e", [MESSAGE], True, id="1"),
    v.Pong(5, id="1"),
    v.Goaway(2.5),
    v.Relayed(5, b"\x00\xff"),
    v.Error("bad_message", "No.", False, id="1"),
]


WRITTEN_IN_JSON = [event for event in EVENTS if not isinstance(event, v.Relayed)]


def envelope(tag, fields, id=None):
    made = Envelope() if id is None else Envelope(id=id)
    body = getattr(made, tag)
    body.SetInParent()
    for name, value in fields.items():
        if isinstance(value, list):
            getattr(body, name).extend(value)
        else:
            setattr(body, name, value)
    return made.SerializeToString()


def refusal(payload):
    with pytest.raises(ChatError) as caught:
        CODEC.decode(payload)
    return caught.value


def test_all_commands_and_all_events_are_in_the_lists_above():
    assert {type(command) for command, _ in COMMANDS} == {*get_args(v.AnyCommand), v.Relay}
    leaves = {kind for kind in vars(v).values() if isinstance(kind, type) and issubclass(kind, v.Event)}
    assert {type(event) for event in EVENTS} == leaves - {v.Event, v.Answer}


@pytest.mark.parametrize(("command", "fields"), COMMANDS, ids=lambda value: type(value).__name__)
def test_a_command_is_made_of_its_envelope(command, fields):
    payload = envelope(command.__struct_config__.tag, fields, command.id)
    assert CODEC.decode(payload) == command
    assert CODEC.find_id(payload) == command.id


@pytest.mark.parametrize("event", WRITTEN_IN_JSON, ids=lambda event: type(event).__name__)
def test_an_event_arrives_with_all_its_fields(event):
    made = Envelope.FromString(CODEC.encode(event))
    plain = json.loads(JsonCodec().encode(event))
    tag, id = plain.pop("type"), plain.pop("id", None)
    assert made.WhichOneof("body") == tag
    assert made.HasField("id") == (id is not None)
    assert made.id == (id or "")
    body = getattr(made, tag)
    for name, value in plain.items():
        field = "timestamp" if tag == "message" and name == "ts" else name
        if name == "messages":
            assert [(m.channel, m.seq, m.user, m.text, m.timestamp) for m in body.messages] == [
                (m["channel"], m["seq"], m["user"], m["text"], m["ts"]) for m in value
            ]
        elif name in ("data", "result"):
            assert json.loads(getattr(body, name)) == value
        elif value is None:
            assert not body.HasField(name)
        else:
            got = getattr(body, field)
            assert (list(got) if isinstance(value, list) else got) == value


def test_a_binary_message_is_an_envelope_like_any_other():
    made = Envelope.FromString(CODEC.encode_binary(v.Relayed(5, b"\x00\xff")))
    assert (made.binary.cid, made.binary.payload) == (5, b"\x00\xff")
    with pytest.raises(ChatError):
        CODEC.decode_other(b"text")


def test_what_is_zero_or_false_is_told_from_what_is_not_there():
    made = Envelope.FromString(CODEC.encode(v.Joined("c", 1, "e", 0, [], 0, [], recovered=False)))
    assert made.joined.HasField("recovered")
    assert not made.joined.recovered
    ack = Envelope.FromString(CODEC.encode(v.Ack(id="1"))).ack
    assert not ack.HasField("delivered")
    assert Envelope.FromString(CODEC.encode(v.Ack(delivered=0))).ack.HasField("delivered")


def test_a_chat_message_keeps_its_four_numbers():
    numbers = {field.name: field.number for field in ChatMessage.DESCRIPTOR.fields}
    assert {name: numbers[name] for name in ("channel", "user", "text", "timestamp")} == {
        "channel": 1, "user": 2, "text": 3, "timestamp": 4,
    }  # fmt: skip


def test_an_integer_id_of_a_json_client_never_reaches_a_protobuf_client_but_would_be_written_down():
    assert Envelope.FromString(CODEC.encode(v.Left("c", id=5))).id == "5"


@pytest.mark.parametrize(
    ("payload", "code", "words"),
    [
        (b"\xff", "bad_message", "not an Envelope"),
        (b"{}", "bad_message", "not an Envelope"),
        (b"", "unknown_type", "no message type"),
        (b"\xba\x06\x00", "unknown_type", "no message type"),
        (envelope("welcome", {"client": "x"}), "unknown_type", "'welcome'"),
        (envelope("error", {"code": "x"}), "unknown_type", "'error'"),
        (envelope("message", {"channel": "c"}), "bad_message", "`text`"),
        (envelope("message", {"channel": "c", "text": "x", "key": ""}), "bad_message", "`key`"),
        (envelope("message", {"channel": "c", "text": "x", "key": "k" * 129}), "bad_message", "`key`"),
        (envelope("history", {"channel": "c", "limit": -1}), "bad_message", "`limit`"),
        (envelope("publish", {"topic": "t"}), "bad_message", "not JSON"),
        (envelope("publish", {"topic": "t", "data": "NaN"}), "bad_message", "not JSON"),
        (envelope("publish", {"topic": "t", "data": "[" * 100_000}), "bad_message", "deeply"),
        (envelope("leave", {"channel": "c"}, id="i" * 65), "bad_message", "`id`"),
        (Envelope().SerializeToString() + b"\x52\x03\x0a\x01\xff", "bad_message", "not an Envelope"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_a_sentence(payload, code, words):
    error = refusal(payload)
    assert error.code == code
    assert words in str(error.args)


def test_a_refusal_carries_the_id():
    assert refusal(envelope("message", {"channel": "c"}, id="7")).id == "7"
    assert refusal(envelope("leave", {"channel": "c"}, id="i" * 65)).id is None


@given(st.binary(max_size=200))
def test_noise_is_a_command_or_a_refusal(payload):
    try:
        command = CODEC.decode(payload)
    except ChatError as error:
        assert error.code in ("bad_message", "unknown_type")
    else:
        assert to_builtins(command)
    CODEC.find_id(payload)


def test_the_generated_classes_have_the_fields_of_the_schema():
    """`make proto` writes them anew; this notices when somebody forgot."""
    schema = (Path(codec_protobuf.__file__).parent / "wsserver.proto").read_text()
    lines = [line.split("//")[0].strip() for line in schema.splitlines()]
    fields = [line.rstrip(";").split() for line in lines if line.endswith(";")]
    written = [words for words in fields if words[0] not in ("syntax", "package")]
    told = [(words[-3], int(words[-1])) for words in written]
    messages = Envelope.DESCRIPTOR.file.message_types_by_name.values()
    assert told == [(field.name, field.number) for message in messages for field in message.fields]
