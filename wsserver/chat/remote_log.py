"""What the chat asks of a log that lies elsewhere: in a database, in another process. Every answer comes later.

The chat keeps a copy of the newest messages of each channel that somebody here is in (`replicas.py`), and answers most
questions from it. Only what that copy does not hold is asked here.

Read next: `log.py`, which the rest of the chat sees; `replicas.py`, which makes the one out of the other.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from wsserver.chat.log import Done, Head, Publication
from wsserver.chat.vocabulary import MessageEvent


class Glance(Struct, gc=False, frozen=True):
    """Where a channel stood at one moment, and its newest messages then, oldest first."""

    head: Head
    messages: list[MessageEvent]


Glanced = Callable[[Glance | Exception], None]
Read = Callable[[list[MessageEvent] | Exception], None]


class RemoteLog(Protocol):
    """Nothing here blocks and nothing raises: an answer that cannot be had is StoreUnavailable, in the callback.

    Each callback is called once, later, in the reactor's thread, and within the time limit of the link (5 s). Several
    questions may be on their way at once. Messages below a channel's head never change; the oldest may go.
    """

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now; None when all is well."""

    @property
    def announces(self) -> bool:
        """Whether the log itself tells the other nodes what is appended here; else the chat tells the broker."""

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        """Store all of `batch` or nothing (`Log.append`); at most one batch at a time is on its way.

        Numbers are given by the log, to all nodes: what others stored meanwhile lies between two batches of ours.
        A batch whose outcome is unknown, for the link broke, is asked after before `done` is called.
        """

    def glance(self, channel: str, limit: int, done: Glanced) -> None:
        """Read the head of `channel` and at most `limit` of its newest messages, both of one moment."""

    def read(self, channel: str, first: int, last: int, done: Read) -> None:
        """Read the kept messages with `first <= seq <= last`, oldest first; at most 300 are asked for."""

    def close(self) -> None:
        """Let go of everything. Callbacks that are still due are not called."""
