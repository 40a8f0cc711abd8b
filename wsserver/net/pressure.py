"""Sheds the slowest readers when what waits for all of them together is too much, or the process has grown too big.

Each queue has its own limit (`transport.py`); a thousand queues just below it are a gigabyte. So there is a budget for
all of them, and, where it is set, a limit for the resident memory of the process. Above either, whoever makes the
server hold most goes first, until enough is given back.

    first wire blocks -> in CHECK_S: queued in all > budget? -> what is really pinned > budget? -> shed, largest first
    every CHECK_S, if a limit of memory is set: resident > limit? -> `short`: nobody new -> shed, largest first

The account costs a message nothing: it is made from the blocked queues alone, while there are any. A frame that waits
in a hundred queues is one object, so its bytes are shared out among those who hold it, which its reference count tells.
That takes a look at every frame; so it is done only when the plain sum, which is never too small, is above the budget,
and for a few frames of each queue.

Read next: `transport.py`, whose `note` tells the owner; `clients/registry.py`, which asks `short`.
"""

from collections.abc import Callable
from sys import getrefcount
from typing import Any, Final, cast

from wsserver.net.outbox import ENTRY_OVERHEAD
from wsserver.net.owner import SHED
from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

CHECK_S: Final = 0.5
"""How often it is looked at. A link of a gigabit a second brings 60 MB in that time; by so much may the budget be
exceeded."""

SHED_AT_ONCE: Final = 256
"""Clients shed by one check: each takes some 50 microseconds, and others wait meanwhile."""

SAMPLE: Final = 64
"""Frames of one queue that are looked at, spread evenly. A longer queue has frames of 16 KiB on average at most (1 MiB
by default), none of which weighs much."""

_PLACE: Final = 8
"""Bytes that a frame takes in each queue: a pointer."""

_OBJECT: Final = ENTRY_OVERHEAD - _PLACE
"""Bytes that a frame takes once besides its own."""


class Pressure:
    """One for each server. `on_shed(clients, bytes)` and `on_short(resident bytes)` hear what was done, for the log."""

    def __init__(
        self,
        reactor: Reactor,
        queued_limit: int,
        memory_limit: int,
        on_shed: Callable[[int, int], None],
        on_short: Callable[[int], None],
    ) -> None:
        """`queued_limit` bytes in all queues, `memory_limit` bytes resident; 0 turns either off."""
        # configuration
        self._reactor = reactor
        self._queued_limit = queued_limit
        self._memory_limit = memory_limit
        self._on_shed = on_shed
        self._on_short = on_short
        if queued_limit:
            reactor.on_blocked = self._watch
        # state
        self.short = False  # memory is: nobody new may come in
        self._timer: Timer | None = None
        # statistics
        self.shed = 0  # clients

    def start(self) -> None:
        """Begin to watch the memory, if it has a limit: now, and from now on."""
        if self._memory_limit:
            self._check()

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self._reactor.call_later(CHECK_S, self._check)

    def _check(self) -> None:
        """Look once. Who is going already counts as gone: its closing handshake ends within seconds."""
        self._timer = None
        queues = [queue for queue in map(self._queue_of, self._reactor.blocked) if queue.frames]
        staying = [queue for queue in queues if queue.limit >= 0]
        excess = self._memory_excess()
        if excess > 0:
            excess -= sum(pinned_by(queue) for queue in queues if queue.limit < 0)
        excess = max(excess, self._queued_excess(staying))
        if excess > 0:
            self._shed(staying, excess)
        if self._memory_limit or queues:
            self._watch()

    def _queue_of(self, wire: Any) -> Transport:
        return cast(Transport, self._reactor.handler_of(wire.__self__.fileno()))

    def _queued_excess(self, queues: list[Transport]) -> float:
        """How many bytes more than the budget the queues pin."""
        limit = self._queued_limit
        if not limit or sum(queue.queued for queue in queues) <= limit:
            return 0
        return sum(map(pinned_by, queues)) - limit

    def _memory_excess(self) -> float:
        """How many bytes more than its limit the process has; takes note of whether there are any."""
        if not self._memory_limit:
            return 0
        world = self._reactor.world
        resident = world.resident_bytes()
        if resident > self._memory_limit:
            # What was freed may still be with the allocator: of 17 MB that small messages had left there, 16 came back.
            world.trim_memory()
            resident = world.resident_bytes()
        excess = resident - self._memory_limit
        if excess > 0 and not self.short:
            self._on_short(resident)
        self.short = excess > 0
        return excess

    def _shed(self, queues: list[Transport], excess: float) -> None:
        """Give up clients, those who pin most first, until `excess` bytes are freed."""
        candidates = [(pinned_by(queue), queue) for queue in queues]
        candidates.sort(key=lambda candidate: candidate[0], reverse=True)
        freed, count = 0.0, 0
        for pinned, queue in candidates[:SHED_AT_ONCE]:
            if freed >= excess:
                break
            queue.note(SHED)
            freed += pinned
            count += 1
        if count:
            self.shed += count
            self._on_shed(count, round(freed))


def pinned_by(queue: Transport) -> float:
    """Return about how many bytes this queue makes the server hold: of a frame that several hold, its part."""
    frames = queue.frames
    head, rest = frames[:1], frames[1 :: len(frames) // SAMPLE + 1]  # the head may be larger than any limit
    pinned = _parts_of(head)
    if rest:
        pinned += _parts_of(rest) / _charge(rest) * (queue.queued - _charge(head))
    return pinned


def _parts_of(sample: list[bytes]) -> float:
    """Return the part of these frames that falls to one queue. They are held by queues and by `sample`, once each."""
    holders = [count - _OTHERS for count in map(getrefcount, sample)]
    parts = [(len(frame) + _OBJECT) / count for frame, count in zip(sample, holders, strict=True)]
    return sum(parts) + _PLACE * len(sample)


def _charge(frames: list[bytes]) -> int:
    return sum(map(len, frames)) + ENTRY_OVERHEAD * len(frames)


def _count_others() -> int:
    """Return how many references the look itself adds: to a frame in one queue it must be 1."""
    frames = [bytes(100)]
    sample = frames[::1]
    return next(map(getrefcount, sample)) - 1


_OTHERS: Final = _count_others()
