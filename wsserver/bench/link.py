"""What the coordinator and its workers say to each other: one JSON object a line, over a socket pair.

    worker       Ready              Progress ...      Stopped            Done
    coordinator         Begin                    Stop         Drain

Read next: `worker.py`, `coordinator.py`: the two ends.
"""

from collections.abc import Callable
from socket import socket
from typing import Final

import msgspec

from wsserver.bench.tally import Tally
from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor

LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes that may wait for the other end: a report takes some KiB, what was sent to a million channels some MiB."""


class Begin(msgspec.Struct, tag=True):
    """Load from `start_s` until `end_s` (seconds on the monotonic clock, which all processes share)."""

    start_s: float
    end_s: float


class Stop(msgspec.Struct, tag=True):
    """It is over before its time."""


class Drain(msgspec.Struct, tag=True):
    """What all have sent, by channel: wait for your part of it."""

    sent: dict[int, int]


class Ready(msgspec.Struct, tag=True):
    """All connections are open or refused."""

    opened: int


class Progress(msgspec.Struct, tag=True):
    """Where it stands."""

    here: int
    sent: int
    received: int


class Stopped(msgspec.Struct, tag=True):
    """Nothing more is sent; this was, by channel."""

    sent: dict[int, int]
    cpu_s: float
    """What this process itself has used since it began the load."""


class Spectrum(msgspec.Struct):
    """Latencies of one kind: `Latencies.encode()` and `greatest_us`."""

    encoded: str
    greatest_us: int


class Done(msgspec.Struct, tag=True):
    """All that was counted. The worker ends after this."""

    tally: Tally
    latency: Spectrum
    connecting: Spectrum
    late: Spectrum | None


Order = Begin | Stop | Drain
News = Ready | Progress | Stopped | Done

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(Order | News).decode


class Link:
    """One end."""

    def __init__(
        self, reactor: Reactor, sock: socket, on_line: Callable[[Order | News], None], on_end: Callable[[], None]
    ) -> None:
        self._on_line = on_line
        self._on_end = on_end  # the other end is gone
        self._held = b""
        self._over = False
        self._then: Callable[[], None] = _nothing
        self._transport = Transport(reactor, sock, "", LINE_LIMIT)
        self._transport.on_bytes = self._on_bytes
        self._transport.start(self)

    def say(self, line: Order | News) -> None:
        """Send one line."""
        self._transport.write_last(_ENCODE(line) + b"\n")

    def finish(self, then: Callable[[], None]) -> None:
        """Let what was said leave, and close; `then` is called when that is done."""
        self._over = True
        self._then = then
        self._transport.finish()

    def close(self) -> None:
        """Close now."""
        self._over = True
        self._transport.close()

    def _on_bytes(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            self._on_line(_DECODE(line))

    def on_eof(self) -> None:
        """The other end is gone."""
        self._end()

    def on_lost(self, _error: OSError) -> None:
        """Likewise."""
        self._end()

    def on_stuck(self, _reason: str) -> None:
        """The other end hangs."""
        self._end()

    def on_buried(self) -> None:
        """The fd is closed."""
        self._then()

    def on_crash(self, error: Exception) -> None:
        """A mistake of ours: the process is of no use any more."""
        raise error

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._transport.close()
            self._on_end()


def _nothing() -> None:
    """Be called when nobody waits."""
