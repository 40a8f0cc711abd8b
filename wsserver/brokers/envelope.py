"""What nodes tell each other through a broker that carries bytes: envelopes, each with a version and a sender.

    [ 1, "node", [item, item, ...] ]          msgpack; an item is an array too, its first element says what it is

It is data and nothing else: a decoder that could make objects of any kind would let whoever reaches the broker run
code here. What is larger than `limit`, of another version, or of another shape is dropped by `decode`, and counted by
whoever called it.

A script in Redis completes an envelope of messages, since it gives their numbers: `head_of_messages` goes before them.

Read next: `redis.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from wsserver.chat.broker import Asked, Move
from wsserver.chat.vocabulary import MessageEvent

VERSION: Final = 1
_START: Final = bytes((0x93, VERSION))  # an array of three, the first of which is the version

SPARE_BYTES: Final = 1024 * 1024
"""An envelope may hold the largest message and so much more: names (255 bytes each) and the arrays around them; or an
answer that lists the channels of a node, some 20,000 of them."""


Name = Annotated[str, Meta(min_length=1, max_length=255)]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
Stamp = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""What the chat lets nobody say otherwise: a codec could not write it, or it would be no name."""

Row = tuple[Name, str, Stamp]


class Item(Struct, gc=False, frozen=True, array_like=True, tag_field="t"):
    """Something that a node says."""


class Messages(Item, frozen=True, tag="m"):
    """They are in the log of `channel`, in a row from number `first` on: [user, text, ts] each."""

    channel: str
    epoch: str
    first: Seq
    rows: list[Row]

    def events(self) -> list[MessageEvent]:
        """Return them as the chat knows them."""
        channel = self.channel
        return [
            MessageEvent(channel, seq, user, text, ts) for seq, (user, text, ts) in enumerate(self.rows, self.first)
        ]


class Binary(Item, frozen=True, tag="b"):
    """Somebody said something binary in `channel`."""

    channel: str
    payload: bytes


class Moved(Item, frozen=True, tag="p"):
    """The first client of `user` on the sender came into `channel`, or the last one went."""

    channel: str
    user: Name
    move: Move


class Changed(Item, frozen=True, tag="r"):
    """What is kept of the sender's users in `channel` was written anew: read it again."""

    channel: str


class Asking(Item, frozen=True, tag="q"):
    """Question number `number` of the sender."""

    number: int
    question: bytes  # as JSON: it may hold what a client published, numbers of any size included


class Answer(Item, frozen=True, tag="a"):
    """To the receiver's question `number`."""

    number: int
    value: Any


class Gone(Item, frozen=True, tag="g"):
    """The lease of `node` is over, and what was kept of its users is removed."""

    node: str


AnyItem = Messages | Binary | Moved | Changed | Asking | Answer | Gone


class Envelope(Struct, gc=False, frozen=True, array_like=True):
    """What one node says at once."""

    version: int
    node: str
    items: list[AnyItem]


encode_question: Final = msgspec.json.Encoder().encode
_decode_question: Final = msgspec.json.Decoder(Asked).decode

encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Envelope).decode


def decode(data: bytes, limit: int) -> Envelope | None:
    """Return the envelope in `data`; None when it is none that we understand, or has more than `limit` bytes."""
    if len(data) > limit or data[:2] != _START:
        return None
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def decode_question(data: bytes) -> Asked | None:
    """Return the question of an `Asking`; None when it is none that we understand."""
    try:
        question: Asked = _decode_question(data)
        return question
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def seal(node: str, items: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield envelopes with all encoded `items`, in their order; an item that is larger than `limit` is left out."""
    head = _START + encode(node)
    room = limit - len(head) - 3
    batch: list[bytes] = []
    size = 0
    for item in items:
        if len(item) > room:
            continue
        if size + len(item) > room or len(batch) == 0xFFFF:
            yield head + array(len(batch)) + b"".join(batch)
            batch, size = [], 0
        batch.append(item)
        size += len(item)
    if batch:
        yield head + array(len(batch)) + b"".join(batch)


def array(count: int) -> bytes:
    """Return how msgpack begins an array of `count` elements, at most 65,535."""
    return bytes((0x90 + count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")


def encode_row(user: str, text: str, ts: int) -> bytes:
    """Return one of the rows of `Messages`, encoded."""
    return encode((user, text, ts))


decode_row: Final = msgspec.msgpack.Decoder(Row).decode


def head_of_messages(node: str, channel: str) -> bytes:
    """Return an envelope with one item `Messages` up to where the epoch is to stand."""
    return _START + encode(node) + array(1) + array(5) + encode("m") + encode(channel)


RUN_BYTES: Final = 64 * 1024
"""Above it a row of messages is cut into two items, so that each fits an envelope. It is estimated."""


def runs(channel: str, epoch: str, messages: Sequence[MessageEvent]) -> list[Messages]:
    """Return messages as items: one for each row of numbers without a gap, and each of a size that can be sent."""
    items: list[Messages] = []
    expected = size = 0
    for message in messages:
        if not items or message.seq != expected or size > RUN_BYTES:
            items.append(Messages(channel, epoch, message.seq, []))
            size = 0
        items[-1].rows.append((message.user, message.text, message.ts))
        expected = message.seq + 1
        size += len(message.text) * 3 + len(message.user) + 32
    return items
