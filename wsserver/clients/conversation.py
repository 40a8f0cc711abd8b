"""A client while it is OPEN: messages in, messages out, and whether anybody is still there.

    transport -> receive -> parser -> data messages -> [rate] -> router
                                   -> ping, pong, Close: dealt with here
    router -> send -> transport

It is the part of `Client` that runs for every message; all the rest of a client's life is in `client.py`, which is its
heir and fills in how a conversation ends. The one place where a ProtocolError becomes a Close frame.

Read next: `heartbeat.py`, `limits.py`; `websocket/parser.py`.
"""

from collections.abc import Sequence
from typing import Any, Final

from wsserver.clients.heartbeat import MISSED, PING, judge
from wsserver.clients.household import Household
from wsserver.clients.limits import ADMIT, LIMIT, Meter
from wsserver.clients.router import Router
from wsserver.clients.states import Event
from wsserver.net.crowd import Wire
from wsserver.net.outbox import ENTRY_OVERHEAD, Replacing
from wsserver.net.transport import READ_PAUSE, Transport
from wsserver.websocket import codes
from wsserver.websocket.close import decode_close
from wsserver.websocket.codes import BINARY
from wsserver.websocket.deflate import COMPRESS_FROM, Compressor
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.frames import SHORT_HEADERS, SHORT_PAYLOAD, encode_frame
from wsserver.websocket.parser import FrameParser, Message

MESSAGE_DEADLINE_S: Final = 30.0
"""How long one message may be on its way: nobody's 64 KiB take so long, and what has come of it is pinned."""

INFLATE_BURST: Final = 64
"""Messages of the largest size that a client may have inflated at once, a second's worth with the limits that we ship;
then it is not read until `limits.inflate` allows."""

NO_PARSER: Final = FrameParser(0, 0)
"""Stands in before OPEN and after; never fed."""

_NO_ROUTER: Final = Router()
_EMPTY_PING: Final = encode_frame(codes.PING, b"")
_SHORT_FRAME_WEIGHT: Final = 2 + ENTRY_OVERHEAD  # what a short payload weighs in the queue besides itself


