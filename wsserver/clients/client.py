"""One client's life: owns its state, and is the only place where bytes, states and the router meet.

    transport --bytes--> the handler of the state --messages--> router
        ^                         |  step(event): the table decides, then the new state's entry action runs
        |                         v
        +---- frames ---- send / close / Close frames

The handler for incoming bytes is swapped when a state is entered, so there is no `if state` per read:

| state       | bytes go to          | leaves by                                      |
|-------------|----------------------|------------------------------------------------|
| CREATED     | `Handshake.receive`  | upgrade granted or refused, plain HTTP is over |
| HANDSHAKE   | nobody: reading held | the 101's last byte                            |
| OPEN        | `_receive`           | Close, broken rule, `close()`, heartbeat, loss |
| CLOSING_*   | `Closing.receive`    | Close sent, Close received, deadline, loss     |

There is one deadline a client, that of its state; no state is without one.

What a peer does wrong is caught in two places and nowhere else: ProtocolError here, where it becomes a Close frame, and
RequestError in `Handshake.serve`, where it becomes an HTTP answer.

Read next: `states.py` for the table, `handshake.py` for the way in, `closing.py` for the way out.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any, Final

from wsserver.clients.closing import Closing
from wsserver.clients.handshake import Handshake
from wsserver.clients.heartbeat import MISSED, PING, judge
from wsserver.clients.household import Household
from wsserver.clients.limits import ADMIT, LIMIT, Meter
from wsserver.clients.router import Router
from wsserver.clients.states import Event, State, next_state
from wsserver.http.errors import RequestError
from wsserver.net.crowd import Wire
from wsserver.net.outbox import ENTRY_OVERHEAD
from wsserver.net.transport import Transport
from wsserver.reactor.deadline import Deadline
from wsserver.websocket import codes
from wsserver.websocket.close import check_close, decode_close
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.frames import SHORT_HEADERS, SHORT_PAYLOAD, encode_frame
from wsserver.websocket.parser import FrameParser

_EMPTY_PING: Final = encode_frame(codes.PING, b"")
_SHORT_FRAME_WEIGHT: Final = 2 + ENTRY_OVERHEAD  # what a short payload weighs in the queue besides itself
_NO_PARSER: Final = FrameParser(0, 0)  # stands in before OPEN and after; never fed
_NO_ROUTER: Final = Router()

_WHEN_LOST: Final = {
    State.CREATED: Event.LOST,
    State.HANDSHAKE: Event.SEND_HANDSHAKE_FAILED,
    State.OPEN: Event.LOST,
    State.CLOSING_STS: Event.SEND_CLOSE_FAILED,
    State.CLOSING_CTS: Event.SEND_CLOSE_FAILED,
    State.CLOSING_STW: Event.RECEIVE_CLOSE_FAILED,
}
"""What a lost connection means, by state."""


class Client:
    """One connection, from accept to burial. It is the `Peer` that routers see and the owner of its transport."""

    __slots__ = (
        "_deadline",
        "_meter",
        "_parser",
        "_ping_full_at",
        "_pinged_at",
        "address",
        "cause",
        "closing",
        "context",
        "created_at",
        "handshake",
        "house",
        "id",
        "last_seen",
        "messages_in",
        "router",
        "state",
        "subprotocol",
        "talking",
        "transport",
        "wire",
    )

    def __init__(self, house: Household, transport: Transport) -> None:
        # configuration
        self.house = house
        self.transport = transport
        self.address = transport.address  # where it comes from, for people
        self.wire: Wire = transport.wire  # see `router.Peer`
        self.id = ""  # given when it becomes OPEN
        self.subprotocol: str | None = None
        self.router = _NO_ROUTER  # who gets the messages; known from the handshake on
        self.context: Any = None  # the router's own
        # state
        self.state = next_state(State.NONE, Event.ACCEPT_SUCCEEDED)
        self.talking = False  # the router may send: OPEN, and while it hears that the conversation ends
        self.handshake: Handshake | None = Handshake(self, house.site, house.limits)  # until OPEN
        self.closing: Closing | None = None  # from the first Close on
        self._parser = _NO_PARSER  # from OPEN on
        self._deadline = Deadline(house.reactor.timers, self._on_deadline)  # of the state
        self._pinged_at = 0.0  # when the ping that is unanswered was sent; 0: none is
        self._ping_full_at = 0.0  # see limits.Rate
        self._meter = Meter(house.message_rate) if house.message_rate else None  # None: not limited
        # statistics
        self.created_at = house.reactor.now
        self.last_seen = house.reactor.now
        self.messages_in = 0
        self.cause = ""  # why it ended, for the log

    # -- the table --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen: CREATED."""
        assert self.handshake is not None
        self.transport.on_bytes = self.handshake.receive
        self.transport.start(self)
        self.arm(self.house.limits.handshake_timeout_s)

    def step(self, event: Event) -> None:
        """The only place where a client changes its state. Raises IllegalStep for what the table does not have."""
        target = next_state(self.state, event)
        if target is not self.state:
            self.state = target
            _ENTER[target](self)

    def _enter_handshake(self) -> None:
        self.arm(self.house.limits.handshake_timeout_s)
        self.transport.hold()  # frames that come early wait in the kernel
        self.transport.on_drained = self._on_handshake_sent

    def _on_handshake_sent(self) -> None:
        assert self.handshake is not None
        early = self.handshake.take_rest()
        self.transport.on_drained = None
        self.step(Event.SEND_HANDSHAKE_SUCCEEDED)
        self.router.on_open(self)
        if early:
            self.transport.on_bytes(early)
        if not self._parser.more:
            self.transport.release()

    def _enter_open(self) -> None:
        house = self.house
        self.id = urlsafe_b64encode(house.reactor.world.random_bytes(9)).decode()
        self._parser = FrameParser(house.limits.max_message, house.limits.max_fragments)
        self.handshake = None
        self.transport.on_bytes = self._receive
        self.last_seen = house.reactor.now
        self.talking = True
        self.arm(house.limits.ping_interval_s)

    def _enter_closing(self) -> None:
        """CLOSING_STS and CLOSING_CTS: the router says its last words, then the Close frame is queued behind them."""
        assert self.closing is not None
        self.transport.on_bytes = self.closing.receive
        self.arm(self.house.limits.close_timeout_s)
        self._end_conversation()
        self.closing.send_close()
        self.transport.on_drained = self.closing.on_sent  # not before: last words that fill the queue drain it too
        if self._parser.more and not self.closing.deaf:
            self.receive_more_soon()
        else:
            self.transport.release()

    def _enter_waiting(self) -> None:
        assert self.closing is not None
        self.closing.await_answer()
        self.arm(self.house.limits.close_timeout_s)

    def _enter_gone(self) -> None:
        self._deadline.retire()
        self._end_conversation()
        if self.handshake is not None:
            self.handshake.drop_body()
        self.handshake = None
        self.closing = None
        self._parser = _NO_PARSER
        self.transport.finish()
        self.house.on_gone(self)

    def _end_conversation(self) -> None:
        """Tell the router, once. What it sends now still goes out, ahead of our Close."""
        if self.talking:
            code, reason = (self.closing.code, self.closing.reason) if self.closing else (codes.ABNORMAL, "")
            try:
                self.router.on_close(self, code, reason)
            except Exception as error:  # the conversation ends all the same
                self.house.reactor.report(error)
            self.talking = False
            self.transport.limit = -1  # from here on only the Close frame is taken

    # -- OPEN: what the router calls --------------------------------------------------------------------------------

    def send(self, payload: bytes, opcode: int = codes.TEXT) -> None:
        """Queue one message; see `router.Peer`.

        `encode_frame` and `Transport.write` written out for short messages: two calls less are 6 % of an echo.
        """
        transport = self.transport
        size = len(payload)
        queued = transport.queued + size + _SHORT_FRAME_WEIGHT
        if size > SHORT_PAYLOAD or queued > transport.limit:
            transport.write(encode_frame(opcode, payload))
            return
        frames = transport.frames
        if not frames:
            transport.reactor.dirty.append(transport)
        frames.append(SHORT_HEADERS[opcode][size] + payload)
        transport.queued = queued

    def close(self, code: int = codes.NORMAL, reason: str = "") -> None:
        """Start the closing handshake behind what is queued; see `router.Peer`."""
        check_close(code)
        if self.state is State.OPEN:
            self._start_closing(Event.SERVER_CLOSES, code, reason)

    def end(self, code: int, reason: str) -> None:
        """Ask any client to go, also one that is not OPEN yet."""
        if self.state is State.OPEN:
            self._start_closing(Event.SERVER_CLOSES, code, reason)
        elif self.handshake is not None:
            self.cause = reason
            self.step(Event.SERVER_CLOSES)

    # -- OPEN: messages ---------------------------------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        """The hot path: bytes to messages to the router.

        `talking` is a plain bool because an enum member costs 67 ns; one short message goes the short way.
        """
        self.last_seen = self.house.reactor.now
        parser = self._parser
        if self._meter is None:
            single = parser.take_single(data)
            if single is not None:
                self.messages_in += 1
                self.router.on_message(self, single[1], single[0])
                return
        messages = parser.feed(data)
        self.messages_in += len(messages)
        on_message = self.router.on_message if self._meter is None else self._receive_rated
        for opcode, payload in messages:
            if opcode <= codes.BINARY:
                on_message(self, payload, opcode)
            else:
                self._receive_control(opcode, payload)
            if not self.talking:
                return
        if parser.error is not None:
            self._fail(parser.error)
        elif parser.more:
            self.receive_more_soon()

    def receive_more_soon(self) -> None:
        """The batch is full: the rest is taken in the next turn, and nothing new is read before."""
        self.transport.hold()
        self.house.reactor.call_soon(self._receive_more)

    def _receive_more(self) -> None:
        if self.state is not State.GONE:
            self.transport.on_bytes(b"")
            if not self._parser.more:
                self.transport.release()

    def _receive_control(self, opcode: int, payload: bytes) -> None:
        if opcode == codes.CLOSE:
            try:
                code, reason = decode_close(payload)
            except ProtocolError as error:
                self._fail(error)
            else:
                self._start_closing(Event.RECEIVE_CLOSE, code, reason)
            return
        now = self.house.reactor.now
        self._ping_full_at = self.house.ping_rate.charge(self._ping_full_at, now)
        if not self.house.ping_rate.allows(self._ping_full_at, now):
            self._fail(ProtocolError(codes.POLICY_VIOLATION, "too many pings or pongs"))
        elif opcode == codes.PING:
            self.transport.write(encode_frame(codes.PONG, payload))
        # a PONG has done its work by arriving: last_seen

    def _receive_rated(self, _peer: object, payload: bytes, opcode: int) -> None:
        """Between the parser and the router while messages are limited (`limits.rate`)."""
        assert self._meter is not None
        verdict = self._meter.judge(self.house.reactor.now)
        if verdict is ADMIT:
            self.router.on_message(self, payload, opcode)
        elif verdict is LIMIT:
            self.router.on_limited(self, payload, opcode)
        else:
            self._fail(ProtocolError(codes.RATE_LIMITED, "too many messages for too long"))

    def _fail(self, error: ProtocolError) -> None:
        """Fail the connection (RFC 6455 section 7.1.7): our Close, and not another byte of theirs."""
        self._start_closing(Event.RECEIVE_DATA_FAILED, error.code, error.reason, deaf=True)

    def _start_closing(self, event: Event, code: int, reason: str, deaf: bool = False) -> None:
        self.cause = f"{event.value}: {code} {reason}".rstrip()
        self.closing = Closing(self, self._parser, code, reason, deaf)
        self.step(event)

    # -- deadlines --------------------------------------------------------------------------------------------------

    def arm(self, delay_s: float) -> None:
        """Set the state's deadline."""
        self._deadline.move(self.house.reactor.now + delay_s)

    def _on_deadline(self) -> None:
        if self.state is State.OPEN:
            self._check_heartbeat(self.house.reactor.now)
        elif self.state is State.CREATED and self.handshake is not None and self.handshake.started:
            self.handshake.refuse(RequestError(408, "The request did not arrive in time."), Event.DEADLINE)
        else:
            self.cause = f"nothing happened in {self.state.name} for too long"
            if self.state is not State.CREATED:
                self.transport.close()
            self.step(Event.DEADLINE)

    def _check_heartbeat(self, now: float) -> None:
        limits = self.house.limits
        seen = max(self.last_seen, self.transport.progress_at)
        action, next_due = judge(now, seen, self._pinged_at, limits.ping_interval_s, limits.pong_timeout_s)
        if action is MISSED:
            self._start_closing(Event.DEADLINE, codes.HEARTBEAT_MISSED, "heartbeat missed")
            return
        if action is PING:
            self._pinged_at = now
            self.transport.write(_EMPTY_PING)
        self.arm(next_due - now)

    # -- what the transport reports ---------------------------------------------------------------------------------

    def on_eof(self) -> None:
        """The peer will send nothing more. It may still want to read: our Close, or an answer that is on its way."""
        if self.state in (State.CLOSING_STS, State.CLOSING_CTS):
            return
        if self.handshake is not None and self.handshake.busy:
            return
        self._lose("the client ended the connection")

    def on_lost(self, error: OSError) -> None:
        """The connection broke."""
        self._lose(f"connection lost: {error.strerror or error}")

    def on_stuck(self, reason: str) -> None:
        """The peer does not read. One that is OPEN is told so and may come back for what it missed."""
        if self.state is State.OPEN:
            self.transport.drop_unsent()
            self._start_closing(Event.SEND_DATA_FAILED, codes.SLOW_CONSUMER, f"slow consumer: {reason}")
        else:
            self.transport.close()
            self._lose(f"slow consumer: {reason}")

    def on_buried(self) -> None:
        """The fd is closed."""
        self.house.on_buried(self)

    def on_crash(self, error: Exception) -> None:
        """A rule of ours is broken: this client goes, with 1011 or 500, the server lives (invariant 10)."""
        if self.state is State.OPEN:
            self._start_closing(Event.SERVER_CLOSES, codes.INTERNAL_ERROR, "internal error")
        elif self.state is State.CREATED and self.handshake is not None and not self.handshake.busy:
            self.handshake.refuse(RequestError(500, "The server made a mistake; it is in its log."))
        elif self.state is not State.GONE:
            self.transport.close()
            self._lose(f"crash: {error!r}")

    def _lose(self, cause: str) -> None:
        if self.state is not State.GONE:
            self.cause = self.cause or cause
            self.step(_WHEN_LOST[self.state])


_ENTER: Final[dict[State, Callable[[Client], None]]] = {
    State.HANDSHAKE: Client._enter_handshake,
    State.OPEN: Client._enter_open,
    State.CLOSING_STS: Client._enter_closing,
    State.CLOSING_CTS: Client._enter_closing,
    State.CLOSING_STW: Client._enter_waiting,
    State.GONE: Client._enter_gone,
}
