"""The text of Server-Sent Events (HTML standard, section 9.2): blocks of lines, each block ended by an empty line.

    id: EPOCH:SEQ                           where the reader stands when it has this block
    data: {"type":"message", ...}           the JSON of `message`, which has no line end in it

Every block carries an id, those without data too: a browser takes such a block for nothing but its place, and asks to
go on from there.

Read next: `feeds.py`, which sends them.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.vocabulary import MessageEvent

MEDIA_TYPE: Final = "text/event-stream"

RETRY_MS: Final = 2000
"""What a browser waits before it comes back. Firefox waits 5 s and Chrome 3 s if nobody says."""

_PLACE: Final = re.compile(r"([^:]{1,64}):([0-9]{1,15})")

_encode: Final = JsonCodec().encode


class Place(NamedTuple):
    """Behind which message of a channel a reader stands."""

    epoch: str
    seq: int


NOWHERE: Final = Place("", 0)
"""A place that no channel has."""


def parse_place(text: str) -> Place:
    """Return what an id says; NOWHERE for what none of ours says."""
    match = _PLACE.fullmatch(text)
    return Place(match[1], int(match[2])) if match is not None else NOWHERE


def encode_start() -> bytes:
    """Return what a stream begins with: no block of its own, so that it also suits readers that expect data in each."""
    return b"retry: %d\n" % RETRY_MS


def encode_messages(epoch: str, messages: Iterable[MessageEvent]) -> bytes:
    """Return messages as blocks, in their order."""
    return b"".join(b"%bdata: %b\n\n" % (_id(epoch, message.seq), _encode(message)) for message in messages)


def encode_reset(place: Place) -> bytes:
    """Return the block that says: what you missed cannot be told in full; it goes on behind `place`."""
    data = b'{"epoch":"%b","seq":%d}' % (place.epoch.encode(), place.seq)
    return b"event: reset\n%bdata: %b\n\n" % (_id(*place), data)


def encode_beat(place: Place) -> bytes:
    """Return what is said when there is nothing to say."""
    return b": \n%b\n" % _id(*place)


def encode_goaway(place: Place, reconnect_in_s: float) -> bytes:
    """Return the block that says: the server shuts down; come back in so long."""
    return b": the server shuts down\nretry: %d\n%b\n" % (round(reconnect_in_s * 1000), _id(*place))


def _id(epoch: str, seq: int) -> bytes:
    return b"id: %b:%d\n" % (epoch.encode(), seq)
