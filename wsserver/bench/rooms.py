"""The scenarios that chat: `fanout`, `rooms` and `slow`, and `idle` on /chat.

Client i is in channel i modulo the number of channels. All that is sent to a channel is sent by one process, the
channel's home, so that this one knows alone how much is under way; what each process should have heard is computed when
all have said what they sent. `seq` is checked on each connection: it must count up by one.

Read next: `churn.py`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from wsserver.bench.client_frames import Message
from wsserver.bench.connection import REFUSED, Connection, Route
from wsserver.bench.crew import Crew, Share
from wsserver.bench.options import IDLE, ROOMS, STAMP_SIZE

REMEMBERED: Final = 1024
"""Messages whose meaning is kept: a member's copy is the same bytes as the next one's, so most need no decoding."""


class Event(msgspec.Struct):
    """What is looked at of an event."""

    type: str
    text: str = ""
    seq: int = 0
    code: str = ""


_DECODE: Final = msgspec.json.Decoder(Event).decode


class Room:
    """One channel, as this process sees it."""

    __slots__ = ("clients", "front", "gone", "got", "readers", "refused", "sent", "turn")

    def __init__(self, front: bytes) -> None:
        self.front = front  # of each message, up to the stamp
        self.clients: list[Connection] = []  # of this process, those that read
        self.readers = 0  # how many of them there were when the load began
        self.gone = 0  # of them, those that are not there any more
        self.turn = 0  # whose turn it is to send
        self.sent = 0  # by this process
        self.refused = 0  # of these, answered with an error
        self.got = 0  # deliveries to clients of this process, and those that will never come


class RoomsCrew(Crew):
    """Clients that sit in channels."""

    def __init__(self, share: Share, route: Route) -> None:
        super().__init__(share, route)
        channels = self.options.channels
        self._rooms = [Room(self._front(channel)) for channel in range(channels)]
        self._home = self._rooms[share.index :: self.options.processes] if self.options.scenario != IDLE else []
        self._back = b"x" * (self.options.size - STAMP_SIZE) + b'"}'
        self._one_sends = self.options.scenario != ROOMS
        self._meaning: dict[bytes, tuple[int, int]] = {}  # payload -> (when it was due, seq)
        self._next = 0  # whose turn it is among the channels of which this process is the home
        self._expected = 0

    def _front(self, channel: int) -> bytes:
        start = msgspec.json.encode({"type": "message", "channel": self._channel(channel)})
        return start[:-1] + b',"text":"T='

    def _channel(self, channel: int) -> str:
        return f"bench-{self.share.run}-{channel}"

    # -- coming -----------------------------------------------------------------------------------------------------

    def hello(self, connection: Connection) -> None:
        """Join. The client is settled when the server says `joined`."""
        channel = connection.number % self.options.channels
        user = f"bench-{self.share.run}-user-{connection.number}"
        join = {"type": "join", "channel": self._channel(channel), "user": user, "history": 0}
        connection.send(msgspec.json.encode(join))

    # -- the load ---------------------------------------------------------------------------------------------------

    def start(self, start_s: float, end_s: float) -> None:
        """Seat those who came, have the slow ones stop reading, and begin."""
        for connection in self.connections:
            if connection.is_open and connection.slow:
                connection.stop_reading()
            elif connection.is_open:
                room = self._rooms[connection.number % self.options.channels]
                room.clients.append(connection)
                room.readers += 1
        if self._home:
            super().start(start_s, end_s)
        self.running = True

    def rate(self) -> float:
        """Return the rate of the channels of which this process is the home."""
        return self.options.rate * len(self._home) / self.options.channels

    def fill_windows(self) -> None:
        """Put a window of messages under way in each channel."""
        for room in self._home:
            self._top_up(room)

    def act(self, due_us: int) -> None:
        """Send one message to the next channel."""
        room = self._home[self._next % len(self._home)]
        self._next += 1
        self._send(room, due_us)

    def _top_up(self, room: Room) -> None:
        """Have as many messages under way as the window says: one is under way until the last reader here has it."""
        room_for = self.options.window - 1
        while room.sent * room.readers - room.got <= room_for * room.readers:
            if not self._send(room, int(self.reactor.world.monotonic() * 1e6)):
                break

    def _send(self, room: Room, due_us: int) -> bool:
        """Send one message to a channel; tell whether somebody was there who could."""
        clients = room.clients
        while clients:
            at = 0 if self._one_sends else room.turn % len(clients)
            sender = clients[at]
            if sender.is_open:
                sender.send(b"%s%016x%s" % (room.front, due_us, self._back))
                room.turn += 1
                room.sent += 1
                room.got += room.gone
                self.tally.sent += 1
                return True
            del clients[at]
        if self.options.rate:
            self.tally.unsent += 1
        return False

    def on_messages(self, connection: Connection, messages: list[Message], now_us: int) -> None:
        """Count what came, and how long it took."""
        if connection.slow and connection.settled:
            return  # it reads again only on its way out
        meaning = self._meaning
        counts = self.latencies.counts
        got = size = 0
        for _, payload in messages:
            known = meaning.get(payload) or self._look_at(connection, payload)
            if known is None:
                continue
            due_us, seq = known
            counts[now_us - due_us] += 1
            got += 1
            size += len(payload)
            if seq != connection.last_seq + 1 and connection.last_seq:
                self.tally.gaps += 1
            connection.last_seq = seq
        if not got:
            return
        self.tally.received += got
        room = self._rooms[connection.number % self.options.channels]
        room.got += got
        if self.running:
            self.tally.bytes_in_time += size
            if room.sent and not self.options.rate:
                self._top_up(room)

    def _look_at(self, connection: Connection, payload: bytes) -> tuple[int, int] | None:
        """Decode an event; return (when it was due, seq) if it is a message of ours, and remember it."""
        try:
            event = _DECODE(payload)
            if event.type == "message":
                known = int(event.text[2:STAMP_SIZE], 16), event.seq
                if len(self._meaning) >= REMEMBERED:
                    self._meaning.clear()
                self._meaning[payload] = known
                return known
        except (msgspec.DecodeError, ValueError):
            self.tally.wrong += 1
            return None
        if event.type == "joined":
            self.settle(connection)
        elif event.type == "error":
            self._on_error(connection, event.code)
        return None

    def _on_error(self, connection: Connection, code: str) -> None:
        self.tally.errors[code] = self.tally.errors.get(code, 0) + 1
        if not connection.settled:
            connection.abort(REFUSED + code)
            return
        room = self._rooms[connection.number % self.options.channels]
        room.refused += 1
        room.got += room.readers  # nobody will get it
        if self.running and not self.options.rate:
            self._top_up(room)

    def on_end(self, connection: Connection) -> None:
        """A connection is over. A reader that is gone while the load runs must not keep the window shut."""
        if self.running and connection.settled and not connection.slow:
            room = self._rooms[connection.number % self.options.channels]
            room.gone += 1
            room.got = room.sent * room.readers
            if room.sent and not self.options.rate:
                self._top_up(room)
        super().on_end(connection)

    # -- afterwards -------------------------------------------------------------------------------------------------

    def sent_by_channel(self) -> dict[int, int]:
        """Return what was sent to each channel of which this process is the home."""
        return {channel: room.sent - room.refused for channel, room in enumerate(self._rooms) if room.sent}

    def expect(self, sent_by_channel: Mapping[int, int]) -> None:
        """Compute what the clients of this process should have got."""
        self._expected = sum(sent * self._rooms[channel].readers for channel, sent in sent_by_channel.items())

    def missing(self) -> int:
        """Return how many deliveries have not come."""
        return max(0, self._expected - self.tally.received)
