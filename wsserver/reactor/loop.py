"""The reactor: one thread, one poller, and a turn that is a list of nine calls.

It knows fds, clocks and callbacks, and never what bytes mean. Handlers register an object for an fd; the object hears
`on_events(mask)` when the kernel has news. Three promises make everything above it simple:

  - **Output is gathered.** Whoever queues output puts its transport on `dirty`; each is flushed once, at the end of the
    turn, so many messages leave in one `send`. This is the largest single gain there is: the kernel's `send` is most of
    what a delivered message costs.
  - **The dead are buried last.** An fd is closed only in step 9. A number that was closed earlier could be handed out
    again by `accept` while events for its former owner still wait in the batch.
  - **Nothing spins.** At rest the process sleeps in `poll` until the next timer.

Read next: `timers.py`, `wakeup.py`, then one floor up: `net/transport.py`.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol, runtime_checkable

from wsserver.reactor.histogram import TURN_BOUNDS_S, Histogram
from wsserver.reactor.poller import MAX_EVENTS, Poller
from wsserver.reactor.timers import Timer, Timers
from wsserver.reactor.wakeup import Wakeup
from wsserver.reactor.world import World

LATE_S: Final = 1.0
"""Timers that are so late say that the process was stopped (SIGSTOP, a sleeping laptop): no turn takes that long."""

SHORT_TURN_S: Final = TURN_BOUNDS_S[0]
"""Turns that are not longer are only added up: nearly all of them, so that telling how long turns take costs 75 ns."""

CATCH_UP_ROUNDS: Final = 64
"""Polls by which, after that, everybody has been heard: MAX_EVENTS in each are 65,536 fds."""

END_ROUNDS: Final = 64
"""Times that the end of a turn starts over because there is more to commit or send; the rest is for the next turn."""

SLEEP_LIMIT_S: Final = 86400.0
"""The longest sleep. epoll_wait(2) takes milliseconds in an int, 24 days; a timer that is due later is asked again."""


class Handler(Protocol):
    """Who hears the events of one fd."""

    def on_events(self, mask: int) -> None:
        """The kernel reports `mask`, a sum of READ, WRITE, ERROR, HANGUP (`poller.py`)."""

    def on_crash(self, error: Exception) -> None:
        """An exception escaped from `on_events` or `flush`: a rule of ours is broken. Clean up; the others live on."""


class Writer(Handler, Protocol):
    """A handler that has output waiting."""

    def flush(self) -> None:
        """Send what is queued, as far as the kernel takes it."""


@runtime_checkable
class Mortal(Protocol):
    """Something that holds an fd and has ended."""

    def bury(self) -> None:
        """Close the fd."""


Callback = Callable[[], None]


class Reactor:
    """Turns until it is told to stop. Everything in it, `post` alone excepted, belongs to the one thread."""

    def __init__(self, world: World, poller: Poller, on_error: Callable[[Exception], None]) -> None:
        self.world = world
        self.now = world.monotonic()  # seconds; the clock that everybody reads during a turn
        self.timers = Timers()
        self.dirty: list[Writer] = []  # those with output waiting, each once
        self.blocked: set[Any] = set()  # wires whose kernel buffer is full (`net/transport.py` keeps it)
        self.on_blocked: Callback = _nothing  # called when the first of them becomes so (`net/pressure.py`)
        self.poller = poller
        self.turns = 0
        self.busy_s = 0.0  # seconds that turns took, without the sleep in each
        self._began = self.now  # when this turn's work began: the sleep in its middle is left out
        self._long_turns = Histogram(TURN_BOUNDS_S)  # of those above its first bound
        self._poll = poller.poll
        self.report = on_error  # where exceptions go that must not end the loop
        self._handlers: dict[int, Handler] = {}
        self._soon: list[Callback] = []
        self._turn_end: list[Callback] = []
        self._dead: list[Mortal] = []
        self._running = False
        self.wakeup = Wakeup(world, self)
        self.post = self.wakeup.post

    # -- one turn ---------------------------------------------------------------------------------------------------

    def run_once(self) -> None:
        """One turn. The numbers are those of docs/architecture.md."""
        now = self.now = self.world.monotonic()  # 1. read the clock
        took_s = now - self._began
        self.busy_s += took_s
        if took_s > SHORT_TURN_S:
            self._note_long_turn(took_s)
        self._began = now
        due = self.timers.take_due(now)  # 2. fire due timers
        for timer in due:
            self.guard(timer.fire, timer.callback)
        timers_s = self.world.monotonic() - now if due else 0.0
        timeout_s = self._may_sleep()  # 3. ask how long we may sleep
        events = self._poll(timeout_s)  # 4. poll
        if timeout_s != 0:
            self.now = self.world.monotonic()  # we slept: what arrives now must not be stamped with before
            self._began = self.now - timers_s
        if self._soon:
            self._run_soon()
        self._hand_out(events)  # 5. call the handler registered for each fd
        for callback in self.wakeup.take_posted():  # 6. run what threads and signals posted
            self.guard(callback)
        for _ in range(END_ROUNDS):
            if not (self._turn_end or self.dirty):
                break
            self._end_turn()  # 7. commit, fan out, acknowledge
            self._flush()  # 8. flush every dirty client once
        if self._dead:
            self._bury()  # 9. close fds, only here
        self.turns += 1

    def run(self) -> None:
        """Turn until `stop` is called."""
        self._running = True
        while self._running:
            self.run_once()

    def stop(self) -> None:
        """Let the current turn be the last, and not sleep: the one who says so may be a timer."""
        self._running = False
        self.call_soon(_nothing)

    def close(self) -> None:
        """Close whatever is still watched, without another word, and give the poller and the wake-up pair back."""
        self._bury()
        for handler in list(self._handlers.values()):
            if isinstance(handler, Mortal):
                handler.bury()
        self.wakeup.close()
        self.poller.close()

    # -- what the floors above call ---------------------------------------------------------------------------------

    def watch(self, fd: int, interest: int, handler: Handler) -> None:
        """Report the events of `fd` to `handler` from the next turn on."""
        self.poller.register(fd, interest)
        self._handlers[fd] = handler

    def unwatch(self, fd: int) -> None:
        """Stop reporting. The fd must still be open, and is unwatched before it is closed."""
        self.poller.unregister(fd)
        del self._handlers[fd]

    def handler_of(self, fd: int) -> Handler:
        """Return who hears the events of `fd`. Raises KeyError when nobody does."""
        return self._handlers[fd]

    @property
    def watched(self) -> int:
        """How many fds are watched: every client, listener and wake-up that there is."""
        return len(self._handlers)

    def call_later(self, delay_s: float, callback: Callback) -> Timer:
        """Call `callback` once, `delay_s` seconds from the start of this turn."""
        return self.timers.call_at(self.now + delay_s, callback)

    def call_soon(self, callback: Callback) -> None:
        """Call `callback` in the next turn, which will not wait for anything.

        For what must not happen in the middle of somebody's loop, and for work that was cut into slices.
        """
        self._soon.append(callback)

    def at_end_of_turn(self, callback: Callback) -> None:
        """Call `callback` once, when this turn's events are handled and before anything is sent."""
        self._turn_end.append(callback)

    def bury(self, mortal: Mortal) -> None:
        """Have `mortal.bury()` called at the end of the turn."""
        self._dead.append(mortal)

    def turn_times(self) -> Histogram:
        """Return how long the turns took that are over, without their sleep (`busy_s` of them in all)."""
        times = Histogram(TURN_BOUNDS_S)
        times.counts = list(self._long_turns.counts)
        times.counts[0] = max(0, self.turns - sum(times.counts))
        times.sum_s = self.busy_s
        times.longest_s = self._long_turns.longest_s
        return times

    # -- steps ------------------------------------------------------------------------------------------------------

    def _note_long_turn(self, took_s: float) -> None:
        """Count the turn that is over. If it took very long, we were stopped: timers wait until what came is heard."""
        if self.turns:
            self._long_turns.observe(took_s)
        else:
            self.busy_s = 0.0  # there was none: it is how long the server took to be built
        if took_s > LATE_S and self.timers.is_overdue(self.now - LATE_S):
            self._catch_up()

    def _may_sleep(self) -> float | None:
        if self._soon or self._turn_end or self.dirty or self._dead:
            return 0
        due = self.timers.next_due()
        if due is None:
            return None
        wait_s = due - self.now
        return wait_s if 0 < wait_s < SLEEP_LIMIT_S else min(max(0.0, wait_s), SLEEP_LIMIT_S)

    def _hand_out(self, events: list[tuple[int, int]]) -> None:
        """Call the handler of each fd. One that nobody watches any more was unwatched by a handler before it.

        Such a number cannot have a new owner yet: what was watched is closed in step 9 alone.
        """
        handlers = self._handlers
        for fd, mask in events:
            handler = handlers.get(fd)
            if handler is None:
                continue
            try:
                handler.on_events(mask)
            except Exception as error:  # one client's crash is nobody else's
                self._crashed(handler, error)

    def _catch_up(self) -> None:
        """We were stopped: hear what has come meanwhile before a timer judges anybody for having been silent."""
        for _ in range(CATCH_UP_ROUNDS):
            events = self._poll(0)
            self._hand_out(events)
            if len(events) < MAX_EVENTS:
                return

    def _run_soon(self) -> None:
        callbacks, self._soon = self._soon, []
        for callback in callbacks:
            self.guard(callback)

    def _end_turn(self) -> None:
        for _ in range(END_ROUNDS):
            if not self._turn_end:
                return
            callbacks, self._turn_end = self._turn_end, []
            for callback in callbacks:
                self.guard(callback)

    def _flush(self) -> None:
        writers, self.dirty = self.dirty, []
        for writer in writers:
            try:
                writer.flush()
            except Exception as error:
                self._crashed(writer, error)

    def _bury(self) -> None:
        dead, self._dead = self._dead, []
        for mortal in dead:
            try:
                mortal.bury()
            except Exception as error:  # the others are buried all the same
                self.report(error)

    def _crashed(self, handler: Handler, error: Exception) -> None:
        """Report, and let the handler clean up; an error in that ends the process, for nothing can be trusted then."""
        self.report(error)
        handler.on_crash(error)

    def guard(self, callback: Callback, named: Callback | None = None) -> None:
        """Run a callback whose exception must not end the loop. Its owner, if it can be told, is told."""
        try:
            callback()
        except Exception as error:
            self.report(error)
            owner: Any = getattr(named or callback, "__self__", None)
            if hasattr(owner, "on_crash"):
                owner.on_crash(error)


def _nothing() -> None:
    """Be something to do, so that a turn does not sleep."""
