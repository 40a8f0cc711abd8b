"""What the chat asks of a store: a log that numbers the messages of each channel and gives them back.

The consumer owns the interface; `stores/` implements it. The log is the only source of a channel's order: a message has
no place in it before it has been answered for. A log may answer at once or later, so `append` has two ways to do it;
reading is always answered at once.

    append ---> list[Stored]        done: memory, or a disk that need not be waited for
           \\-> None ... done(...)   later, once: a disk that must have it, a database elsewhere

Read next: `batch.py`, which appends; `history.py`, which reads.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from wsserver.chat.vocabulary import MessageEvent


class StoreUnavailable(Exception):
    """The log cannot do its work just now. Nothing of what was asked for has been done.

    Its text is for whoever runs the server: it may say where the store is, and under which name we go there.
    """

    told = "the store cannot be used just now"
    """What clients are told, who may be anybody."""


class Doubtful(StoreUnavailable):
    """The log was lost while it worked: what was asked for may have been done, or not."""

    told = "the store was lost meanwhile, and may have it or not"


class NotYet(StoreUnavailable):
    """What was asked for is on its way from elsewhere: ask again when told. Nothing has been changed.

    Who cannot wait may take it for what it is, a store that cannot be read at this moment.
    """

    def __init__(self, subscribe: Callable[[Callable[[], None]], None]) -> None:
        """`subscribe(callback)`: have `callback` called once, when asking again will be answered, or refused."""
        super().__init__("it is still being asked")
        self.when_ready = subscribe


class Publication(Struct, gc=False, frozen=True, array_like=True):
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


Outcome = list[Stored] | Exception
"""What became of a batch, in its order; or why nothing of it was stored: StoreUnavailable, or a mistake of ours."""

Done = Callable[[Outcome], None]


@runtime_checkable
class Reaching(Protocol):
    """A log whose `head` is what was delivered here, which may be less than a client has seen elsewhere."""

    def reach(self, channel: str, seq: int) -> None:
        """Return when everything up to `seq` was delivered here, or the log has no such message.

        Raises NotYet while that is not known, and StoreUnavailable.
        """


class Log(Protocol):
    """Every method raises StoreUnavailable when the store is not there."""

    def append(self, batch: Sequence[Publication], done: Done) -> list[Stored] | None:
        """Store all of `batch` or nothing, and return what became of each, in the same order.

        None means that it takes time: `done` is called later, once, in the reactor's thread, and until then nothing
        else may be appended. Readers see a batch from the moment it is answered for, not earlier.

        Within a channel seq runs on without a gap, in the order of `batch`. A publication whose channel, user and key
        were there within the last five minutes, in this batch too, is not stored again. All channels of a batch are of
        one part (`part_of`).
        """

    def head(self, channel: str) -> Head:
        """Return where `channel` stands. A channel that was never heard of gets its epoch now."""

    def after(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the oldest `limit` of the kept messages after `seq`, oldest first."""

    def before(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the newest `limit` of the kept messages before `seq`, oldest first."""

    def release(self, channel: str) -> None:
        """The chat needs the room that `channel` takes: what is kept of it in memory only may go, its epoch with it."""

    def part_of(self, channel: str) -> "Log":
        """Return the log that holds `channel`: this one, unless it is several. Parts fail and wait each for itself."""
