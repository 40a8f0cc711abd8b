"""The codec of `wsserver.v1.protobuf`: one Envelope (`wsserver.proto`) in each binary message.

The schema and the vocabulary say the same things under the same names, so nothing is written out per message: a command
is made of the fields of its Envelope, an event fills in those that it has. What differs is listed below. Needs the
package `protobuf` (`pip install 'wsserver[protobuf]'`).

| in the vocabulary       | in the schema                                                                    |
|-------------------------|----------------------------------------------------------------------------------|
| `type`                  | which field of `body` is set                                                     |
| `id` of any kind        | a string                                                                         |
| any value (`data`, ...) | a string with its JSON text: numbers and nesting arrive as they were sent        |
| `ts` of a message       | `timestamp`                                                                      |

Read next: `codec_json.py`, the other one; `vocabulary.py`.
"""

from typing import Any, Final, cast, get_args

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError as EnvelopeError
from google.protobuf.message import Message as Body
from msgspec import DecodeError, ValidationError, convert
from msgspec.json import decode as decode_json
from msgspec.json import encode as encode_json

from wsserver.chat.codec_json import TOO_DEEP, explain
from wsserver.chat.errors import ChatError
from wsserver.chat.vocabulary import ID_CHARS, AnyCommand, Command, Event, MessageEvent, Relay, Relayed
from wsserver.chat.wsserver_pb2 import Envelope
from wsserver.websocket.codes import BINARY

SUBPROTOCOL: Final = "wsserver.v1.protobuf"

_ANY_VALUE: Final = frozenset({"data", "params", "result"})
"""Fields that hold any value, as JSON text."""

_ANY_COMMAND: Final = AnyCommand | Relay

_BODIES: Final = Envelope.DESCRIPTOR.fields_by_name
_COMMANDS: Final[dict[str, type[Command]]] = {
    kind.__struct_config__.tag: kind for kind in (*get_args(AnyCommand), Relay)
}
_FIELDS: Final[dict[str, list[tuple[str, bool, bool]]]] = {
    tag: [
        (name, field.has_presence, field.is_repeated)
        for name, field in cast(Descriptor, _BODIES[tag].message_type).fields_by_name.items()
        if name in kind.__struct_fields__
    ]
    for tag, kind in _COMMANDS.items()
}
"""For each command: (field, whether it may be left out, whether it is a list)."""


class ProtobufCodec:
    """Turns binary payloads into commands and events into binary payloads."""

    opcode = BINARY

    def decode(self, payload: bytes) -> AnyCommand | Relay:
        """Return the command in `payload`.

        Raises ChatError with `unknown_type` or `bad_message` (its sentence names the field), and with the id of the
        message where it has a good one.
        """
        try:
            envelope = Envelope.FromString(payload)
        except EnvelopeError:
            raise ChatError("bad_message", "This is not an Envelope of wsserver.v1.protobuf.") from None
        id = _id_of(envelope)
        tag = envelope.WhichOneof("body")
        if tag not in _COMMANDS:
            raise ChatError("unknown_type", f"There is no message type {tag!r} that clients send.", id)
        try:
            values = _values(str(tag), getattr(envelope, str(tag)))
            command = convert({"type": tag, "id": id, **values}, _ANY_COMMAND)
        except ValidationError as error:
            raise ChatError("bad_message", explain(str(error)), id) from None
        except DecodeError as error:
            raise ChatError("bad_message", f"A field that holds a value is not JSON: {error}.", id) from None
        except RecursionError:
            raise ChatError("bad_message", TOO_DEEP, id) from None
        if len(envelope.id) > ID_CHARS:
            raise ChatError("bad_message", f"`id`: expected at most {ID_CHARS} characters.")
        return cast(AnyCommand | Relay, command)

    def decode_other(self, _payload: bytes) -> Relay:
        """Raise ChatError `bad_message`: there are only binary messages here."""
        raise ChatError("bad_message", "This subprotocol has no text messages.")

    def encode_binary(self, event: Relayed) -> bytes:
        """Return `event` like every other one."""
        return self.encode(event)

    def find_id(self, payload: bytes) -> str | int | None:
        """Return the id in `payload`; None when there is none, or none that may be sent back."""
        try:
            return _id_of(Envelope.FromString(payload))
        except EnvelopeError:
            return None

    def encode(self, event: Event) -> bytes:
        """Return `event`; raise ChatError `bad_message` when its data is nested too deeply."""
        envelope = Envelope()
        body = getattr(envelope, str(event.__struct_config__.tag))
        body.SetInParent()
        try:
            _fill(body, event, envelope)
        except RecursionError:
            raise ChatError("bad_message", TOO_DEEP) from None
        return envelope.SerializeToString()


def _id_of(envelope: Envelope) -> str | None:
    return envelope.id if envelope.HasField("id") and len(envelope.id) <= ID_CHARS else None


def _values(tag: str, body: Body) -> dict[str, Any]:
    """Return the fields of a command that are there, by name."""
    values: dict[str, Any] = {}
    for name, optional, repeated in _FIELDS[tag]:
        if optional and not body.HasField(name):
            continue
        value = getattr(body, name)
        values[name] = list(value) if repeated else decode_json(value) if name in _ANY_VALUE else value
    return values


def _fill(body: Body, event: Event, envelope: Envelope) -> None:
    """Write the fields of `event` that it has into `body`, and its id into `envelope`."""
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in _ANY_VALUE:
            setattr(body, name, encode_json(value).decode())
        elif value is None:
            continue
        elif name == "id":
            envelope.id = str(value)
        elif name == "messages":
            for message in value:
                _fill(getattr(body, name).add(), message, envelope)
        elif isinstance(value, list):
            getattr(body, name).extend(value)
        else:
            setattr(body, "timestamp" if name == "ts" and isinstance(event, MessageEvent) else name, value)
