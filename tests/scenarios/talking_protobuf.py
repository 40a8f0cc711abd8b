"""The same client on `wsserver.v1.protobuf`, with the classes that the schema gives.

What it says and hears has the shape of the JSON messages, so that one test judges both subprotocols.

Read next: `test_chat.py`.
"""

import json

import websocket

from tests.scenarios.talking import Talker
from wsserver.chat.wsserver_pb2 import Envelope

SUBPROTOCOL = "wsserver.v1.protobuf"
JSON_TEXT = ("data", "params", "result")
UNKNOWN_TYPE = b"\xba\x06\x00"
"""Field 103 of an Envelope, empty: something that a later version of the schema may have."""

SHAPES = {
    "joined": {"users": list, "count": int, "messages": list, "seq": int},
    "history": {"messages": list, "more": bool},
    "message": {"user": str},
    "error": {"retry": bool},
}
"""Fields that are there in JSON also when they are empty or zero."""


class ProtobufTalker(Talker):
    """A chat client that speaks protobuf."""

    def __init__(self, url, **options):
        super().__init__(url, **{"subprotocols": [SUBPROTOCOL], **options})

    def say(self, type, id=None, **fields):
        envelope = Envelope() if id is None else Envelope(id=str(id))
        if type not in Envelope.DESCRIPTOR.fields_by_name:
            self.socket.send_binary(envelope.SerializeToString() + UNKNOWN_TYPE)
            return
        body = getattr(envelope, type)
        body.SetInParent()
        for name, value in fields.items():
            if name in JSON_TEXT:
                setattr(body, name, json.dumps(value))
            elif isinstance(value, list):
                getattr(body, name).extend(value)
            else:
                setattr(body, name, value)
        self.socket.send_binary(envelope.SerializeToString())

    def say_binary(self, cid, payload):
        self.say("binary", cid=cid, payload=payload)

    def ask(self, type, **fields):
        id = str(next(self._ids))
        self.say(type, id=id, **fields)
        return self._find(lambda event: event.get("id") == id)

    def _next(self):
        opcode, payload = self.socket.recv_data()
        assert opcode == websocket.ABNF.OPCODE_BINARY, f"closed: {payload!r}"
        envelope = Envelope.FromString(payload)
        type = envelope.WhichOneof("body")
        event = {"type": type, **_shape(type, getattr(envelope, type))}
        if type == "binary":  # as it looks on the other subprotocol
            event = {"type": "binary", "payload": envelope.binary.cid.to_bytes(4, "big") + envelope.binary.payload}
        return {**event, "id": envelope.id} if envelope.HasField("id") else event


def _shape(type, body):
    """Return the fields of a body as they are named and shaped in JSON."""
    shape = {name: kind() for name, kind in SHAPES.get(type, {}).items()}
    if type == "presence":  # an announcement has who came and went, an answer who is there
        shape = {"joined": [], "left": [], "count": 0} if body.joined or body.left else {"users": [], "count": 0}
    for field, value in body.ListFields():
        if field.name == "messages":
            value = [{"type": "message", **_shape("message", message)} for message in value]
        elif field.is_repeated:
            value = list(value)
        elif field.name in JSON_TEXT:
            value = json.loads(value)
        shape["ts" if field.name == "timestamp" else field.name] = value
    if type == "welcome":
        shape.setdefault("user", None)
    return shape
