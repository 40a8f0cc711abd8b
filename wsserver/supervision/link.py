"""One end of the wire between a supervisor and a worker: lines out, lines in, and the news that the other end is gone.

Read next: `orders.py`, what is said.
"""

from collections.abc import Callable
from socket import socket

from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor
from wsserver.supervision.orders import LINE_LIMIT, Line, decode, encode


class Link:
    """`on_line(line)` hears what the other end says, `on_end()` once that it is gone, unless we closed first."""

    def __init__(
        self,
        reactor: Reactor,
        sock: socket,
        on_line: Callable[[Line], None],
        on_end: Callable[[], None],
        held: bytes = b"",
    ) -> None:
        """`sock` is connected and ours from now on; `held` was read from it already: lines, and the begin of one."""
        self._on_line = on_line
        self._on_end = on_end
        self._held = b""
        self._over = False
        self._transport = Transport(reactor, sock, "", LINE_LIMIT)
        self._transport.on_bytes = self._on_bytes
        self._transport.start(self)
        if held:
            reactor.call_soon(lambda: self._on_bytes(held))

    def say(self, line: Line) -> None:
        """Send one line; it leaves at the end of the turn. To somebody who is gone nothing is said."""
        if not self._over:
            self._transport.write_last(encode(line) + b"\n")

    def close(self) -> None:
        """Close now; nothing more is heard."""
        if not self._over:
            self._over = True
            self._transport.close()

    def _on_bytes(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            if not self._over:
                self._on_line(decode(line))

    def on_eof(self) -> None:
        """The other end is gone."""
        self._end()

    def on_lost(self, _error: OSError) -> None:
        """Likewise."""
        self._end()

    def on_stuck(self, _reason: str) -> None:
        """The other end hangs: it is as good as gone."""
        self._end()

    def on_buried(self) -> None:
        """The fd is closed."""

    def on_crash(self, error: Exception) -> None:
        """A mistake of ours: what the other end says is not understood."""
        self._end()

    def _end(self) -> None:
        if not self._over:
            self.close()
            self._on_end()
