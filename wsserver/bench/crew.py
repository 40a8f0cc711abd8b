"""The clients of one process, and what all scenarios have in common: they come, and in the end they go.

    begin -> [ dial, IN_FLIGHT at a time ] -> settled -> start -> [ the scenario ] -> stop -> [ what is late ] -> leave

A scenario is a subclass: it says what a client does when it has come (`hello`), what drives the load (`start`), and
what a message means (`on_messages`).

Read next: `echo.py`, the simplest; then `worker.py`, which calls all this.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from wsserver.bench.client_frames import Message
from wsserver.bench.connection import CLOSED, REFUSED, Connection, Route
from wsserver.bench.latencies import Latencies
from wsserver.bench.options import Options
from wsserver.bench.pacer import Pacer
from wsserver.bench.tally import Tally

IN_FLIGHT: Final = 128
"""Handshakes that one process has under way: less than any server's backlog, and enough to keep it busy."""


@dataclass(frozen=True, slots=True)
class Share:
    """One process's part in a run."""

    options: Options
    index: int
    """Which of the processes this is, from 0."""
    run: str
    """A name that no other run on the same server has: its channels and users carry it."""

    @property
    def numbers(self) -> range:
        """The clients of this process."""
        return range(self.index, self.options.clients, self.options.processes)


class Crew:
    """The clients of one process. Subclasses are the scenarios."""

    def __init__(self, share: Share, route: Route) -> None:
        self.share = share
        self.options = share.options
        self.route = route
        self.reactor = route.reactor
        self.tally = Tally()
        self.latencies = Latencies()
        self.connecting = Latencies()
        self.connections: list[Connection] = []
        self.running = False
        self.pacer: Pacer | None = None
        self._to_dial: Iterator[int] = iter(())
        self._unsettled = 0
        self._begun_s = 0.0
        self._on_settled: Callable[[], None] = _nothing

    # -- coming -----------------------------------------------------------------------------------------------------

    def begin(self, on_settled: Callable[[], None]) -> None:
        """Open all connections; `on_settled` is called when each is open or refused."""
        self._on_settled = on_settled
        self._begun_s = self.reactor.world.monotonic()
        self._to_dial = iter(self.first_numbers())
        for _ in range(IN_FLIGHT):
            self._dial_next()
        if not self._unsettled:
            on_settled()

    def first_numbers(self) -> Iterable[int]:
        """Return the numbers of the clients to begin with."""
        return self.share.numbers

    def _dial_next(self) -> None:
        number = next(self._to_dial, None)
        if number is not None:
            connection = Connection(number, self.route, self)
            connection.slow = number >= self.options.clients - self.options.slow
            self.connections.append(connection)
            self._unsettled += 1
            # in a turn of its own: a refusal that comes at once would end in a recursion as deep as there are clients
            self.reactor.call_soon(connection.dial)

    def on_open(self, connection: Connection) -> None:
        """The WebSocket is open: say hello."""
        now_us = int(self.reactor.world.monotonic() * 1e6)
        self.connecting.counts[now_us - connection.dialled_us] += 1
        self.hello(connection)

    def hello(self, connection: Connection) -> None:
        """Do what a client does first; `settle` it when that is done."""
        self.settle(connection)

    def settle(self, connection: Connection) -> None:
        """Take note that a client is where it should be, or will never be."""
        if connection.settled:
            return
        connection.settled = True
        self._unsettled -= 1
        if connection.is_open:
            self.tally.opened += 1
        self._dial_next()
        if not self._unsettled:
            self.tally.connect_s = self.reactor.world.monotonic() - self._begun_s
            self._on_settled()

    def on_end(self, connection: Connection) -> None:
        """A connection is over: count how."""
        end = connection.end
        if end.startswith(REFUSED):
            _count(self.tally.refused, end.removeprefix(REFUSED))
        elif end != CLOSED:
            _count(self.tally.slow_closed if connection.slow else self.tally.closed, end)
        self.settle(connection)

    def give_up_unsettled(self, why: str) -> None:
        """Abort the connections that have not come to be."""
        for connection in list(self.connections):
            if not connection.settled:
                connection.abort(f"{REFUSED}{why}")

    # -- the load ---------------------------------------------------------------------------------------------------

    def start(self, start_s: float, end_s: float) -> None:
        """Begin the load; it is over at `end_s` (seconds on the monotonic clock), when `stop` is called."""
        self.running = True
        rate = self.rate()
        if rate > 0:
            self.pacer = Pacer(self.reactor, rate, self.act)
            # the processes take turns, so that together they are as even as one
            self.pacer.start(start_s + self.share.index / self.options.processes / rate, end_s)
        elif not self.options.rate:
            self.fill_windows()

    def rate(self) -> float:
        """Return this process's part of an open loop's rate, in messages a second; 0: none."""
        return self.options.rate * len(self.share.numbers) / self.options.clients

    def fill_windows(self) -> None:
        """Send what a closed loop begins with."""

    def act(self, due_us: int) -> None:
        """Do the one thing that is due in an open loop."""

    def on_messages(self, connection: Connection, messages: list[Message], now_us: int) -> None:
        """Data messages have come."""

    def stop(self) -> None:
        """End the load; what is under way may still arrive."""
        self.running = False
        if self.pacer is not None:
            self.tally.unsent += self.pacer.stop(self.reactor.world.monotonic())
        self.tally.in_time = self.tally.received

    def sent_by_channel(self) -> dict[int, int]:
        """Return how many messages this process has sent that all members of a channel should get."""
        return {}

    def expect(self, sent_by_channel: Mapping[int, int]) -> None:
        """Hear what all processes together have sent."""

    def missing(self) -> int:
        """Return how many messages should have come and have not."""
        return 0

    # -- going ------------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Say goodbye on every connection. What is missing now is lost."""
        self.tally.lost = self.missing()
        self.give_up_unsettled("not done at the end")
        for connection in self.connections:
            connection.close()

    @property
    def here(self) -> int:
        """How many connections are open."""
        return sum(connection.is_open for connection in self.connections)


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _nothing() -> None:
    """Be called by nobody who waits."""
