"""Gives memory back when most clients have gone.

What a thousand clients made the process allocate is free when they are gone, but free in the C library's books: it lies
between what is still in use, and the kernel gets none of it back by itself. So when the number of sockets has fallen to
half of what it was, the library is asked once to return whole pages that are free. (After 1,000 attackers at once that
was half of what the process had grown by; most of the rest is the interpreter's own, and serves the next thousand.)

     sockets
       high  . . /\\
                /  \\
    high/2 . . / . .\\ . . . . a moment later: trim; and the water level is low again
              /       \\____

It costs about 1 ms for ten megabytes, which is why it is not done more often than the tide allows.

Read next: `reactor/world.py`, `trim_memory`.
"""

from typing import Final

from wsserver.reactor.loop import Reactor

LEAST: Final = 64
"""Sockets below which it is not worth while."""

PAUSE_S: Final = 1.0
"""After that moment: those who leave together have all left, and what they made us remember is forgotten."""


class Ebb:
    """One for each server: told how many sockets there are, it trims when they have become few."""

    __slots__ = ("_count", "_high", "_reactor", "_waits")

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._count = 0
        self._high = 0  # the most there were since the last time
        self._waits = False  # a trim is coming

    def note(self, count: int) -> None:
        """There are `count` sockets now."""
        self._count = count
        if count > self._high:
            self._high = count
        elif count * 2 <= self._high >= LEAST and not self._waits:
            self._waits = True
            self._reactor.call_later(PAUSE_S, self._trim)

    def _trim(self) -> None:
        self._waits = False
        self._high = self._count
        self._reactor.world.trim_memory()
