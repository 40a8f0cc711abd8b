"""Who a transport works for. The consumer owns the interface: `clients/` and `farewell.py` implement it.

Read next: `transport.py`, the caller.
"""

from typing import Final, Protocol

OVERFLOW: Final = "overflow"
STALLED: Final = "stalled"
SHED: Final = "memory is short"


class Owner(Protocol):
    """Hears what happens to a connection."""

    def on_eof(self) -> None:
        """The peer will send nothing more (FIN). It may still read."""

    def on_lost(self, error: OSError) -> None:
        """The connection broke; the transport has closed itself."""

    def on_stuck(self, reason: str) -> None:
        """The peer does not read: OVERFLOW, its queue is full; STALLED, what waits has waited too long; or SHED."""

    def on_buried(self) -> None:
        """The fd is closed; nothing more will be heard."""

    def on_crash(self, error: Exception) -> None:
        """An exception of ours escaped while this connection's events were handled."""
