"""What an answer of another node has to look like, by the question. One that looks otherwise was not given.

Another node may be of another version, or somebody else's program that found the way to the broker: what it answers is
put into sums, and shown to clients, only after it was looked at.

Read next: `broker.py`, the questions; `cluster.py`, which adds up the answers.
"""

from typing import Annotated, Any, Final, TypedDict

import msgspec
from msgspec import Meta

from wsserver.chat.broker import Asked, Count, ListChannels, ListConnections

Number = Annotated[int, Meta(ge=0, le=2**53)]
"""The greatest integer that every JSON implementation agrees on; a sum of thousands fits into 64 bits."""

Amount = Number | Annotated[float, Meta(ge=0, le=2.0**53)]
Text = Annotated[str, Meta(max_length=1024)]
"""Four times the longest name."""


class Connection(TypedDict):
    """One of those that `GET /api/connections` lists."""

    client: Text | None
    user: Text | None
    state: Text
    address: Text
    pending: Number
    messages_in: Number
    messages_out: Number
    age: Amount


class Connections(TypedDict):
    """Some of a node's, and how many more there are."""

    connections: list[Connection]
    more: Number


_SHAPES: Final[dict[type, Any]] = {
    Count: dict[Text, Amount],
    ListChannels: list[tuple[Text, Number]],
    ListConnections: Connections,
}


def sensible(question: Asked, answers: list[Any]) -> list[Any]:
    """Return those of `answers` that are answers to `question`."""
    shape = _SHAPES.get(type(question), Number)
    kept = []
    for answer in answers:
        try:
            kept.append(msgspec.convert(answer, shape))
        except (msgspec.ValidationError, RecursionError):
            continue
    return kept
