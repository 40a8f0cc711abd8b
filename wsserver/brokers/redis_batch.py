"""One batch on its way into Redis: cut into parcels, each of one channel and one run of the script APPEND.

A parcel has a name of its own that Redis remembers for five minutes. So one whose answer was lost can be sent again: if
it was stored, the answer is the first one.

Read next: `redis_scripts.py` for APPEND; `redis_log.py`, which sends.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from wsserver.brokers.envelope import encode_row, head_of_messages
from wsserver.brokers.redis_names import Names
from wsserver.chat.log import Done, Publication, Stored
from wsserver.chat.vocabulary import MessageEvent

KEY_WINDOW_S: Final = 300
"""For so long the same key by the same user in the same channel is the same message, and a parcel is remembered."""

PARCEL_ROWS: Final = 1000
"""A script may hand so many values to one command at least (its stack has 8,000 places)."""

PARCEL_BYTES: Final = 256 * 1024
"""A script holds up everybody; so much is handled in less than a millisecond. A single message may be larger."""

_answer: Final = msgspec.msgpack.Decoder(tuple[str, int, list[tuple[int, int, int]]]).decode


class Batch:
    """What is said to `done` when all parcels are answered for."""

    __slots__ = ("done", "failure", "left", "publications", "stored")

    def __init__(self, publications: Sequence[Publication], done: Done) -> None:
        self.publications = publications
        self.done = done
        self.left = 0  # parcels without an answer
        self.stored: list[Stored | None] = [None] * len(publications)
        self.failure: Exception | None = None


class Parcel:
    """Messages of one channel."""

    __slots__ = ("arguments", "batch", "channel", "doubtful_since", "keys", "places")

    def __init__(self, batch: Batch, channel: str, places: list[int]) -> None:
        self.batch = batch
        self.channel = channel
        self.places = places  # in the batch
        self.doubtful_since: float | None = None  # Redis may have seen it, and no answer came
        self.keys: list[str] = []
        self.arguments: list[Any] = []

    def open(self, reply: bytes) -> tuple[str, list[MessageEvent]]:
        """Fill in what became of each message; return the epoch and the new ones. Raises msgspec.DecodeError."""
        epoch, seq, again = _answer(reply)
        known = {index: (first, ts) for index, first, ts in again}
        fresh: list[MessageEvent] = []
        for index, place in enumerate(self.places):
            one = self.batch.publications[place]
            if index in known:
                message = MessageEvent(self.channel, known[index][0], one.user, "", known[index][1])
            else:
                message = MessageEvent(self.channel, seq, one.user, one.text, one.ts)
                fresh.append(message)
                seq += 1
            self.batch.stored[place] = Stored(message, index in known)
        return epoch, fresh


def pack(
    batch: Batch,
    node: str,
    names: Names,
    new_name: Callable[[], str],
    rules: Callable[[str], tuple[str, int, int]],
) -> list[Parcel]:
    """Return the parcels of `batch`. `rules(channel)`: an epoch if it has none, its history, its seconds to live."""
    by_channel: dict[str, list[int]] = {}
    for place, one in enumerate(batch.publications):
        by_channel.setdefault(one.channel, []).append(place)
    parcels: list[Parcel] = []
    for channel, places in by_channel.items():
        rows = [encode_row(one.user, one.text, one.ts) for one in map(batch.publications.__getitem__, places)]
        start = size = 0
        for index, row in enumerate(rows):
            if index > start and (size + len(row) > PARCEL_BYTES or index - start >= PARCEL_ROWS):
                parcels.append(_parcel(batch, channel, places[start:index], rows[start:index], names))
                start, size = index, 0
            size += len(row)
        parcels.append(_parcel(batch, channel, places[start:], rows[start:], names))
    for parcel in parcels:
        log = names.log(parcel.channel)
        epoch, history, life_s = rules(parcel.channel)
        parcel.keys[:0] = [f"{log}h", f"{log}m", f"{log}b:{new_name()}"]
        head = head_of_messages(node, parcel.channel)
        parcel.arguments[:0] = [epoch, history, life_s, KEY_WINDOW_S, names.channel(parcel.channel), head]
    batch.left = len(parcels)
    return parcels


def _parcel(batch: Batch, channel: str, places: list[int], rows: list[bytes], names: Names) -> Parcel:
    parcel = Parcel(batch, channel, places)
    log = names.log(channel)
    for place, row in zip(places, rows, strict=True):
        one = batch.publications[place]
        number = 0
        if one.key is not None:
            parcel.keys.append(f"{log}k:{one.user}\0{one.key}")  # a user's name holds no control character
            number = 3 + len(parcel.keys)
        parcel.arguments += (row, one.ts, number)
    return parcel
