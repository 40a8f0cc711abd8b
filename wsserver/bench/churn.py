"""The scenario `connect`: open, close, and open again; what is measured is the handshake.

Closed loop: each of the clients comes back as soon as it has gone. Open loop (`--rate`): a new one comes when it is
due, as long as there are no more than `--clients` at once.

Read next: `worker.py`.
"""

from collections.abc import Iterable

from wsserver.bench.connection import ABNORMAL, REFUSED, Connection, Route
from wsserver.bench.crew import Crew, Share


class ChurnCrew(Crew):
    """Clients that come and go."""

    def __init__(self, share: Share, route: Route) -> None:
        super().__init__(share, route)
        self._next = share.index  # the number of the next client
        self._here: set[Connection] = set()
        self.latencies = self.connecting  # the handshake is what this scenario is about

    def first_numbers(self) -> Iterable[int]:
        """Nobody comes before the load begins."""
        return ()

    def fill_windows(self) -> None:
        """Have everybody come."""
        for _ in self.share.numbers:
            self._come(0)

    def act(self, due_us: int) -> None:
        """Have one more come, if there is room."""
        if len(self._here) < len(self.share.numbers):
            self._come(due_us)
        else:
            self.tally.unsent += 1

    def _come(self, due_us: int) -> None:
        connection = Connection(self._next, self.route, self)
        self._next += self.options.processes
        self._here.add(connection)
        self.tally.sent += 1
        connection.dial(due_us)

    def hello(self, connection: Connection) -> None:
        """It has seen enough."""
        self.tally.opened += 1
        self.tally.received += 1
        connection.close()

    def settle(self, connection: Connection) -> None:
        """It is gone; who waits for it is its successor."""
        self._here.discard(connection)
        if self.running and not self.options.rate:
            self.reactor.call_soon(self._replace)

    def _replace(self) -> None:
        if self.running:
            self._come(0)

    def missing(self) -> int:
        """Return how many have not ended."""
        return len(self._here)

    @property
    def here(self) -> int:
        """How many connections there are now."""
        return len(self._here)

    def leave(self) -> None:
        """Abort those that hang; they are counted by how far they came."""
        for connection in list(self._here):
            connection.abort(ABNORMAL if connection.is_open else f"{REFUSED}not done at the end")
