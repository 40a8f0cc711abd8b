"""A connection to Redis that comes back: dialled again with longer and longer pauses, greeted, listened to, and dropped
as soon as anything about it is in doubt.

    dialling --> greeting --> up --> (lost, silent, garbled, too slow) --> pause --> dialling ...

hiredis takes the protocol apart; what it is fed is bounded here. A connection that was dropped is never used again, so
an answer that comes late cannot be taken for somebody else's. What the replies mean is the listener's business.

Read next: `redis_commands.py` and `redis.py`, the two listeners.
"""

import ssl
from collections.abc import Callable, Sequence
from socket import SocketType
from typing import Any, Final, Protocol

import hiredis

from wsserver.brokers.address import Address
from wsserver.brokers.redis_dial import CONNECT_LIMIT_S, Dial, Offload, explain_dial
from wsserver.brokers.redis_errors import explain
from wsserver.brokers.redis_tls import client_context
from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer
from wsserver.resilience.backoff import Backoff

PING_INTERVAL_S: Final = 5.0
"""So often a PING is sent; when nothing at all was heard until the next one would be due, the link is dead. A cable
that was pulled is noticed after 5 to 10 s."""

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
HELD_S: Final = 10.0
"""A link that held so long starts again with the shortest pause; one that is thrown out at once does not."""

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""What may wait to be sent: a second of 500 MBit/s. A Redis that takes nothing for longer is as good as gone."""

REPLY_BYTES: Final = 64 * 1024 * 1024
"""What one reply may take: 300 messages of 64 KiB are 19 MiB, Redis itself cuts a subscriber off at 32 MiB."""

ARRAY_DIGITS: Final = 7
"""An array of ten million elements or more is none that we have asked for. The parser makes room for all of them as
soon as it has seen the number."""

_MORE: Final = object()
"""What the parser says when it needs more bytes; None is a reply."""


class Listener(Protocol):
    """Who hears what happens to a link."""

    def on_up(self) -> None:
        """It has been greeted: `send` works."""

    def on_down(self, sentence: str) -> None:
        """It is gone, and everything that was on its way with it."""

    def on_reply(self, reply: Any) -> None:
        """Redis said something; an error reply is a `hiredis.ReplyError`."""


class Link:
    """One connection, again and again."""

    def __init__(
        self,
        reactor: Reactor,
        address: Address,
        offload: Offload,
        greeting: Sequence[tuple[Any, ...]],
        listener: Listener,
        context: Callable[[], ssl.SSLContext] = client_context,
    ) -> None:
        """`greeting`: commands of which each has to be answered without an error before the link is up."""
        # configuration
        self._reactor = reactor
        self._address = address
        self._offload = offload
        self._greeting = [hiredis.pack_command(command) for command in greeting]
        self._listener = listener
        self._context = context
        # state
        self.up = False
        self.trouble: str | None = "it is not connected yet"
        self._dial: Dial | None = None
        self._transport: Transport | None = None
        self._reader: Any = None
        self._greeted = 0  # answers to the greeting so far
        self._timer: Timer | None = None  # of a pause, a greeting, the next PING
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, reactor.world.uniform)
        self._up_since = 0.0
        self._heard_at = 0.0
        self._pinged_at = 0.0
        self._closed = False
        # statistics
        self.losses = 0

    def start(self) -> None:
        """Begin to connect."""
        self._dial = Dial(self._reactor, self._address, self._offload, self._on_dialled, self._context)

    def send(self, *command: Any) -> None:
        """Queue a command; what a turn has queued leaves in one send. The link is up."""
        assert self.up and self._transport is not None
        self._transport.write(hiredis.pack_command(command))

    def drop(self, sentence: str) -> None:
        """Use this connection no longer, and make another one after a pause. `sentence` says why."""
        if self._closed or (self._dial is None and self._transport is None):
            return
        was_up, self.up = self.up, False
        self.trouble = sentence
        self._let_go()
        self.losses += 1
        now = self._reactor.now
        if was_up and now - self._up_since >= HELD_S:
            self._backoff.reset()
        self._timer = self._reactor.call_later(self._backoff.next(), self.start)
        self._listener.on_down(sentence)

    def close(self) -> None:
        """Let what is queued leave, and end it for good."""
        self._closed = True
        self.up = False
        transport, self._transport = self._transport, None
        self._let_go()
        if transport is not None:
            transport.finish()

    # -- connecting -------------------------------------------------------------------------------------------------

    def _on_dialled(self, result: SocketType | OSError) -> None:
        if isinstance(result, OSError):
            self.drop(explain_dial(result, self._address.where))
            return
        self._dial = None
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        transport = Transport(self._reactor, result, self._address.where, QUEUE_BYTES)
        self._transport = transport
        transport.on_bytes = self._on_bytes
        transport.start(self)
        self._greeted = 0
        self._heard_at = self._reactor.now
        self._timer = self._reactor.call_later(CONNECT_LIMIT_S, self._on_greeting_late)
        for command in self._greeting:
            transport.write(command)

    def _on_greeting_late(self) -> None:
        self.drop(f"Redis at {self._address.where} does not answer")

    def _on_greeting_reply(self, reply: Any) -> None:
        if isinstance(reply, hiredis.ReplyError):
            self.drop(f"Redis at {self._address.where} refuses us: {explain(reply)}")
            return
        self._greeted += 1
        if self._greeted < len(self._greeting):
            return
        if self._timer is not None:
            self._timer.cancel()
        self.up = True
        self.trouble = None
        self._up_since = self._reactor.now
        self._ping()
        self._listener.on_up()

    # -- listening --------------------------------------------------------------------------------------------------

    def _on_bytes(self, data: bytes) -> None:
        self._heard_at = self._reactor.now
        reader = self._reader
        try:
            if not reader.has_data() and _is_absurd(data):
                raise hiredis.ProtocolError("a huge array")
            reader.feed(data)
            while (reply := reader.gets()) is not _MORE:
                if type(reply) is hiredis.PushNotification:
                    raise hiredis.ProtocolError("a push, in a version of the protocol that has none")
                if self.up:
                    self._listener.on_reply(reply)
                else:
                    self._on_greeting_reply(reply)
                if reader is not self._reader:
                    return  # it was dropped for what it said
        except (hiredis.ProtocolError, MemoryError):
            self.drop(f"what answers at {self._address.where} does not speak as Redis does")
            return
        if reader.len() > REPLY_BYTES:
            self.drop(f"Redis at {self._address.where} has sent a reply that is larger than any we ask for")

    def _ping(self) -> None:
        self._timer = self._reactor.call_later(PING_INTERVAL_S, self._on_ping_timer)
        self._pinged_at = self._reactor.now
        self.send("PING")
        note = getattr(self._listener, "on_ping_sent", None)
        if note is not None:
            note()

    def _on_ping_timer(self) -> None:
        if self._heard_at < self._pinged_at:
            self.drop(f"Redis at {self._address.where} has not answered for {PING_INTERVAL_S:g} s")
        else:
            self._ping()

    # -- what the transport says (`net/owner.py`) -------------------------------------------------------------------

    def on_eof(self) -> None:
        """Redis has closed the connection: it stops, or has thrown us out for reading too slowly."""
        self.drop(f"Redis at {self._address.where} has closed the connection")

    def on_lost(self, error: OSError) -> None:
        """The connection broke."""
        self.drop(f"the connection to Redis at {self._address.where} broke: {(error.strerror or 'it is gone').lower()}")

    def on_stuck(self, reason: str) -> None:
        """It does not read what we send."""
        self.drop(f"Redis at {self._address.where} does not take what is sent to it ({reason})")

    def on_buried(self) -> None:
        """The fd is closed."""

    def on_crash(self, error: Exception) -> None:
        """A mistake of ours, which has been reported: nothing is certain about this connection any more."""
        self.drop(f"a mistake of ours ({type(error).__name__})")

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        self._reader = None


def _is_absurd(data: bytes) -> bool:
    """Tell whether bytes that begin a reply announce an array of more elements than there can be."""
    if data[:1] not in (b"*", b"%", b"~", b">"):
        return False
    return len(data[1:24].partition(b"\r")[0]) > ARRAY_DIGITS
