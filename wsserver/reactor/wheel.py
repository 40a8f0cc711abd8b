"""Deadlines of a crowd: a timing wheel, in which all who are due within one eighth of a second share one timer.

Every client has a deadline at any moment, is seldom found late, and moves its deadline often. A timer for each would be
a heap of 15,000 entries: 300 bytes a client, a turn of the reactor for each, and two thirds of what a ping costs in the
interpreter (docs/lab/idle.md). Here a slot is a dict of those who are due in it, and only slots have timers.

     now                                                                 one timer
      |   0.125   |   0.250   |   0.375   |   0.500   |                   /
      +-----------+-----------+-----------+-----------+-- - -    slot {client, client, client, ...}

Nobody is told before its time, and nobody later than SLOT_S after it. Moving a deadline later is an assignment: who is
found in a slot too early is entered again. Only moving it to an earlier slot takes it out of its own.

George Varghese and Tony Lauck, "Hashed and Hierarchical Timing Wheels", 1987; this one has no hands: its slots are
numbered from the beginning of the clock, and those that are empty do not exist.

Read next: `timers.py`; `clients/client.py`, which has a deadline here.
"""

from functools import partial
from itertools import islice
from math import ceil
from typing import Final, Protocol

from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

SLOTS_A_SECOND: Final = 8
SLOT_S: Final = 1 / SLOTS_A_SECOND
"""How late one may be told: no limit that a person sets is meant more exactly. 75 of 15,000 idle clients share a slot.
A power of two, so that the time of a slot is exact."""

FIRE_BATCH: Final = 256
"""So many of a slot are told in one turn, the others in the next: 256 pings take 2 ms, for which others may wait."""


class Bearer(Protocol):
    """Who has a deadline. Compared by identity."""

    due: float
    """When, in seconds on the monotonic clock."""
    slot: "Slot | None"
    """Where it is entered; the wheel's own."""

    def on_deadline(self) -> None:
        """`due` has passed."""

    def on_crash(self, error: Exception) -> None:
        """`on_deadline` failed: a rule of ours is broken. Clean up; the others live on."""


class Slot(dict[Bearer, None]):
    """Who is due, or was when it was entered, in one eighth of a second. A dict, for it keeps the order."""

    __slots__ = ("number", "timer")

    number: int
    """Its end, in eighths of a second on the monotonic clock."""
    timer: Timer


class Wheel:
    """The slots in which somebody is."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._slots: dict[int, Slot] = {}

    def __len__(self) -> int:
        """How many slots there are."""
        return len(self._slots)

    def move(self, bearer: Bearer, due: float) -> None:
        """Set when `bearer` is due, earlier or later than before."""
        bearer.due = due
        slot = bearer.slot
        if slot is None:
            self._enter(bearer)
        elif due * SLOTS_A_SECOND <= slot.number - 1:
            self._take_out(bearer, slot)
            self._enter(bearer)

    def leave(self, bearer: Bearer) -> None:
        """Take `bearer` out and keep no reference to it. A second call does nothing."""
        if bearer.slot is not None:
            self._take_out(bearer, bearer.slot)

    def _enter(self, bearer: Bearer) -> None:
        number = ceil(bearer.due * SLOTS_A_SECOND)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = Slot()
            slot.number = number
            slot.timer = self._reactor.timers.call_at(number / SLOTS_A_SECOND, partial(self._fire, slot))
        slot[bearer] = None
        bearer.slot = slot

    def _take_out(self, bearer: Bearer, slot: Slot) -> None:
        del slot[bearer]
        bearer.slot = None
        if not slot:
            self._drop(slot)

    def _drop(self, slot: Slot) -> None:
        """Forget an empty slot. While it is gone through its number may be given to a new one."""
        slot.timer.cancel()
        if self._slots.get(slot.number) is slot:
            del self._slots[slot.number]

    def _fire(self, slot: Slot) -> None:
        """Tell a batch of those in a slot, in the order in which they came. What they do may move or remove others."""
        now = self._reactor.now
        for bearer in list(islice(slot, FIRE_BATCH)):
            if bearer.slot is not slot:
                continue
            del slot[bearer]
            bearer.slot = None
            if bearer.due > now:
                self._enter(bearer)
            else:
                self._reactor.guard(bearer.on_deadline)
        if slot:
            slot.timer = self._reactor.timers.call_at(now, partial(self._fire, slot))
        else:
            self._drop(slot)
