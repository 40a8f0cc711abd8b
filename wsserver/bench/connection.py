"""One connection of the load tester: dial, shake hands, exchange frames, part; the mirror of `clients/client.py`.

    dial -> [ handshake ] -> on_open -> [ messages ] -> on_end(how)
                         \\-> on_end("refused: why")

What the messages mean is its crew's business (`crew.py`). The transport is the server's own, with one difference: it
reads whatever happens. A server stops reading from a client that does not read; if the load tester did the same, the
two would wait for each other for ever.

Read next: `echo.py`, a crew.
"""

from socket import SO_RCVBUF, SOL_SOCKET
from typing import Final, Protocol

from wsserver.bench.address import SocketAddress, Target
from wsserver.bench.client_frames import MaskingKeys, Message, ServerFrames, encode_masked_frame
from wsserver.bench.handshake import KEY_BYTES, Refused, encode_request, read_answer
from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor
from wsserver.websocket.close import decode_close
from wsserver.websocket.codes import CLOSE, NORMAL, PING, PONG, TEXT
from wsserver.websocket.errors import ProtocolError

OUTBOX_LIMIT: Final = 64 * 1024 * 1024
"""Bytes that wait for a server that does not read, as an open loop needs; past it the connection is given up."""

READ_SIZE: Final = 256 * 1024
"""Bytes taken in one wake-up: nobody has to be fair here, and fewer reads are cheaper."""

CLIENTS_PER_SOURCE: Final = 20_000
"""Connections from one address of ours, which has 28,000 ports (ip_local_port_range)."""

SLOW_BUFFER: Final = 64 * 1024
"""What the kernel may keep for a client that does not read: else it takes megabytes before the server notices. Less
than a segment of the loopback device is no good: then the kernel's own timers pace what is read in the end."""

SOURCES: Final = 250
"""Addresses of ours, on loopback."""

CLOSED: Final = "closed"
ABNORMAL: Final = "lost"
REFUSED: Final = "refused: "
"""How a connection may end; all else is a close code or a sentence."""


class EagerTransport(Transport):
    """A transport that goes on reading however much waits to be sent."""

    __slots__ = ()

    @property
    def behind(self) -> bool:
        return False


class Owner(Protocol):
    """Who decides what a connection says. Times are microseconds on the monotonic clock."""

    def on_open(self, connection: "Connection") -> None:
        """The WebSocket is open."""

    def on_messages(self, connection: "Connection", messages: list[Message], now_us: int) -> None:
        """Data messages have come, oldest first."""

    def on_end(self, connection: "Connection") -> None:
        """It is over; `connection.end` says how."""


class Route:
    """Where connections lead, and what all of them share."""

    def __init__(
        self, reactor: Reactor, target: Target, family: int, address: SocketAddress, subprotocol: str = ""
    ) -> None:
        self.reactor = reactor
        self.target = target
        self.family = family
        self.address = address
        self.subprotocol = subprotocol
        self.keys = MaskingKeys(reactor.world.random_bytes)

    def source(self, number: int) -> str:
        """Return the address of ours that connection `number` comes from; empty: the system's choice."""
        block = number // CLIENTS_PER_SOURCE
        return f"127.0.{block % SOURCES}.1" if block and str(self.address[0]).startswith("127.") else ""


