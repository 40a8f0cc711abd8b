"""What the chat asks of a store: a log that numbers the messages of each channel and gives them back.

The consumer owns the interface; `stores/` implements it. The log is the only source of a channel's order: a message has
no place in it before `append` returned.

Read next: `batch.py`, which appends; `history.py`, which reads.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from wsserver.chat.vocabulary import MessageEvent


class StoreUnavailable(Exception):
    """The log cannot do its work just now. Nothing of what was asked for has been done."""


class Publication(Struct, gc=False, frozen=True):
    """A message on its way into the log. `ts` is milliseconds since 1970."""

    channel: str
    user: str
    text: str
    ts: int
    key: str | None = None


class Stored(Struct, gc=False, frozen=True):
    """What became of a publication: its message, or the seq and ts of the first one with that key."""

    message: MessageEvent
    duplicate: bool


class Head(Struct, gc=False, frozen=True):
    """Where a channel's log stands: `seq` is the newest, `oldest` the oldest that is kept (`seq + 1`: none is)."""

    epoch: str
    seq: int
    oldest: int


class Log(Protocol):
    """Every method raises StoreUnavailable when the store is not there."""

    def append(self, batch: Sequence[Publication]) -> list[Stored]:
        """Store all of `batch` or nothing, and return what became of each, in the same order.

        Within a channel seq runs on without a gap, in the order of `batch`. A publication whose channel, user and key
        were there within the last five minutes, in this batch too, is not stored again.
        """

    def head(self, channel: str) -> Head:
        """Return where `channel` stands. A channel that was never heard of gets its epoch now."""

    def after(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the oldest `limit` of the kept messages after `seq`, oldest first."""

    def before(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the newest `limit` of the kept messages before `seq`, oldest first."""

    def release(self, channel: str) -> None:
        """The chat needs the room that `channel` takes: what is kept of it in memory only may go, its epoch with it."""
