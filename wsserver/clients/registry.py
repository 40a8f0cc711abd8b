"""All clients of one server: admits them, counts them, forgets them, and reaches many of them at once.

Read next: `client.py`.
"""

from collections.abc import Callable, Iterable
from functools import partial
from socket import SocketType
from typing import Final, cast

from wsserver.clients.admission import Admission
from wsserver.clients.client import Client
from wsserver.clients.handoff import unpack
from wsserver.clients.household import Household
from wsserver.clients.ids import draw_ids
from wsserver.clients.limits import PING_BURST, PING_RATE, ClientLimits, Rate
from wsserver.clients.router import Peer, Step, Timer
from wsserver.clients.site import Site
from wsserver.clients.slices import Slices
from wsserver.http.dates import format_date
from wsserver.http.errors import RequestError
from wsserver.http.forwarded import TrustedProxies
from wsserver.http.response import encode_response, error_response
from wsserver.net.crowd import Wire, send_to_crowd
from wsserver.net.ebb import Ebb
from wsserver.net.farewell import Farewell
from wsserver.net.outbox import Droppable, Stream, Streamed
from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor
from wsserver.websocket.deflate import Compressor, Terms
from wsserver.websocket.prepared import Prepared, PreparedMessage

REFUSALS_AT_ONCE: Final = 64
"""Connections above the limit that are told so with a 503 at any moment; the others are just closed."""

RETRY_AFTER_S: Final = 30
"""Refused clients are told to come back within so long, each at a moment of its own."""