class Connection:
    """One client. `number` is its own among all processes of the run."""

    __slots__ = (
        "_accept",
        "_closing",
        "_frames",
        "_head",
        "crew",
        "dialled_us",
        "end",
        "is_open",
        "last_seq",
        "number",
        "route",
        "settled",
        "slow",
        "transport",
        "waiting",
    )

    def __init__(self, number: int, route: Route, crew: Owner) -> None:
        self.number = number
        self.route = route
        self.crew = crew
        self.transport: EagerTransport | None = None
        self.is_open = False
        self.end = ""  # "": not over; CLOSED: by us, as agreed; a close code; ABNORMAL; REFUSED and why; our own words
        self.dialled_us = 0
        self.settled = False  # it came to be, and joined what it joins, or it did not; its crew says so
        self.slow = False  # it has stopped reading
        self.last_seq = 0  # of the channel it is in
        self.waiting: list[tuple[bytes, int]] = []  # what it sent and has not got back, and when that was due
        self._frames = ServerFrames()
        self._accept = ""
        self._head = b""
        self._closing = False

    # -- what the crew calls ----------------------------------------------------------------------------------------

    def dial(self, due_us: int = 0) -> None:
        """Begin to connect. `due_us`: since when it should have been."""
        route = self.route
        reactor = route.reactor
        self.dialled_us = due_us or int(reactor.world.monotonic() * 1e6)
        try:
            sock = reactor.world.begin_connect(route.family, route.address, route.source(self.number))
        except OSError as error:
            self._over(f"{REFUSED}{error.strerror or error}")
            return
        if self.slow:
            sock.setsockopt(SOL_SOCKET, SO_RCVBUF, SLOW_BUFFER)
        self.transport = EagerTransport(reactor, sock, "", OUTBOX_LIMIT)
        self.transport.read_size = READ_SIZE
        self.transport.on_bytes = self._on_answer
        self.transport.start(self)
        request, self._accept = encode_request(route.target, reactor.world.random_bytes(KEY_BYTES), route.subprotocol)
        self.transport.write_last(request)

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send one message; it leaves at the end of the turn."""
        if self.transport is not None:
            self.transport.write(encode_masked_frame(opcode, payload, self.route.keys.take()))

    def close(self) -> None:
        """Say goodbye; the server answers, and `on_end` follows."""
        if self.is_open and not self._closing and self.transport is not None:
            self._closing = True
            frame = encode_masked_frame(CLOSE, NORMAL.to_bytes(2, "big"), self.route.keys.take())
            self.transport.write_last(frame)
            self.stop_reading(False)

    def stop_reading(self, stop: bool = True) -> None:
        """Be a slow reader, or stop being one."""
        if self.transport is not None and not self.transport.closed:
            if stop:
                self.transport.hold()
            else:
                self.transport.release()

    def abort(self, end: str) -> None:
        """End it without another word."""
        if not self.end:
            self._over(end)

    # -- what the transport calls -----------------------------------------------------------------------------------

    def _on_answer(self, data: bytes) -> None:
        self._head += data
        try:
            rest = read_answer(self._head, self._accept, self.route.subprotocol)
        except Refused as refusal:
            self._over(f"{REFUSED}{refusal}")
            return
        if rest is None or self.transport is None:
            return
        self._head = b""
        self.is_open = True
        self.transport.on_bytes = self._on_frames
        self.crew.on_open(self)
        if rest and not self.end:
            self._on_frames(rest)

    def _on_frames(self, data: bytes) -> None:
        frames = self._frames
        try:
            messages = frames.feed(data)
        except ProtocolError as error:
            self._over(f"broke the protocol: {error.reason}")
            return
        if messages:
            self.crew.on_messages(self, messages, int(self.route.reactor.world.monotonic() * 1e6))
        for opcode, payload in frames.controls:
            self._on_control(opcode, payload)

    def _on_control(self, opcode: int, payload: bytes) -> None:
        transport = self.transport
        if self.end or transport is None:
            return
        if opcode == PING:
            transport.write_last(encode_masked_frame(PONG, payload, self.route.keys.take()))
        elif opcode == CLOSE:
            try:
                code, _ = decode_close(payload)
            except ProtocolError as error:
                self._over(f"broke the protocol: {error.reason}")
                return
            if not self._closing:
                transport.write_last(encode_masked_frame(CLOSE, payload[:2], self.route.keys.take()))
                transport.flush()
            self._over(CLOSED if self._closing and code == NORMAL else str(code))

    def _over(self, end: str) -> None:
        if self.end:
            return
        self.end = end
        self.is_open = False
        if self.transport is not None:
            self.transport.close()
        self.crew.on_end(self)

    def on_eof(self) -> None:
        """The server is gone, with or without a word."""
        self._lost("no answer")

    def on_lost(self, error: OSError) -> None:
        """The connection broke, or never came to be."""
        self._lost(error.strerror or str(error))

    def _lost(self, why: str) -> None:
        self._over(ABNORMAL if self.is_open else f"{REFUSED}{why}")

    def on_stuck(self, reason: str) -> None:
        """The server does not read."""
        self._over(f"it does not read ({reason})")

    def on_buried(self) -> None:
        """The fd is closed."""

    def on_crash(self, error: Exception) -> None:
        """A mistake of ours: count it, do not hide it."""
        self._over(f"our mistake: {error!r}")
