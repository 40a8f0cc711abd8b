"""The last words of a connection: how a socket is closed so that what was said last arrives.

Closing a socket with unread input makes the kernel send a reset, which can destroy our last bytes in the peer's buffer
(RFC 9112 section 9.6). So the queue is emptied, then our side is closed (FIN), then the peer gets a moment to close its
own, while what it still sends is thrown away; all three within limits.

    finish -> [ queue leaves, FINISH_S ] -> FIN -> [ discard, LINGER_S or LINGER_BYTES ] -> close

From `Transport.finish` on, a Farewell owns the transport; whoever owned it before only hears that the fd is closed.

Read next: `transport.py`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wsserver.reactor.timers import Timer

if TYPE_CHECKING:
    from wsserver.net.transport import Transport

FINISH_S: Final = 5.0
"""How long our last words may take to leave."""

LINGER_S: Final = 2.0
LINGER_BYTES: Final = 64 * 1024
"""After that: how long and how much we still read and throw away."""


class Farewell:
    """The owner of a transport that has nothing to say but what is queued."""

    __slots__ = ("_discarded", "_on_buried", "_timer", "_transport")

    def __init__(self, transport: "Transport", on_buried: Callable[[], None] | None) -> None:
        self._transport = transport
        self._on_buried = on_buried  # called when the fd is closed
        self._discarded = 0  # bytes
        self._timer: Timer | None = None  # of the current part, once it has begun

    def begin(self) -> None:
        """Take over: wait until the queue is empty, if it is not."""
        transport = self._transport
        transport.on_bytes = self._discard
        transport.on_drained = self._half_close
        transport.release()
        self._timer = transport.reactor.call_later(FINISH_S, transport.close)
        if not transport.frames:
            self._half_close()

    def _half_close(self) -> None:
        """Our last byte has left: say so, and wait a moment for the peer to say the same."""
        transport = self._transport
        transport.on_drained = None
        self._cancel_timer()
        if transport.eof or self._discarded > LINGER_BYTES or not transport.shut_down_writing():
            transport.close()
        else:
            self._timer = transport.reactor.call_later(LINGER_S, transport.close)

    def _discard(self, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > LINGER_BYTES:
            if self._transport.frames:
                self._transport.hold()
            else:
                self._transport.close()

    def on_eof(self) -> None:
        """The peer has closed its side too."""
        if not self._transport.frames:
            self._transport.close()

    def on_lost(self, _error: OSError) -> None:
        """It did not want to hear it."""

    def on_stuck(self, _reason: str) -> None:
        """It does not read it."""
        self._transport.close()

    def on_crash(self, _error: Exception) -> None:
        """A mistake of ours; there is nothing left to save."""
        self._transport.close()

    def on_buried(self) -> None:
        """The fd is closed: tell whoever wants to know."""
        self._cancel_timer()
        if self._on_buried is not None:
            self._on_buried()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