class Conversation:
    """The hot half of a client. It is the `Peer` that routers see."""

    __slots__ = (
        "_inflate_full_at",
        "_message_due",
        "_meter",
        "_ping_full_at",
        "_pinged_at",
        "_waiting",
        "address",
        "compressor",
        "context",
        "house",
        "id",
        "last_seen",
        "messages_in",
        "messages_out",
        "parser",
        "router",
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
        self.context: Any = None  # the router's own
        self.router = _NO_ROUTER  # who gets the messages; known from the handshake on
        self.compressor: Compressor | None = None  # what large messages are compressed with; see `router.Peer`
        # state
        self.talking = False  # the router may send: OPEN, and while it hears that the conversation ends
        self.parser = NO_PARSER  # from OPEN on
        self._waiting: Sequence[Message] = ()  # messages that wait for the answers before them to leave
        self._message_due = 0.0  # when the message that is on its way must be complete; 0: none is on its way
        self._pinged_at = 0.0  # when the ping that is unanswered was sent; 0: none is
        self._ping_full_at = 0.0  # see limits.Rate
        self._inflate_full_at = 0.0  # the same for inflated bytes
        self._meter = Meter(house.message_rate) if house.message_rate else None  # None: not limited
        # statistics
        self.last_seen = house.reactor.now
        self.messages_in = 0
        self.messages_out = 0  # see `router.Peer`

    # -- what the heir fills in -------------------------------------------------------------------------------------

    def close(self, code: int = codes.NORMAL, reason: str = "") -> None:
        """Start the closing handshake behind what is queued; see `router.Peer`."""
        raise NotImplementedError

    def hand_off(self, worker: int, payload: bytes, opcode: int, luggage: bytes) -> bool:
        """Have another worker of this server serve this peer; see `router.Peer`."""
        raise NotImplementedError

    def fail(self, error: ProtocolError) -> None:
        """Fail the connection (RFC 6455 section 7.1.7)."""
        raise NotImplementedError

    def start_closing(self, event: Event, code: int, reason: str, deaf: bool = False) -> None:
        """Leave OPEN, with a Close frame."""
        raise NotImplementedError

    def receive_more_soon(self, delay_s: float = 0.0) -> None:
        """Have `receive` called in the next turn or in `delay_s`, and nothing new read before."""
        raise NotImplementedError

    def receive_more_when_drained(self) -> None:
        """Have `receive` called when the queue has become empty, and nothing new read before."""
        raise NotImplementedError

    def arm(self, delay_s: float) -> None:
        """Have `check_on_peer` called in `delay_s` seconds, in place of any time before."""
        raise NotImplementedError

    def arm_sooner(self, delay_s: float) -> None:
        """Have it called in `delay_s` seconds, unless it will be before."""
        raise NotImplementedError

    # -- out --------------------------------------------------------------------------------------------------------

    def send(self, payload: bytes, opcode: int = codes.TEXT) -> None:
        """Queue one message; see `router.Peer`.

        `encode_frame` and `Transport.write` written out for short messages: two calls less are 6 % of an echo.
        """
        self.messages_out += 1
        transport = self.transport
        size = len(payload)
        queued = transport.queued + size + _SHORT_FRAME_WEIGHT
        if size > SHORT_PAYLOAD or queued > transport.limit:
            if size >= COMPRESS_FROM and self.compressor is not None and transport.limit >= 0:
                transport.write(self.compressor.encode(opcode, payload))
            else:
                transport.write(encode_frame(opcode, payload))
            return
        frames = transport.frames
        if not frames:
            transport.reactor.dirty.append(transport)
        frames.append(SHORT_HEADERS[opcode][size] + payload)
        transport.queued = queued

    def limit_messages(self, size: int) -> None:
        """From the next message on take messages of at most `size` bytes; see `router.Peer`."""
        self.parser.limit_messages(size)

    # -- in ---------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """The hot path: bytes to messages to the router.

        `talking` is a plain bool because an enum member costs 67 ns; one short message goes the short way.
        """
        self.last_seen = self.house.reactor.now
        parser = self.parser
        if self._pinged_at and parser.take_pong(data):
            self._receive_pong()
            return
        if self._meter is None:
            single = parser.take_single(data)
            if single is not None:
                self.messages_in += 1
                self.router.on_message(self, single[1], single[0])
                return
        if not self._waiting:
            messages: Sequence[Message] = parser.feed(data)
            self.messages_in += len(messages)
        elif self.transport.behind:
            self.receive_more_when_drained()
            return
        else:
            messages = self._waiting
        if self._hand_out(messages):
            self._after_batch(messages)

    def _hand_out(self, messages: Sequence[Message]) -> bool:
        """Give messages to the router, as far as their answers find room. -> is that all, and does anybody listen yet?

        A few bytes can ask for a long answer. So after READ_PAUSE bytes of answers the rest waits for the next turn,
        and if the peer does not read them, until it does.
        """
        transport = self.transport
        on_message = self.router.on_message if self._meter is None else self._receive_rated
        rest = iter(messages)
        for opcode, payload in rest:
            if opcode <= BINARY:
                on_message(self, payload, opcode)
            else:
                self._receive_control(opcode, payload)
            if transport.queued > READ_PAUSE or not self.talking:
                break
        if not self.talking:
            return False
        self._waiting = tuple(rest)
        if self._waiting:
            self.receive_more_soon()
        return not self._waiting

    def _after_batch(self, messages: Sequence[Message]) -> None:
        """All messages of a batch are handled: what else there is to say about the bytes they came from."""
        parser = self.parser
        if parser.error is not None:
            self.fail(parser.error)
            return
        if parser.unfinished:
            self._time_message(messages)
        else:
            self._message_due = 0.0
        if parser.inflated:
            self._charge_inflated(parser.inflated)
        elif parser.more:
            self.receive_more_soon()

    def _charge_inflated(self, size: int) -> None:
        """Take note of inflated bytes; whoever is above the rate is read again when it allows."""
        now = self.house.reactor.now
        limits = self.house.limits
        pause_s = 0.0
        if limits.inflate_rate:
            self._inflate_full_at = max(self._inflate_full_at, now) + size / limits.inflate_rate
            pause_s = self._inflate_full_at - now - INFLATE_BURST * limits.max_message / limits.inflate_rate
        if pause_s > 0 or self.parser.more:
            self.receive_more_soon(pause_s)

    def _time_message(self, messages: Sequence[Message]) -> None:
        """Part of a message is here; unless it has been since before `messages`, its time begins now."""
        if not self._message_due or any(opcode <= codes.BINARY for opcode, _ in messages):
            self._message_due = self.house.reactor.now + MESSAGE_DEADLINE_S
            self.arm_sooner(MESSAGE_DEADLINE_S)

    def _receive_control(self, opcode: int, payload: bytes) -> None:
        if opcode == codes.CLOSE:
            try:
                code, reason = decode_close(payload)
            except ProtocolError as error:
                self.fail(error)
            else:
                self.start_closing(Event.RECEIVE_CLOSE, code, reason)
            return
        now = self.house.reactor.now
        self._ping_full_at = self.house.ping_rate.charge(self._ping_full_at, now)
        if not self.house.ping_rate.allows(self._ping_full_at, now):
            self.fail(ProtocolError(codes.POLICY_VIOLATION, "too many pings or pongs"))
        elif opcode == codes.PING:
            self.transport.write_replacing(Replacing(encode_frame(codes.PONG, payload)))
        else:  # a PONG has done its work by arriving: last_seen
            self._pinged_at = 0.0

    def _receive_pong(self) -> None:
        """What nearly every ping is answered with has come, and nothing else: so it is not counted as one too many.

        Going this way, and setting the next deadline now, an idle client costs 2.7 us an interval instead of 5.8.
        """
        self.messages_in += 1
        self._pinged_at = 0.0
        self.arm(self.house.limits.ping_interval_s)

    def _receive_rated(self, _peer: object, payload: bytes, opcode: int) -> None:
        """Between the parser and the router while messages are limited (`limits.rate`)."""
        assert self._meter is not None
        verdict = self._meter.judge(self.house.reactor.now)
        if verdict is ADMIT:
            self.router.on_message(self, payload, opcode)
        elif verdict is LIMIT:
            self.router.on_limited(self, payload, opcode)
        else:
            self.fail(ProtocolError(codes.RATE_LIMITED, "too many messages for too long"))

    # -- is anybody there? ------------------------------------------------------------------------------------------

    def check_on_peer(self, now: float) -> None:
        """The deadline of OPEN: a message that takes too long, or nobody who answers."""
        if self._message_due and now >= self._message_due:
            self.fail(ProtocolError(codes.POLICY_VIOLATION, f"a message took more than {MESSAGE_DEADLINE_S:.0f} s"))
            return
        limits = self.house.limits
        seen = max(self.last_seen, self.transport.progress_at)
        action, next_due = judge(now, seen, self._pinged_at, limits.ping_interval_s, limits.pong_timeout_s)
        if action is MISSED:
            self.start_closing(Event.DEADLINE, codes.HEARTBEAT_MISSED, "heartbeat missed")
            return
        if action is PING:
            self._pinged_at = now
            self.transport.write(_EMPTY_PING)
        self.arm((min(next_due, self._message_due) if self._message_due else next_due) - now)
