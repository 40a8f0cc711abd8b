"""Questions on their way to logs that lie elsewhere: so many at once, and the rest in a row.

When a link comes back, or when a room moves from one node to another, thousands of channels are asked about in one
moment; a database answers a hundred as fast, and goes on serving others. What stood in the row for too long is refused,
so that nobody waits for more than one time limit and a half.

Read next: `replicas.py`, which asks; `remote_log.py`, for what.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from wsserver.chat.log import StoreUnavailable

ABREAST: Final = 100
"""Questions on their way at once: 100 answers of 300 messages are 3 MB at most of ordinary text."""

PATIENCE_S: Final = 3.0
"""In the row. A question on its way is answered within five seconds; whoever asked for a page waits for ten."""

Ask = Callable[[Callable[[Any], None]], None]
"""Begins a question; what it is given is called with the answer."""


class Errands:
    """The row."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._row: deque[tuple[float, Ask, Callable[[Any], None]]] = deque()
        self._out = 0
        self._running = False

    def __len__(self) -> int:
        """How many questions have no answer yet."""
        return self._out + len(self._row)

    def ask(self, ask: Ask, done: Callable[[Any], None]) -> None:
        """Have `done` called with the answer to `ask`, or with StoreUnavailable."""
        self._row.append((self._monotonic(), ask, done))
        self._run()

    def _run(self) -> None:
        """Begin what may begin. Not from within itself: a row of refusals must not become a tower of calls."""
        if self._running:
            return
        self._running = True
        try:
            while self._row and self._out < ABREAST:
                since, ask, done = self._row.popleft()
                if self._monotonic() - since > PATIENCE_S:
                    done(StoreUnavailable("too much is asked of it"))
                    continue
                self._out += 1
                ask(self._answered(done))
        finally:
            self._running = False

    def _answered(self, done: Callable[[Any], None]) -> Callable[[Any], None]:
        def answered(answer: Any) -> None:
            self._out -= 1
            try:
                done(answer)
            finally:
                self._run()

        return answered
