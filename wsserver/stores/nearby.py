"""A store of this process with the face of one that lies elsewhere: for the channels that a remote log does not hold.

Every answer comes in the next turn, as the chat expects of a remote log; nothing is waited for.

Read next: `chat/remote_log.py`, the face; `memory.py`, the usual store behind it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from wsserver.chat.log import Done, Publication, StoreUnavailable
from wsserver.chat.remote_log import Glance, Glanced, Read
from wsserver.stores.base import Store

KNOWN_LIMIT: Final = 200_000
"""Channels that are kept, twice what the chat has at a time: names are free for everybody to make up."""


class NearbyLog:
    """A `RemoteLog`."""

    announces = True
    """There is nobody to tell: what is kept here concerns this process alone."""

    def __init__(self, store: Store, call_soon: Callable[[Callable[[], None]], None], limit: int = KNOWN_LIMIT) -> None:
        """`store` answers `append` at once; `call_soon(callback)` has it called in the next turn.

        At most `limit` channels are kept, those that were asked for last.
        """
        self._store = store
        self._call_soon = call_soon
        self._limit = limit
        self._known: dict[str, None] = {}  # channels; the one that was asked for last stands last
        self._closed = False

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now."""
        return self._store.trouble

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        """Store all of `batch` or nothing (`RemoteLog.append`)."""
        for publication in batch:
            self._note(publication.channel)
        self._ask(lambda: self._store.append(batch, done), done)

    def glance(self, channel: str, limit: int, done: Glanced) -> None:
        """Read the head and the newest messages (`RemoteLog.glance`)."""
        self._note(channel)

        def look() -> Glance:
            head = self._store.head(channel)
            return Glance(head, self._store.before(channel, head.seq + 1, limit))

        self._ask(look, done)

    def read(self, channel: str, first: int, last: int, done: Read) -> None:
        """Read messages by their numbers (`RemoteLog.read`)."""
        self._note(channel)
        self._ask(lambda: self._store.after(channel, first - 1, last - first + 1), done)

    def close(self) -> None:
        """Let go of the store; callbacks that are still due are not called."""
        self._closed = True
        self._store.close()

    def _note(self, channel: str) -> None:
        """Make room for `channel`. What is let go has another epoch when it comes back."""
        self._known.pop(channel, None)
        self._known[channel] = None
        if len(self._known) > self._limit:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._store.release(oldest)

    def _ask(self, question: Callable[[], Any], done: Callable[[Any], None]) -> None:
        try:
            answer = question()
        except StoreUnavailable as error:
            answer = error
        self._call_soon(partial(self._tell, done, answer))

    def _tell(self, done: Callable[[Any], None], answer: Any) -> None:
        if not self._closed:
            done(answer)
