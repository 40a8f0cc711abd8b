"""What docs/protocol.md says of `wsserver.v1.json` alone, of the bytes of the other language, and of `/echo`."""

import json

import pytest
import websocket

from tests.scenarios.talking_protobuf import ProtobufTalker
from wsserver.chat.wsserver_pb2 import Envelope

STRANGE_FIELD = b"\xfa\x3f\x03abc"
"""Field 1023 of any protobuf message, with three bytes in it."""


@pytest.mark.parametrize("id", [0, 1, -1, 2**53 - 1, -(2**53 - 1), "", "1", "x" * 64])
def test_an_id_comes_back_as_it_was(server, connect, id):
    ann = connect(server)
    for type, answer in (("ping", "pong"), ("sing", "error")):
        ann.say(type, id=id)
        heard = ann.hear(answer)["id"]
        assert (heard, type_of(heard)) == (id, type_of(id))


def type_of(value):
    return type(value).__name__


@pytest.mark.parametrize("id", [2**53, 1.5, True, [], {}, "x" * 65])
def test_what_is_no_id_is_bad_and_not_sent_back(server, connect, id):
    ann = connect(server)
    ann.say("ping", id=id)
    error = ann.hear("error")
    assert (error["code"], "id" in error) == ("bad_message", False)


def test_an_id_of_null_is_none(server, connect):
    ann = connect(server)
    ann.say("ping", id=None)
    assert "id" not in ann.hear("pong")


def test_unknown_fields_are_ignored(server, connect, room):
    ann = connect(server)
    joined = ann.join(room, "ann", color="red", since_when=None, type_=5, __proto__={})
    assert joined["users"] == ["ann"]
    assert ann.ask("message", channel=room, text="x", markup=[1, {"deep": {}}])["seq"] == 1
    assert set(ann.hear("message")) == {"type", "channel", "seq", "user", "text", "ts"}


def test_unknown_fields_of_an_envelope_are_ignored(server):
    ann = ProtobufTalker(server.ws())
    try:
        envelope = Envelope(id="1")
        envelope.ping.SetInParent()
        ann.socket.send_binary(envelope.SerializeToString() + STRANGE_FIELD)
        assert ann.hear("pong")["id"] == "1"
    finally:
        ann.socket.shutdown()


def test_the_fields_of_a_channels_message_keep_their_numbers(server, connect, room):
    numbers = {name: field.number for name, field in Envelope.DESCRIPTOR.file.message_types_by_name[
        "ChatMessage"
    ].fields_by_name.items()}  # fmt: skip
    assert [numbers[name] for name in ("channel", "user", "text", "timestamp")] == [1, 2, 3, 4]
    ann = ProtobufTalker(server.ws())
    try:
        ann.join(room, "ann")
        before = connect(server, "bob", room)
        before.say("message", channel=room, text="hi")
        opcode, payload = ann.socket.recv_data()
        while Envelope.FromString(payload).WhichOneof("body") != "message":
            opcode, payload = ann.socket.recv_data()
        assert opcode == 2
        assert Envelope.FromString(payload).message.timestamp == before.hear("message")["ts"]
    finally:
        ann.socket.shutdown()


@pytest.mark.parametrize("raw", ["", "nonsense", "{", "[1", '{"type": "ping"} {}', '{"type": NaN}'])
def test_what_is_no_json_is_bad_json(server, connect, raw):
    ann = connect(server)
    ann.socket.send(raw)
    error = ann.hear("error")
    assert (error["code"], error["retry"]) == ("bad_json", False)
    assert ann.ask("ping")["type"] == "pong"


@pytest.mark.parametrize("raw", ["1", "[]", "null", "{}", '{"type": 5}', '{"id": 1}', '{"type": null}'])
def test_json_without_a_type_is_a_bad_message(server, connect, raw):
    ann = connect(server)
    ann.socket.send(raw)
    assert ann.hear("error")["code"] == "bad_message"


def test_null_for_a_field_that_may_be_left_out_is_leaving_it_out(server, connect, room):
    ann = connect(server)
    joined = ann.ask("join", channel=room, user=None, since=None, epoch=None)
    assert joined["users"][0].startswith("guest-")
    assert "recovered" not in joined
    assert ann.ask("message", channel=room, text="x", key=None)["duplicate"] is False


def test_bad_binary_messages_count_in_the_row_and_good_ones_end_it(server, connect, room):
    ann = connect(server)
    number = ann.join(room, "ann")["cid"]
    for _ in range(2):
        for short in (b"", b"\0", b"\0\0", b"\0\0\0"):
            ann.socket.send_binary(short)
            assert ann.hear("error")["code"] == "bad_message"
        ann.say_binary(number, b"")
        assert ann.hear("binary")["payload"] == number.to_bytes(4, "big")


def test_above_the_rate_each_message_is_refused_with_its_id_and_may_be_tried_again(start, connect):
    ann = connect(start("--set", "limits.rate=1"))
    for number in range(10):
        ann.say("ping", id=number)
    answers = [ann._next() for _ in range(10)]
    assert [answer["id"] for answer in answers] == list(range(10))
    refused = [answer for answer in answers if answer["type"] == "error"]
    assert len(refused) >= 7
    assert {(answer["code"], answer["retry"]) for answer in refused} == {("rate_limited", True)}


def test_the_rate_holds_for_joins_and_for_what_is_no_json_too(start, connect):
    ann = connect(start("--set", "limits.rate=0.01"))
    while ann.ask("ping")["type"] == "pong":
        pass
    assert ann.ask("join", channel="lobby")["code"] == "rate_limited"
    for _ in range(10):
        ann.socket.send("nonsense")
        assert ann.hear("error")["code"] == "rate_limited"
    ann.socket.ping()  # which has a limit of its own
    assert ann.socket.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG


def test_none_of_the_subprotocols_asked_for_is_known_and_the_answer_names_none_and_speaks_json(server, connect):
    ann = connect(server, header=["Sec-WebSocket-Protocol: soap, wamp"])
    assert "sec-websocket-protocol" not in ann.socket.getheaders()
    assert ann.ask("ping")["type"] == "pong"


def test_the_echo_picks_no_subprotocol(server, open_socket):
    sock = open_socket(server.ws("/echo"), header=["Sec-WebSocket-Protocol: wsserver.v1.json"])
    assert "sec-websocket-protocol" not in sock.getheaders()
    for payload in ("", "text", json.dumps({"type": "ping"})):
        sock.send(payload)
        assert sock.recv() == payload
