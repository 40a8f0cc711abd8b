"""Old messages of one channel that were asked for elsewhere, kept for a moment for whoever waits for them.

Messages that a node has delivered never change, so what was read may be put together with a stream that has moved on
meanwhile. A page is kept until those who wait had their turn, and a little longer: somebody who recovers asks for the
next page while the first one is still here, and then again for both.

    lacking ---> begin ... arrive ---> read, read, read --- KEEP_S ---> gone

Read next: `replicas.py`.
"""

from collections.abc import Callable
from typing import Final

from wsserver.chat.log import NotYet, StoreUnavailable
from wsserver.chat.vocabulary import MessageEvent

KEEP_S: Final = 2.0
"""As long as ten pages, one after the other, and a thousand clients that wait for the same ones may take."""

PAGES: Final = 64
"""Of one channel at once; whoever wants more asks again."""


class Page:
    """The messages with `first <= seq <= last`, or what is on its way of them."""

    __slots__ = ("first", "kept_until", "last", "outcome", "waiters")

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last
        self.outcome: list[MessageEvent] | StoreUnavailable | None = None
        self.waiters: list[Callable[[], None]] = []
        self.kept_until = 0.0


class Pages:
    """Those of one channel."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: list[Page] = []

    def __len__(self) -> int:
        return len(self._pages)

    def find(self, first: int, last: int) -> list[MessageEvent] | None:
        """Return the messages of a range, None when nobody has asked for it. Raises NotYet, and StoreUnavailable."""
        for page in self._pages:
            if page.first <= first and last <= page.last:
                if page.outcome is None:
                    raise NotYet(page.waiters.append)
                if isinstance(page.outcome, StoreUnavailable):
                    raise StoreUnavailable(str(page.outcome))
                return [message for message in page.outcome if first <= message.seq <= last]
        return None

    def begin(self, first: int, last: int) -> Page:
        """Note that a range is asked for. Raises StoreUnavailable when too much is."""
        if len(self._pages) >= PAGES:
            raise StoreUnavailable("too much of one channel is read at once")
        page = Page(first, last)
        self._pages.append(page)
        return page

    def expire(self, now: float) -> float | None:
        """Forget what nobody waits for any longer; return when the next will be forgotten."""
        self._pages = [page for page in self._pages if page.outcome is None or page.kept_until > now]
        return min((page.kept_until for page in self._pages if page.outcome is not None), default=None)

    def drop(self) -> list[Callable[[], None]]:
        """Forget everything; return who waits."""
        waiters = [waiter for page in self._pages for waiter in page.waiters]
        self._pages = []
        return waiters
