"""What a codec is: it turns the payload of a data message into a command, and an event into a payload.

The consumer owns the interface: the chat needs no more than this of JSON or protobuf.

Read next: `codec_json.py`.
"""

from typing import Protocol

from wsserver.chat.vocabulary import AnyCommand, Event, Relay, Relayed


class Codec(Protocol):
    """One way to write the vocabulary down. One object, compared by identity, serves all clients."""

    opcode: int
    """The kind of data message that its payloads travel in: TEXT or BINARY."""

    def decode(self, payload: bytes) -> AnyCommand | Relay:
        """Return the command in `payload`; raise ChatError with the command's id, where it can be found."""

    def decode_other(self, payload: bytes) -> Relay:
        """Return the command in a message of the other kind; raise ChatError where there is none."""

    def find_id(self, payload: bytes) -> str | int | None:
        """Return the id in `payload` whatever else is in it; None when there is no good one."""

    def encode_binary(self, event: Relayed) -> bytes:
        """Return the payload of a binary message for `event`, whatever `opcode` is."""

    def encode(self, event: Event) -> bytes:
        """Return the payload for `event`; raise ChatError when what a user put into it cannot be written down."""
