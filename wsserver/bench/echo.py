"""The scenario `echo`: what is sent comes back, byte for byte and in order, or it is counted.

Read next: `rooms.py`.
"""

from wsserver.bench.client_frames import Message
from wsserver.bench.connection import Connection, Route
from wsserver.bench.crew import Crew, Share
from wsserver.bench.options import STAMP_SIZE
from wsserver.websocket.codes import TEXT


class EchoCrew(Crew):
    """Clients that talk to themselves."""

    def __init__(self, share: Share, route: Route) -> None:
        super().__init__(share, route)
        self._padding = b"x" * (self.options.size - STAMP_SIZE)
        self._next = 0  # whose turn it is in an open loop
        self._missed = 0  # messages that were overtaken: they will not come

    def fill_windows(self) -> None:
        """Put a window of messages under way on each connection."""
        for connection in self.connections:
            self._top_up(connection, self._now_us())

    def act(self, due_us: int) -> None:
        """Send one message on the next connection that is open."""
        connections = self.connections
        for _ in connections:
            connection = connections[self._next % len(connections)]
            self._next += 1
            if connection.is_open:
                self._send(connection, due_us)
                return
        self.tally.unsent += 1

    def on_messages(self, connection: Connection, messages: list[Message], now_us: int) -> None:
        """Compare with what was sent."""
        waiting = connection.waiting
        counts = self.latencies.counts
        done = size = 0
        for opcode, payload in messages:
            if done < len(waiting) and payload == waiting[done][0] and opcode == TEXT:
                counts[now_us - waiting[done][1]] += 1
                done += 1
                size += len(payload)
            else:
                done = self._unexpected(waiting, done, payload if opcode == TEXT else None)
        del waiting[:done]
        self.tally.received += done
        if self.running:
            self.tally.bytes_in_time += size
            if not self.options.rate:
                self._top_up(connection, self._now_us())

    def _unexpected(self, waiting: list[tuple[bytes, int]], done: int, payload: bytes | None) -> int:
        """What came is not what should come next: it overtook some, or is nothing of ours. -> the new `done`."""
        for at in range(done, len(waiting)):
            if waiting[at][0] == payload:
                self._missed += at - done
                self.tally.received -= at - done  # they are counted as done and did not come
                return at + 1
        self.tally.wrong += 1
        return done

    def _top_up(self, connection: Connection, now_us: int) -> None:
        if connection.is_open:
            for _ in range(self.options.window - len(connection.waiting)):
                self._send(connection, now_us)

    def _send(self, connection: Connection, due_us: int) -> None:
        payload = b"T=%016x%s" % (due_us, self._padding)
        connection.waiting.append((payload, due_us))
        connection.send(payload)
        self.tally.sent += 1

    def _now_us(self) -> int:
        return int(self.reactor.world.monotonic() * 1e6)

    def missing(self) -> int:
        """Return how many have not come back."""
        return self._missed + sum(len(connection.waiting) for connection in self.connections)
