"""The seam between one client's life and the product: what a router is, and what a router is given.

The consumer owns the interface: `clients/` calls routers, so it says here what they look like; `chat/` and `echo.py`
implement them, and so can you. This file knows no sockets and no JSON.

    a client's bytes -> Client -> Router.on_message(peer, payload, opcode)
                                     |  peer.send(...)              one client
                                     |  surroundings.fan_out(...)   many clients, encoded once
                                     v  surroundings.at_end_of_turn(...)

Read next: `echo.py`, the four-line router; then `client.py`, the caller.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from wsserver.http.request import Request
from wsserver.net.crowd import Wire as Wire
from wsserver.net.outbox import Stream as Stream
from wsserver.websocket.codes import TEXT
from wsserver.websocket.deflate import Compressor as Compressor
from wsserver.websocket.prepared import Prepared


class Peer(Protocol):
    """One open WebSocket connection, as a router sees it."""

    id: str
    """Unique in this server for ever, unguessable: 12 characters."""
    address: str
    """Where it comes from: `127.0.0.1:50312`, `[::1]:50312` or `unix`. Do not change it."""
    subprotocol: str | None
    """What the upgrade agreed on; None when nothing was asked for or nothing asked for is known."""
    wire: Wire
    """What stands for it in `Surroundings.send_at_once`."""
    compressor: Compressor | None
    """What large messages to it are compressed with; None: they are not. Peers with the same one get the same bytes."""
    context: Any
    """The router's own: whatever it wants to find again with this peer. None at first."""
    messages_out: int
    """How many messages it was sent. Those of `send_at_once` are not in it: one count for all is kept by who sends."""

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """Queue one message; it leaves at the end of the turn. `payload` must be UTF-8 when `opcode` is TEXT.

        Never blocks and never raises: a peer that is closing or gone is ignored, one whose queue is full is dealt
        with by its queue policy.
        """

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake behind what is queued. A second call does nothing.

        Raises AssertionError for a code that may not be sent: 1000-1003, 1007-1014 and 3000-4999 may.
        """

    def hand_off(self, worker: int, payload: bytes, opcode: int, luggage: bytes) -> bool:
        """Have another worker of this server serve this peer; return whether that is so, which it may not be.

        If it is, the peer is gone from here without `on_close`. Over there the router hears `on_take_over` with
        `luggage`, then `on_message` with `payload`: the last message that came, which nobody has answered. False: the
        peer is not at rest, or the other worker takes nobody.
        """

    def limit_messages(self, size: int) -> None:
        """From the next message on take messages of at most `size` bytes; a larger one ends the connection (1009)."""


class Timer(Protocol):
    """Something that will happen, unless it is cancelled before."""

    def cancel(self) -> None:
        """Make it not happen. Cancelling twice, or after it happened, does nothing."""


Step = Callable[[], bool]
"""A small part of a large work: 0.5 ms or less. Returns whether there is more to do."""


class Surroundings(Protocol):
    """All that a router may know of the world; a test hands in a fake, the simulator another one."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; read once a turn. For durations."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970. For people to read; nothing may be ordered by it."""

    def random_bytes(self, count: int) -> bytes:
        """Unguessable bytes."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `delay_s` seconds from now."""

    def at_end_of_turn(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, when all events of this turn are handled and before anything is sent."""

    def fan_out(self, peers: Iterable[Peer], message: Prepared, stream: Stream | None = None) -> None:
        """Give one encoded message, or several joined, to every peer; they leave at the end of the turn.

        `stream`: what it belongs to, where that has a queue policy of its own.

        Nobody is told of a loss meanwhile, so `peers` does not change.
        """

    def send_at_once(self, wires: Iterable[Wire], message: Prepared, stream: Stream | None = None) -> None:
        """The same for a crowd that gets nothing else this turn, by its wires: 15 % less for each of a thousand.

        Whoever has something waiting gets it behind that. Forget the wire of a peer when its conversation ends.
        """

    def in_slices(self, step: Step) -> None:
        """Call `step`, from the next turn on, until it returns False: some milliseconds a turn, others in between.

        For what would make everybody wait, such as reaching 10,000 peers. All who have such work take turns. A `step`
        that raises is not called again.
        """


class Router:
    """What the messages of one path are handed to. Subclass it, override what you need.

    One router object serves all clients of its path; it lives in the reactor's thread and must not block. An exception
    that escapes a method closes that one client with 1011 and is logged with its trace.
    """

    subprotocols: tuple[str, ...] = ()
    """What the upgrade may agree on, best first (RFC 6455 section 1.9)."""

    def attach(self, surroundings: Surroundings) -> None:
        """Called once, before the first client: keep `surroundings` if you need it."""

    def on_upgrade(self, peer: Peer, request: Request) -> None:
        """Called for each correct upgrade before it is granted; it may raise RequestError.

        Nothing can be sent yet. What you put into `peer.context` is there again in `on_open`, if that ever comes.
        """

    def on_open(self, peer: Peer) -> None:
        """Called when the last byte of the handshake has left: the conversation may begin."""

    def on_take_over(self, peer: Peer, luggage: bytes) -> None:
        """Called in place of `on_upgrade` and `on_open` for a peer that another worker hands over (`Peer.hand_off`)."""

    def on_message(self, peer: Peer, payload: bytes, opcode: int) -> None:
        """Called for each whole data message, in order. TEXT payloads are valid UTF-8."""

    def on_limited(self, peer: Peer, payload: bytes, opcode: int) -> None:
        """Called instead of `on_message` for a message above the rate limit. It is dropped unless you answer."""

    def on_close(self, peer: Peer, code: int, reason: str) -> None:
        """Called once for every `on_open`, when the conversation ends.

        `code` is the one the peer sent, the one we are about to send, 1005 (its Close had none) or 1006 (lost).
        What is sent to this peer from here still leaves before our Close, where there is one.
        """

    def on_drain(self, peer: Peer, reconnect_in_s: float) -> None:
        """Called when the server starts to shut down: tell the peer when to come back, if your protocol can."""
