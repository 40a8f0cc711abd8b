"""One client's life: owns its state; every change of it goes through here.

    transport --bytes--> the handler of the state --messages--> router
        ^                         |  step(event): the table decides, then the new state's entry action runs
        |                         v
        +---- frames ---- send / close / Close frames

The handler for incoming bytes is swapped when a state is entered, so there is no `if state` per read:

| state       | bytes go to          | leaves by                                      |
|-------------|----------------------|------------------------------------------------|
| CREATED     | `Handshake.receive`  | upgrade granted or refused, plain HTTP is over |
|             | (`Preface.receive`)  | (ahead of it, from a proxy)                    |
| HANDSHAKE   | nobody: reading held | the 101's last byte                            |
| OPEN        | `receive`            | Close, broken rule, `close()`, heartbeat, loss,|
|             |                      | another process that serves it from now on     |
| CLOSING_*   | `Closing.receive`    | Close sent, Close received, deadline, loss     |

There is one deadline a client, that of its state; no state is without one. The wheel of the household keeps them.

Read next: `states.py` for the table, `handshake.py` for the way in, `conversation.py` for OPEN, which a client is the
heir of, `closing.py` for the way out.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from wsserver.clients.closing import Closing
from wsserver.clients.conversation import NO_PARSER, Conversation
from wsserver.clients.handoff import Baggage, pack
from wsserver.clients.handshake import Handshake
from wsserver.clients.household import Household
from wsserver.clients.preface import Preface
from wsserver.clients.router import Router
from wsserver.clients.states import Event, State, next_state
from wsserver.http.errors import RequestError
from wsserver.net.cork import send_ahead, uncork
from wsserver.net.transport import READ_SIZE, Transport
from wsserver.reactor.wheel import Slot
from wsserver.websocket import codes
from wsserver.websocket.close import check_close
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.parser import FrameParser

_WHEN_LOST: Final = {
    State.CREATED: Event.LOST,
    State.HANDSHAKE: Event.SEND_HANDSHAKE_FAILED,
    State.OPEN: Event.LOST,
    State.CLOSING_STS: Event.SEND_CLOSE_FAILED,
    State.CLOSING_CTS: Event.SEND_CLOSE_FAILED,
    State.CLOSING_STW: Event.RECEIVE_CLOSE_FAILED,
}
"""What a lost connection means, by state."""


class Client(Conversation):
    """One connection, from accept to burial. It is the owner of its transport."""

    __slots__ = (
        "_more_soon",
        "cause",
        "closing",
        "created_at",
        "due",
        "handshake",
        "slot",
        "state",
    )

    def __init__(self, house: Household, transport: Transport) -> None:
        super().__init__(house, transport)
        # state
        self.state = next_state(State.NONE, Event.ACCEPT_SUCCEEDED)
        self.handshake: Handshake | None = Handshake(self, house.site, house.limits)  # until OPEN
        self.closing: Closing | None = None  # from the first Close on
        self._more_soon = False  # `receive_more_soon` was called and has not come true
        self.due = 0.0  # the deadline of the state, see `arm`
        self.slot: Slot | None = None  # where the wheel keeps it
        # statistics
        self.created_at = house.reactor.now
        self.cause = ""  # why it ended, for the log

    # -- the table --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen: CREATED."""
        assert self.handshake is not None
        proxies = self.house.proxies
        prefaced = proxies is not None and proxies.wants_preface(self.address)
        self.transport.on_bytes = Preface(self).receive if prefaced else self.handshake.receive
        self.transport.start(self)
        self.arm(self.house.limits.handshake_timeout_s)

    def step(self, event: Event) -> None:
        """The only place where a client changes its state. Raises IllegalStep for what the table does not have."""
        target = next_state(self.state, event)
        if target is not self.state:
            self.state = target
            _ENTER[target](self)

    def grant(self, answer: bytes) -> None:
        """Enter HANDSHAKE with the 101 that is `answer`, and OPEN as soon as its last byte has left.

        That is at once, unless the kernel is full: reading is held only then, which saves nearly all two system calls.
        """
        self.step(Event.RECEIVE_HANDSHAKE_SUCCEEDED)
        if send_ahead(self.transport, answer):
            self._open()
            uncork(self.transport)
        elif self.state is State.HANDSHAKE:
            self.arm(self.house.limits.handshake_timeout_s)
            self.transport.hold()  # frames that come early wait in the kernel

    def _enter_handshake(self) -> None:
        """The deadline is still that of CREATED: it is set anew if this takes longer than a call."""
        self.transport.on_drained = self._on_handshake_sent

    def _on_handshake_sent(self) -> None:
        self._open()
        self._release_unless_more()

    def _open(self) -> None:
        """The last byte of the 101 has left: the conversation begins."""
        assert self.handshake is not None
        early = self.handshake.take_rest()
        self.transport.on_drained = None
        self.step(Event.SEND_HANDSHAKE_SUCCEEDED)
        self.router.on_open(self)
        if early:
            self.transport.on_bytes(early)

    def _enter_open(self) -> None:
        house = self.house
        self.id = next(house.ids)
        agreement = self.handshake.agreement if self.handshake is not None else None
        inflater = agreement.inflater(house.limits.max_message) if agreement is not None else None
        self.parser = FrameParser(house.limits.max_message, house.limits.max_fragments, inflater)
        self.compressor = agreement.compressor if agreement is not None else None
        self.handshake = None
        self.transport.on_bytes = self.receive
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
        if self.parser.more and not self.closing.deaf:
            self.receive_more_soon()
        else:
            self.transport.release()

    def _enter_waiting(self) -> None:
        assert self.closing is not None
        self.closing.await_answer()
        self.arm(self.house.limits.close_timeout_s)

    def _enter_gone(self) -> None:
        """Each part is done also when another fails: what is left behind now would stay for ever."""
        with ExitStack() as leaving:  # the last one goes first
            leaving.callback(self.house.wheel.leave, self)
            leaving.callback(self.house.on_gone, self)
            leaving.callback(self.transport.finish)
            leaving.callback(self._drop_parts)
            leaving.callback(self._end_conversation)

    def _drop_parts(self) -> None:
        handshake, self.handshake = self.handshake, None
        self.closing = None
        self.parser = NO_PARSER
        if handshake is not None:
            handshake.drop_answer()

    def _end_conversation(self) -> None:
        """Tell the router, once. What it sends now still goes out, ahead of our Close."""
        if self.talking:
            code, reason = (self.closing.code, self.closing.reason) if self.closing else (codes.ABNORMAL, "")
            try:
                self.router.on_close(self, code, reason)
            except Exception as error:  # the conversation ends all the same
                self.house.reactor.report(error)
            self.talking = False
            self.house.tally.note_close(code)
            self._waiting = ()
            self.transport.limit = -1  # from here on only the Close frame is taken

    # -- to another process and from one ----------------------------------------------------------------------------

    def hand_off(self, worker: int, payload: bytes, opcode: int, luggage: bytes) -> bool:
        """Let another worker serve this client from its last message on; see `router.Peer`."""
        if self.state is not State.OPEN or self._more_soon or self._message_due or self._waiting:
            return False
        if self.house.site.draining:
            return False  # it was told when it has to go
        baggage = pack(self, opcode, payload, luggage)
        if baggage is None or not self.house.send_away(worker, self.transport.fd, baggage):
            return False
        self.house.tally.handed_off += 1
        self.messages_in = self.messages_out = 0  # they are counted over there
        self.talking = False  # with us; no conversation ends
        self.cause = f"handed to worker {worker}"
        self.transport.hand_over()
        self.step(Event.HAND_OFF)
        return True

    def take_over(self, baggage: Baggage, router: Router) -> None:
        """Go on where another worker has left off: OPEN, with a message to be answered. It is watched already."""
        assert self.handshake is not None
        self.handshake.agreement = baggage.agreement
        self.router = router
        self.subprotocol = baggage.subprotocol
        self.transport.read_size = READ_SIZE
        self.step(Event.TAKE_OVER)
        self.id, self.created_at = baggage.id, baggage.created_at
        self.messages_in, self.messages_out = baggage.messages_in, baggage.messages_out
        if baggage.window and self.parser.inflater is not None:
            self.parser.inflater.remember(baggage.said)
        router.on_take_over(self, baggage.luggage)
        router.on_message(self, baggage.said, baggage.opcode)

    # -- OPEN: its end ----------------------------------------------------------------------------------------------

    def close(self, code: int = codes.NORMAL, reason: str = "") -> None:
        """Start the closing handshake behind what is queued; see `router.Peer`."""
        check_close(code)
        if self.state is State.OPEN:
            self.start_closing(Event.SERVER_CLOSES, code, reason)

    def end(self, code: int, reason: str) -> None:
        """Ask any client to go, also one that is not OPEN yet."""
        if self.state is State.OPEN:
            self.start_closing(Event.SERVER_CLOSES, code, reason)
        elif self.handshake is not None and not self.handshake.waiting:  # who asks for a stored message hears of it
            self.cause = reason
            self.step(Event.SERVER_CLOSES)

    def fail(self, error: ProtocolError) -> None:
        """Fail the connection (RFC 6455 section 7.1.7): our Close, and not another byte of theirs."""
        self.start_closing(Event.RECEIVE_DATA_FAILED, error.code, error.reason, deaf=True)

    def start_closing(self, event: Event, code: int, reason: str, deaf: bool = False) -> None:
        """Leave OPEN: our Close says `code` and `reason`; `deaf`: what the peer sends means nothing any more."""
        self.cause = f"{event.value}: {code} {reason}".rstrip()
        self.closing = Closing(self, self.parser, code, reason, deaf)
        self.step(event)

    # -- input that waits -------------------------------------------------------------------------------------------

    def receive_more_soon(self, delay_s: float = 0.0) -> None:
        """The batch is full: the rest is taken in the next turn or in `delay_s`, and nothing new is read before."""
        self._more_soon = True
        self.transport.hold()
        if delay_s > 0:
            self.house.reactor.call_later(delay_s, self._receive_more)
        else:
            self.house.reactor.call_soon(self._receive_more)

    def receive_more_when_drained(self) -> None:
        """What comes now would only be answered, and answers are not read: wait until they are."""
        self._more_soon = True
        self.transport.hold()
        self.transport.on_drained = self._on_read

    def _on_read(self) -> None:
        self.transport.on_drained = None
        self.receive_more_soon()

    def _receive_more(self) -> None:
        self._more_soon = False
        if self.state is not State.GONE:
            self.transport.on_bytes(b"")
            self._release_unless_more()

    def _release_unless_more(self) -> None:
        if not self._more_soon:
            self.transport.release()

    # -- deadlines --------------------------------------------------------------------------------------------------

    def arm(self, delay_s: float) -> None:
        """Set the state's deadline."""
        house = self.house
        house.wheel.move(self, house.reactor.now + delay_s)

    def arm_sooner(self, delay_s: float) -> None:
        """Move the state's deadline nearer, never away."""
        self.house.wheel.move(self, min(self.due, self.house.reactor.now + delay_s))

    def on_deadline(self) -> None:
        """The state has lasted for as long as it may, or a client that is OPEN is to be looked at."""
        if self.state is State.OPEN:
            self.check_on_peer(self.house.reactor.now)
        elif self.handshake is not None and self.handshake.on_deadline():
            return
        elif self.state is State.CREATED and self.handshake is not None and self.handshake.started:
            self.handshake.refuse(RequestError(408, "The request did not arrive in time."), Event.DEADLINE)
        elif self.state is not State.GONE:  # where none is left
            self.cause = f"nothing happened in {self.state.name} for too long"
            if self.state is not State.CREATED:
                self.transport.close()
            self.step(Event.DEADLINE)

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
            self.start_closing(Event.SEND_DATA_FAILED, codes.SLOW_CONSUMER, f"slow consumer: {reason}")
        else:
            self.transport.close()
            self._lose(f"slow consumer: {reason}")

    def on_buried(self) -> None:
        """The fd is closed."""
        self.house.on_buried(self)

    def on_crash(self, error: Exception) -> None:
        """A rule of ours is broken: this client goes, with 1011 or 500, the server lives (invariant 10)."""
        if self.state is State.OPEN:
            self.start_closing(Event.SERVER_CLOSES, codes.INTERNAL_ERROR, "internal error")
        elif self.state is State.CREATED and self.handshake is not None and not self.handshake.midway:
            self.handshake.refuse(RequestError(500, "The server made a mistake; it is in its log."))
        elif self.state is not State.GONE:
            self.transport.close()
            self._lose(f"crash: {error!r}")
        else:  # it happened while it went: again, and without last words
            self._enter_gone()
            self.transport.close()

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