class Registry:
    """The clients that are alive. It is the `Surroundings` that routers get, too."""

    def __init__(
        self,
        reactor: Reactor,
        site: Site,
        limits: ClientLimits,
        admission: Admission,
        on_gone: Callable[[Client], None] | None = None,
        compression: Terms | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        """`on_gone` hears of each client that has ended; `proxies` are believed where their clients come from."""
        rate = Rate(limits.rate, max(1.0, 2 * limits.rate)) if limits.rate else None
        self.clients: set[Client] = set()
        self.accepted = 0  # connections since the start, refused ones among them
        self.leaving: set[Client] = set()  # those who are gone but for their last bytes
        self.house = Household(
            reactor,
            site,
            limits,
            rate,
            Rate(PING_RATE, PING_BURST),
            compression,
            draw_ids(reactor.world.random_bytes),
            self._http_date,
            self._forget,
            self._release,
            proxies,
            self._relocate,
        )
        self._reactor = reactor
        self._admission = admission
        self._ebb = Ebb(reactor)
        self._slices = Slices(reactor)
        self._refusals = 0
        self._told_gone = on_gone
        self.on_empty: Callable[[], None] | None = None  # called each time the last socket has been closed
        self.on_late: Callable[[Client], None] | None = None  # called for each that is handed over while we drain
        self._date = (-1, "")  # second since 1970, and how HTTP writes it
        for router in site.routers.values():
            router.attach(self)

    # -- coming and going -------------------------------------------------------------------------------------------

    def admit(self, sock: SocketType, address: str) -> None:
        """A connection was accepted: a new client, or one that is told why it may not be one."""
        self.accepted += 1
        transport = self._transport(sock, address)
        proxies = self.house.proxies
        proxied = proxies is not None and proxies.trusts(address)  # its clients are judged when it names them
        refusal = self._admission.judge("" if proxied else address, self._reactor.now)
        if refusal is None:
            client = Client(self.house, transport)
            self._begin(client, client.start)
        else:
            self._refuse(transport, RequestError(refusal.status, refusal.detail, self._retry_after()))

    def take_over(self, sock: SocketType, data: bytes) -> None:
        """Another worker hands over a client that is open. It was judged when it came, and is not a second time."""
        try:
            baggage = unpack(data)
            router = self.house.site.routers[baggage.path]
        except Exception:
            sock.close()
            raise
        transport = self._transport(sock, baggage.address)
        client = Client(self.house, transport)
        client.address = baggage.address
        if not self._begin(client, partial(transport.start, client)):
            return
        try:
            client.take_over(baggage, router)
        except Exception as error:  # it was told nothing yet, and has to come again
            self._reactor.report(error)
            client.on_crash(error)
        if self.on_late is not None:
            self.on_late(client)

    def _transport(self, sock: SocketType, address: str) -> Transport:
        limits = self.house.limits
        return Transport(self._reactor, sock, address, limits.queue, limits.queue_policy)

    def _relocate(self, client: Client, address: str) -> None:
        """A proxy has named where a client comes from (`Household.relocate`)."""
        refusal = self._admission.move(client.address, address, self._reactor.now)
        if refusal is not None:
            # Not 503: a balancer would hold against this node what one client does, and try the others.
            raise RequestError(429, refusal.detail, self._retry_after())
        client.address = address

    @property
    def has_room(self) -> bool:
        """Whether some more may come who are not judged at the door (`take_over`)."""
        return self._admission.has_room

    @property
    def sockets(self) -> int:
        """How many are accepted and not closed yet: clients, and last words that still linger."""
        return self._admission.sockets

    def _begin(self, client: Client, start: Callable[[], None]) -> bool:
        """Start a client and count it; one that cannot be watched is closed at once. -> did it begin?"""
        try:
            start()
        except OSError as error:
            self._reactor.report(error)
            client.transport.sock.close()
            return False
        self.clients.add(client)
        self._admission.enter(client.address)
        self._ebb.note(self.sockets)
        return True

    def _retry_after(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", str(round(self._reactor.world.uniform(1, RETRY_AFTER_S)))),)

    def _refuse(self, transport: Transport, error: RequestError) -> None:
        farewell = Farewell(transport, self._end_refusal)
        try:
            transport.start(farewell)
        except OSError:
            transport.sock.close()
            return
        self._refusals += 1
        self.house.tally.note_refusal(error.status)
        if self._refusals > REFUSALS_AT_ONCE:
            transport.close()
            return
        answer = encode_response(
            error_response(error), head_only=False, keep_alive=False, minor_version=1, date=self._http_date()
        )
        transport.write_last(answer)
        farewell.begin()

    def _end_refusal(self) -> None:
        self._refusals -= 1

    def _forget(self, client: Client) -> None:
        known = client in self.clients
        self.clients.discard(client)
        if known:
            self.leaving.add(client)
            if self._told_gone is not None:
                self._told_gone(client)

    def _release(self, client: Client) -> None:
        self._forget(client)  # which it was long ago, unless that failed
        self.leaving.discard(client)
        self.house.tally.note_gone(client.messages_in, client.messages_out, *client.transport.traffic)
        self._admission.leave(client.address)
        self._ebb.note(self.sockets)
        if not self.sockets and self.on_empty is not None:
            self.on_empty()

    def _http_date(self) -> str:
        second = self._reactor.world.wall_ms() // 1000
        if second != self._date[0]:
            self._date = (second, format_date(second))
        return self._date[1]

    # -- what routers get (router.Surroundings) ---------------------------------------------------------------------

    def monotonic(self) -> float:
        """Seconds on the clock of this turn."""
        return self._reactor.now

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._reactor.world.wall_ms()

    def random_bytes(self, count: int) -> bytes:
        """Unguessable bytes."""
        return self._reactor.world.random_bytes(count)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, later."""
        return self._reactor.call_later(delay_s, callback)

    def at_end_of_turn(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, before this turn's output is sent."""
        self._reactor.at_end_of_turn(callback)

    def fan_out(self, peers: Iterable[Peer], message: Prepared, stream: Stream | None = None) -> None:
        """Give one encoded message to every peer that talks; see `router.Surroundings`.

        Nothing in it calls back: trouble is reported in the next turn, so `peers` cannot change meanwhile.
        """
        frame = _mark(message.frame, stream) if message.droppable else message.frame
        if self.house.compression is not None and isinstance(message, PreparedMessage) and message.is_large:
            self._fan_out_compressed(cast(Iterable[Client], peers), message, frame, stream)
            return
        count = message.count
        for client in cast(Iterable[Client], peers):
            client.messages_out += count
            client.transport.write(frame)

    def _fan_out_compressed(
        self, clients: Iterable[Client], message: PreparedMessage, plain: bytes, stream: Stream | None
    ) -> None:
        """Give each client the frame of what it agreed on; those who agreed on the same share it."""
        shared: dict[Compressor | None, bytes] = {None: plain}
        for client in clients:
            compressor = client.compressor
            frame = shared.get(compressor)
            if frame is None and compressor is not None:
                frame = message.encode_for(compressor)
                if compressor.droppable:
                    frame = shared[compressor] = _mark(frame, stream)
            client.messages_out += 1
            client.transport.write(frame or plain)

    def send_at_once(self, wires: Iterable[Wire], message: Prepared, stream: Stream | None = None) -> None:
        """Send one encoded message on every wire now; see `router.Surroundings`."""
        frame = _mark(message.frame, stream) if message.droppable else message.frame
        send_to_crowd(self._reactor, wires, frame)

    def in_slices(self, step: Step) -> None:
        """Call `step` until it returns False, by turns with everybody else; see `router.Surroundings`."""
        self._slices.add(step)


def _mark(frame: bytes, stream: Stream | None) -> bytes:
    """Return a frame that may be dropped, by the policy of its stream or, without one, of each client."""
    return Droppable(frame) if stream is None else Streamed(frame, stream)
