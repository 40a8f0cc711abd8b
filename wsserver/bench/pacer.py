"""An open loop: something is due at its time, whatever became of what was due before.

    due = start + n / rate,  n = 0, 1, 2 ...

Due times are computed from the start, never from the last one, so they do not drift; and they are what latencies are
measured from. When the load tester itself is late, that shows in `late`, and the report says so.

Read next: `poller.py`, without which a millisecond would be the shortest wait.
"""

from collections.abc import Callable
from typing import Final

from wsserver.bench.latencies import Latencies
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

BURST: Final = 256
"""Due things done in one go: who is behind must still read what comes."""


class Pacer:
    """Calls `act(due_us)` at a rate, from `start_s` until `end_s` on the monotonic clock."""

    def __init__(self, reactor: Reactor, rate: float, act: Callable[[int], None]) -> None:
        self.reactor = reactor
        self.rate = rate  # a second
        self.late = Latencies()
        self.done = 0
        self._act = act
        self._start_s = self._end_s = 0.0
        self._timer: Timer | None = None

    def start(self, start_s: float, end_s: float) -> None:
        """Begin."""
        self._start_s, self._end_s = start_s, end_s
        self._arm()

    def stop(self, now_s: float) -> int:
        """End; return how many were due by now and have not been done: the load tester was too slow."""
        if self._timer is not None:
            self._timer.cancel()
        until = min(now_s, self._end_s)
        due = max(0, int((until - self._start_s) * self.rate))
        due += self._start_s + due / self.rate < until  # the same sum as in `_fire`, or rounding would owe one
        return max(0, due - self.done)

    def _arm(self) -> None:
        due_s = self._start_s + self.done / self.rate
        self._timer = self.reactor.timers.call_at(due_s, self._fire) if due_s < self._end_s else None

    def _fire(self) -> None:
        now = self.reactor.world.monotonic()
        late = self.late.counts
        for _ in range(BURST):
            due_s = self._start_s + self.done / self.rate
            if due_s > now or due_s >= self._end_s:
                break
            late[int((now - due_s) * 1e6)] += 1
            self.done += 1
            self._act(int(due_s * 1e6))
        self._arm()
