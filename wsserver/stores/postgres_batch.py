"""One batch as parameters of `wsserver.append`, and what became of it.

The database says for each channel from which number on, and which keys it knew; the rest follows. So the answer is the
same few bytes for one message and for a thousand, and a batch that was asked for twice has the same answer twice.

Read next: `postgres_statements.py` for the function; `postgres.py`, which sends it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from wsserver.chat.log import Publication, Stored
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.postgres_text import escape, join

_ANSWER: Final = msgspec.json.Decoder(tuple[list[int], list[tuple[int, int, int]]])


class Parcel:
    """A batch and its parameters; they stay the same however often they are sent."""

    __slots__ = ("_again", "_of", "_said", "batch", "parameters")

    def __init__(self, batch: Sequence[Publication], writer: str, number: int) -> None:
        """`writer` and `number` together name the batch, once and for all."""
        self.batch = batch
        self._said, self._again = _without_repetitions(batch)
        said = self._said
        # Names are sorted as the database sorts them (COLLATE "C", by bytes): everybody locks channels in that order.
        names = sorted({one.channel for one in said}, key=lambda name: escape(name).encode())
        place = {name: index for index, name in enumerate(names)}
        self._of = [place[one.channel] for one in said]
        keyed = any(one.key is not None for one in said)
        self.parameters: list[bytes | None] = [
            writer.encode(),
            b"%d" % number,
            join(names),
            b"{%s}" % ",".join([str(index + 1) for index in self._of]).encode(),
            join([one.user for one in said]),
            join([one.text for one in said]),
            b"{%s}" % ",".join([str(one.ts) for one in said]).encode(),
            join([one.key or "" for one in said]) if keyed else b"",
        ]

    def open(self, answer: bytes) -> list[Stored]:
        """Return what became of each publication. Raises msgspec.DecodeError when that is no answer."""
        newest, firsts = _ANSWER.decode(answer)
        known = {index: (seq, ts) for index, seq, ts in firsts}
        stored: list[Stored] = []
        for index, (one, place) in enumerate(zip(self._said, self._of, strict=True)):
            first = known.get(index)
            if first is not None:
                stored.append(Stored(MessageEvent(one.channel, first[0], one.user, "", first[1]), True))
                continue
            newest[place] = seq = newest[place] + 1
            stored.append(Stored(MessageEvent(one.channel, seq, one.user, one.text, one.ts), False))
        if self._again is None:
            return stored
        return [_repeat(stored[index]) if again else stored[index] for index, again in self._again]


def _without_repetitions(batch: Sequence[Publication]) -> tuple[Sequence[Publication], list[tuple[int, bool]] | None]:
    """Return the batch without what repeats a key of its own, and where each one's first is; None: it is itself."""
    said: list[Publication] = []
    first: dict[tuple[str, str, str], int] = {}
    places: list[tuple[int, bool]] = []
    for one in batch:
        place = len(said)
        if one.key is not None:
            place = first.setdefault((one.channel, one.user, one.key), place)
        places.append((place, place < len(said)))
        if place == len(said):
            said.append(one)
    return (batch, None) if len(said) == len(batch) else (said, places)


def _repeat(first: Stored) -> Stored:
    """Return what is said of a key that the same batch held before."""
    message = first.message
    return Stored(MessageEvent(message.channel, message.seq, message.user, "", message.ts), True)
