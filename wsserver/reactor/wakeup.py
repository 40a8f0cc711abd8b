"""How threads and signals reach a reactor that sleeps in `poll`: one byte through a socket pair.

`post` is the only call in the house that another thread may make. Signals come the same way: the interpreter's C
handler writes a byte into the pair (signal.set_wakeup_fd), so that `poll` returns; the interpreter's own handler notes
which signal it was; and the callback runs in the loop's own turn, never in the middle of somebody else's line. A full
pipe is harmless: a byte says "wake up" and nothing else, and one that does not fit has said it already.

Read next: `loop.py`, step 6 of the turn.
"""

import signal
from collections import deque
from collections.abc import Callable
from socket import socket
from typing import Protocol

from wsserver.reactor.poller import READ
from wsserver.reactor.world import World


class Watcher(Protocol):
    """The part of the reactor that the wake-up needs."""

    def watch(self, fd: int, interest: int, handler: "Wakeup") -> None:
        """Report the events of `fd` to `handler`."""

    def unwatch(self, fd: int) -> None:
        """Stop that."""


class Wakeup:
    """The socket pair, what was posted through it, and the callbacks of signals."""

    def __init__(self, world: World, reactor: Watcher) -> None:
        self._reactor = reactor
        self._reader, self._writer = world.socket_pair()
        self._posted: deque[Callable[[], None]] = deque()
        self._on_signal: dict[int, Callable[[], None]] = {}
        self._caught: set[int] = set()  # signals that came and whose callbacks were not posted yet
        self._before: dict[int, object] = {}
        reactor.watch(self._reader.fileno(), READ, self)

    def post(self, callback: Callable[[], None]) -> None:
        """Have `callback` run in the reactor's thread, soon. Any thread may call this."""
        self._posted.append(callback)
        _poke(self._writer)

    def on_signal(self, number: int, callback: Callable[[], None]) -> None:
        """Have `callback` run in the reactor's thread whenever the process gets signal `number`.

        Signals that come faster than the loop turns are one. Main thread only (signal.signal).
        """
        if not self._on_signal:
            signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._on_signal[number] = callback
        self._before.setdefault(number, signal.signal(number, self._catch))

    def _catch(self, number: int, _frame: object) -> None:
        """Runs between two instructions of whatever runs now, so it notes and wakes, and does nothing else.

        It wakes once more: the byte of the C handler may have been read before this came to run.
        """
        self._caught.add(number)
        _poke(self._writer)

    def on_events(self, _mask: int) -> None:
        """The pair is readable: see which signals came. What was posted runs in step 6, by `take_posted`."""
        while _drain(self._reader):
            pass
        while self._caught:
            self._posted.append(self._on_signal[self._caught.pop()])

    def on_crash(self, error: Exception) -> None:
        """An error in here is ours and leaves nothing to go on with."""
        raise error

    def take_posted(self) -> list[Callable[[], None]]:
        """Remove and return what was posted so far, oldest first. What a callback posts waits for the next turn."""
        posted = self._posted
        return [posted.popleft() for _ in range(len(posted))]

    def close(self) -> None:
        """Give the signals and the pair back."""
        if self._on_signal:
            signal.set_wakeup_fd(-1)
            for number, before in self._before.items():
                signal.signal(number, before)  # type: ignore[arg-type]
        self._reactor.unwatch(self._reader.fileno())
        self._reader.close()
        self._writer.close()


def _poke(writer: socket) -> None:
    try:
        writer.send(b"\0")
    except BlockingIOError:
        pass  # full of wake-ups that nobody has read yet: one more says nothing new


def _drain(reader: socket) -> bytes:
    try:
        return reader.recv(4096)
    except BlockingIOError:
        return b""
