"""One worker as the hub sees it: its end of the socket, which channels it has opened, and what waits to be sent to it.

What waits is bounded, and nobody waits for long for a worker that does not read:

    CLOG_BYTES wait       nothing more is appended for anybody, which would add to it (`hub_log.py`)
    for PATIENCE_S        the worker is cut off, ends, and is started again
    QUEUE_LIMIT           it is cut off at once

Read next: `hub.py`.
"""

from collections.abc import Callable
from socket import SocketType
from typing import Final, Protocol

from wsserver.brokers.hub_wire import GARBAGE, READ_SIZE, Frames, FromWorker, decode_from_worker
from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor

CLOG_BYTES: Final = 16 * 1024 * 1024
"""A second and a half of what a worker takes in at its busiest (10 MiB/s): it is far behind."""

QUEUE_LIMIT: Final = 64 * 1024 * 1024
"""What does not wait for it (binary messages, presence) may go so far."""


class Switchboard(Protocol):
    """Who hears what workers say."""

    def on_item(self, worker: "HubWorker", item: FromWorker, data: bytes) -> None:
        """`data` is the item as it came."""

    def on_end(self, worker: "HubWorker", why: str) -> None:
        """It is gone, or was cut off; nothing more is heard of it."""


class HubWorker:
    """`node` is "" before it has said hello."""

    __slots__ = ("_board", "_frames", "_transport", "_waiting", "node", "opened", "over")

    def __init__(self, reactor: Reactor, sock: SocketType, board: Switchboard) -> None:
        """`sock` is connected, non-blocking, and ours from now on."""
        # configuration
        self._board = board
        self._transport = Transport(reactor, sock, "", QUEUE_LIMIT)
        self._transport.on_bytes = self._on_bytes
        self._transport.read_size = READ_SIZE
        # state
        self.node = ""
        self.opened: set[str] = set()  # the channels that it hears of
        self.over = False
        self._frames = Frames()
        self._waiting: dict[Callable[[], None], None] = {}  # who wants to know when everything has left
        self._transport.start(self)

    def send(self, frame: bytes) -> None:
        """Send a frame; it leaves at the end of the turn. One that is larger than the limit is let through once."""
        if self.over:
            return
        if self._transport.queued > QUEUE_LIMIT:
            self._transport.note("it does not read")
        else:
            self._transport.write_last(frame)

    @property
    def clogged(self) -> bool:
        """So much waits for it that nothing should be added."""
        return self._transport.queued > CLOG_BYTES

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when everything has left; not if the worker ends before. Asking twice is asking once."""
        self._waiting[callback] = None
        self._transport.on_drained = self._drained

    def _drained(self) -> None:
        self._transport.on_drained = None
        waiting, self._waiting = self._waiting, {}
        for callback in waiting:
            callback()

    def cut(self, why: str) -> None:
        """Have nothing to do with it any more."""
        if not self.over:
            self.over = True
            self._transport.close()
            self._board.on_end(self, why)

    def close(self) -> None:
        """Close our end without another word."""
        self.over = True
        self._transport.close()

    def _on_bytes(self, data: bytes) -> None:
        try:
            items = [(decode_from_worker(encoded), encoded) for encoded in self._frames.feed(data)]
        except GARBAGE as error:
            self.cut(f"it says what cannot be understood: {error}")
            return
        for item, encoded in items:
            if self.over:
                return
            self._board.on_item(self, item, encoded)

    # -- what the transport tells -----------------------------------------------------------------------------------

    def on_eof(self) -> None:
        """The process has ended."""
        self.cut("it has ended")

    def on_lost(self, error: OSError) -> None:
        """The same, while something was on its way."""
        self.cut("it has ended")

    def on_stuck(self, reason: str) -> None:
        """It hangs, or is stopped."""
        self.cut(f"it does not read what it is sent ({reason})")

    def on_buried(self) -> None:
        """The fd is closed."""

    def on_crash(self, error: Exception) -> None:
        """A mistake of ours: what this worker knows may be wrong from now on."""
        self.cut("a mistake was made while it was served")
