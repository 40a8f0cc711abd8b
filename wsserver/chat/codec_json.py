"""The codec of `wsserver.v1.json`: one JSON object (RFC 8259) in each text message.

A good message is decoded straight into its command in one pass, in about a microsecond; only when that fails, a second,
forgiving look finds the id and tells malformed JSON from a wrong field and from an unknown type. It does not judge
names, and it does not know who sent the message.

`msgspec` is strict where the standard library is not: NaN, Infinity, a byte order mark, half a surrogate pair and
trailing bytes are malformed; numbers too large for a double are refused wherever a value is kept.

Read next: `vocabulary.py` for the classes; `router.py`, the caller.
"""

from collections.abc import Callable
from typing import Any, Final, NoReturn

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, ValidationError
from msgspec.json import Decoder, Encoder

from wsserver.chat.errors import ChatError
from wsserver.chat.vocabulary import COMMAND_TYPES, ID_CHARS, SAFE_INTEGER, AnyCommand, Event, Relay, Relayed
from wsserver.websocket.codes import TEXT

CID_BYTES: Final = 4
"""What a binary message begins with."""

TOO_DEEP: Final = "The message is nested too deeply."


class _Envelope(Struct):
    """What the second look wants to know, whatever it is."""

    type: Any = UNSET
    id: Any = None


class JsonCodec:
    """Turns text payloads into commands and events into text payloads."""

    opcode = TEXT

    def __init__(self) -> None:
        self._decode: Callable[[bytes], AnyCommand] = Decoder(AnyCommand).decode
        self._peek = Decoder(_Envelope).decode
        self._skip = Decoder(Raw).decode
        self._encode = Encoder().encode

    def decode(self, payload: bytes) -> AnyCommand | Relay:
        """Return the command in `payload` (UTF-8).

        Raises ChatError with `bad_json`, `unknown_type` or `bad_message` (its sentence names the field), and with the
        id of the message where it has a good one.
        """
        try:
            return self._decode(payload)
        except ValidationError as error:
            self._blame(payload, str(error))
        except DecodeError as error:
            raise ChatError("bad_json", f"This is not JSON: {error}.") from None
        except RecursionError:
            raise ChatError("bad_message", TOO_DEEP) from None

    def decode_other(self, payload: bytes) -> Relay:
        """Return what a binary message is to be relayed to: its first CID_BYTES name the channel.

        Raises ChatError `bad_message` for one that is shorter.
        """
        if len(payload) < CID_BYTES:
            raise ChatError("bad_message", "A binary frame begins with the `cid` of its channel, 4 bytes, big endian.")
        return Relay(int.from_bytes(payload[:CID_BYTES], "big"), payload[CID_BYTES:])

    def encode_binary(self, event: Relayed) -> bytes:
        """Return the payload as it came, behind the number of its channel."""
        return event.cid.to_bytes(CID_BYTES, "big") + event.payload

    def find_id(self, payload: bytes) -> str | int | None:
        """Return the id in `payload`; None when there is none, or none that may be sent back."""
        try:
            return _good_id(self._peek(payload).id)
        except (DecodeError, RecursionError):
            return None

    def encode(self, event: Event) -> bytes:
        """Return `event` as UTF-8; raise ChatError `bad_message` when its data is nested too deeply."""
        try:
            return self._encode(event)
        except RecursionError:
            raise ChatError("bad_message", TOO_DEEP) from None

    def _blame(self, payload: bytes, complaint: str) -> NoReturn:
        """Raise the ChatError that fits a message which is JSON as far as the first look went."""
        try:
            envelope = self._look(payload)
        except ValidationError as error:  # not an object, or an id beyond all numbers
            raise ChatError("bad_message", explain(str(error))) from None
        except DecodeError as error:  # a wrong field first, then bytes that are no JSON
            raise ChatError("bad_json", f"This is not JSON: {error}.") from None
        except RecursionError:
            raise ChatError("bad_message", TOO_DEEP) from None
        id = _good_id(envelope.id)
        type: str | UnsetType = envelope.type
        if isinstance(type, str) and type not in COMMAND_TYPES:
            raise ChatError("unknown_type", f"There is no message type {type[:64]!r}.", id)
        raise ChatError("bad_message", explain(complaint), id)

    def _look(self, payload: bytes) -> _Envelope:
        """Return what `payload` says of itself; raise ValidationError only for what is JSON to its end."""
        try:
            return self._peek(payload)
        except ValidationError:
            self._skip(payload)
            raise


def _good_id(id: object) -> str | int | None:
    """Return `id` when it may be sent back, else None. (A bool is an int to Python only.)"""
    if isinstance(id, str):
        return id if len(id) <= ID_CHARS else None
    if isinstance(id, int) and not isinstance(id, bool):
        return id if -SAFE_INTEGER <= id <= SAFE_INTEGER else None
    return None


def explain(complaint: str) -> str:
    """Turn a complaint of msgspec into a sentence.

    "Expected `str`, got `int` - at `$.channel`" gives "`channel`: expected `str`, got `int`.".
    """
    what, _, where = complaint.partition(" - at `$")
    field = where.strip(".`")
    if not field:
        return f"{what}."
    return f"`{field}`: {what[0].lower()}{what[1:]}."
