"""What a store gets of the world: clocks, luck, timers, and threads for what must block.

Read next: `sqlite.py`, which needs all of it.
"""

from collections.abc import Callable
from typing import Any, Protocol

from wsserver.clients.router import Timer
from wsserver.reactor.loop import Reactor
from wsserver.reactor.offload import Offload


class Engine(Protocol):
    """A test hands in a fake whose time stands still, the server `ReactorEngine`."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970; it may jump."""

    def random_bytes(self, count: int) -> bytes:
        """Unguessable bytes."""

    def boot_id(self) -> str:
        """The name of this run of the machine: another one after it lost power. Empty where nobody knows."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `delay_s` seconds from now."""

    def offload(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Do `work` in a thread, then call `done` with what it returned or raised, in the loop."""


class ReactorEngine:
    """The real one."""

    def __init__(self, reactor: Reactor, offload: Offload) -> None:
        self.monotonic = reactor.world.monotonic
        self.wall_ms = reactor.world.wall_ms
        self.random_bytes = reactor.world.random_bytes
        self.boot_id = reactor.world.boot_id
        self.call_later = reactor.call_later
        self.offload = offload.run
