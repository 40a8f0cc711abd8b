"""A deadline that is moved again and again and hardly ever met: one timer, touched only when it has to fire earlier.

Every answer moves it later. Cancelling and arming a timer each time would fill the heap with husks, so moving later is
one assignment; when the timer fires too early, it is armed again for what is left.

Read next: `timers.py`; `wheel.py`, for a crowd of them; `brokers/redis_commands.py`, which has one of these.
"""

from collections.abc import Callable

from wsserver.reactor.timers import Timer, Timers


class Deadline:
    """Calls `callback` when `due` has really passed. Times are seconds on the monotonic clock."""

    __slots__ = ("_callback", "_timer", "_timers", "due")

    def __init__(self, timers: Timers, callback: Callable[[], None]) -> None:
        self.due = 0.0
        self._timers = timers
        self._callback = callback
        self._timer: Timer | None = None

    def move(self, due: float) -> None:
        """Set when it is due, earlier or later than before."""
        self.due = due
        if self._timer is None or self._timer.when > due:
            self.clear()
            self._timer = self._timers.call_at(due, self)

    def clear(self) -> None:
        """Make it not happen, until it is moved again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def retire(self) -> None:
        """Make it never happen again, and let go of the callback: its owner would not be freed otherwise."""
        self._callback = _nothing
        self.clear()

    def __call__(self) -> None:
        """Fire: it is its own timer's callback, which saves an object."""
        fired, self._timer = self._timer, None
        if fired is not None and fired.when < self.due:
            self._timer = self._timers.call_at(self.due, self)
        else:
            self._callback()


def _nothing() -> None:
    """The callback of a deadline that is over."""
