"""CREATED and HANDSHAKE: HTTP requests are answered until one asks for an upgrade, and that one is judged.

    bytes -> RequestParser -> judge_host -> page, file, or error -> response, connection kept or finished
                                         -> service: a visit -> response, later; or a stream without end
                                         -> upgrade? judge_origin, RFC 6455 section 4.2 -> 101 -> HANDSHAKE

Requests that came in one piece are answered in their order, and while some of them wait for their turn nothing more is
read: a read brings more than a turn answers, so the rest has to wait in the kernel. A big file is sent slice by slice,
a slice a turn at most; until its last one has left, nothing more is read or answered. Nor is anything answered while a
visit waits for its answer. The object is dropped when the client becomes OPEN.

The one place where a RequestError is caught. Read next: `site.py`, `visit.py`, `http/request.py`, `http/upgrade.py`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from wsserver.clients.limits import ClientLimits
from wsserver.clients.router import Router
from wsserver.clients.site import Service, Site
from wsserver.clients.states import Event, State
from wsserver.clients.visit import ANSWER_S, BEAT_S, Visit
from wsserver.http.errors import RequestError
from wsserver.http.request import Request, RequestParser
from wsserver.http.response import Response, encode_response
from wsserver.http.upgrade import check_upgrade, choose_subprotocol, encode_switching_protocols, wants_websocket
from wsserver.net.transport import READ_SIZE
from wsserver.websocket.deflate import Agreement

if TYPE_CHECKING:
    from wsserver.clients.client import Client

PIPELINE_BATCH: Final = 16
"""Requests of one client that are answered in one turn."""

INTAKE: Final = 16 * 1024
"""Bytes read in one wake-up before the handshake is done: a head has no more, and a stranger gets no more room."""

ANSWERS_PAUSE: Final = 16 * 1024
"""Bytes of answers that wait to be sent above which the next request is not answered yet."""

BODY_PROGRESS_S: Final = 30.0
"""How long one slice of a big answer may take to leave."""

STREAM_INPUT: Final = 16 * 1024
"""Bytes that may come behind a request whose answer has no end: one more head. They are thrown away."""


class Handshake:
    """The HTTP side of one client."""

    __slots__ = (
        "_body",
        "_body_left",
        "_client",
        "_head_only",
        "_ignored",
        "_keep",
        "_limits",
        "_more",
        "_parser",
        "_served",
        "_site",
        "_visit",
        "agreement",
    )

    def __init__(self, client: "Client", site: Site, limits: ClientLimits) -> None:
        self._client = client
        self._site = site
        self._limits = limits
        self._parser = RequestParser()
        client.transport.read_size = INTAKE
        self.agreement: Agreement | None = None  # on compression
        self._served = 0  # requests answered on this connection
        self._body: Iterator[bytes] | None = None  # slices still to come of the answer that is on its way
        self._body_left = 0  # bytes of it
        self._keep = True  # whether the connection outlives that answer
        self._head_only = False  # what is being answered is HEAD: no body, that of an error included
        self._more = False  # the batch was full: requests that are complete may wait for the next turn
        self._visit: Visit | None = None  # the request that waits for its answer, or gets one without end
        self._ignored = 0  # bytes that came behind the latter

    @property
    def started(self) -> bool:
        """Part of a request is here, and no other answer under way: a deadline deserves one (408), not just silence."""
        return self._parser.started and self._body is None

    @property
    def busy(self) -> bool:
        """Answers are still to come, though the client may have ended its side. (A stream's reader has hung up.)"""
        return self._body is not None or self._more or self.waiting

    @property
    def waiting(self) -> bool:
        """A service has a request, and has not begun to answer it."""
        return self._visit is not None and not self._visit.streaming

    @property
    def midway(self) -> bool:
        """Part of an answer has been sent: what is said next would be taken for the rest of it."""
        return self._body is not None or self._more or (self._visit is not None and self._visit.streaming)

    @property
    def queued(self) -> int:
        """Bytes that wait to be sent."""
        return self._client.transport.queued

    def take_rest(self) -> bytes:
        """Return the bytes that came behind the upgrade request: the first frames of an impatient client."""
        self._client.transport.read_size = READ_SIZE
        return self._parser.take_rest()

    def receive(self, data: bytes) -> None:
        """Where the transport's bytes go in CREATED."""
        self._parser.feed(data)
        self.serve()

    def serve(self) -> None:
        """Answer the requests that are complete, in order; a batch at most, the rest in the next turn."""
        self._more = False
        try:
            for _ in range(PIPELINE_BATCH):
                if self._client.state is not State.CREATED or self._body is not None:
                    return
                if self._visit is not None:
                    if self.waiting and self._parser.buffered:
                        self._put_off()  # else it is read on: nothing but its end is expected
                    return
                self._head_only = False
                if self._client.transport.queued > ANSWERS_PAUSE:
                    self._wait_for_reader()
                    return
                request = self._parser.next_request()
                if request is None:
                    self._await_more()
                    return
                self._answer(request)
            self._put_off()
            self._client.house.reactor.call_soon(self.serve)
        except RequestError as error:
            self.refuse(error)

    def _wait_for_reader(self) -> None:
        """Its answers are not read: the next ones wait, unmade, until they are."""
        self._put_off()
        self._client.transport.on_drained = self._go_on

    def _put_off(self) -> None:
        """Complete requests may wait: take no more of them in before they are answered."""
        self._more = True
        self._client.transport.hold()

    def _go_on(self) -> None:
        self._client.transport.on_drained = None
        self._client.house.reactor.call_soon(self.serve)

    def on_crash(self, error: Exception) -> None:
        """An exception of ours escaped from a call that was put off to this turn."""
        self._client.on_crash(error)

    def _await_more(self) -> None:
        """No request is complete: invite a body that waits for it (100 Continue), or end with a client that ended."""
        self._client.transport.release()
        interim = self._parser.take_interim()
        if interim:
            self._client.transport.write_last(interim)
        if self._client.transport.eof:
            self._client.on_eof()

    def _answer(self, request: Request) -> None:
        site = self._site
        self._served += 1
        self._head_only = request.method == "HEAD"
        site.judge_host(request)
        if site.draining and request.path not in site.open_paths:
            raise RequestError(503, "The server is shutting down.", (("Retry-After", "1"),))
        router = site.routers.get(request.path)
        if router is not None:
            self._upgrade(request, router)
            return
        if wants_websocket(request):
            raise RequestError(404, "There is no WebSocket endpoint at this path.")
        service = site.find_service(request.path)
        if service is not None:
            self._call(service, request)
            return
        page = site.pages.get(request.path, site.fallback)
        self._respond(request, page(request))

    def _upgrade(self, request: Request, router: Router) -> None:
        upgrade = check_upgrade(request)
        self._site.judge_origin(request)
        if self._client.house.proxies is not None:
            self._settle(self._source_of(request))
        subprotocol = choose_subprotocol(upgrade.subprotocols, router.subprotocols)
        client = self._client
        terms = client.house.compression
        self.agreement = terms.agree(upgrade.extensions) if terms is not None else None
        extensions = self.agreement.answer if self.agreement is not None else None
        client.router = router
        client.subprotocol = subprotocol
        router.on_upgrade(client, request)
        client.grant(encode_switching_protocols(upgrade, subprotocol, extensions))

    def _source_of(self, request: Request) -> str:
        """Return where a request comes from; requests of many clients may share a proxy's connection."""
        proxies, address = self._client.house.proxies, self._client.transport.address
        return address if proxies is None else proxies.source_of(request.headers, address)

    def _settle(self, source: str) -> None:
        """From here on the connection is one client's: count it where that comes from. Raises RequestError 429."""
        if source != self._client.transport.address:
            self._client.house.relocate(self._client, source)

    def _respond(self, request: Request, response: Response) -> None:
        transport = self._client.transport
        keep = request.keep_alive and self._served < self._limits.max_requests and not response.endless
        self._keep = keep and not self._site.draining
        transport.write_last(self._encode(response, self._keep, request.minor_version))
        if response.slices is not None and not self._head_only:
            self._body, self._body_left = response.slices, response.length
            transport.hold()
            transport.on_drained = self._send_slice_soon
            self._client.arm(BODY_PROGRESS_S)
        else:
            self._answered()

    def _answered(self) -> None:
        client = self._client
        if self._keep and not self._site.draining:
            client.step(Event.ANSWERED)
            client.arm(self._limits.keepalive_timeout_s)
        else:
            client.cause = "answered"
            client.step(Event.ANSWERED_LAST)

    def _encode(self, response: Response, keep: bool, minor_version: int = 1) -> bytes:
        date = self._client.house.http_date()
        return encode_response(
            response, head_only=self._head_only, keep_alive=keep, minor_version=minor_version, date=date
        )

    def refuse(self, error: RequestError, event: Event = Event.RECEIVE_HANDSHAKE_FAILED) -> None:
        """Answer with an HTTP error and close: before OPEN there is no Close frame."""
        client = self._client
        client.cause = f"refused with {error.status}: {error.detail}"
        client.house.tally.note_refusal(error.status)
        client.transport.write_last(self._encode(self._site.explain(self._parser.path, error), keep=False))
        client.step(event)

    # -- an answer that takes time ----------------------------------------------------------------------------------

    def _call(self, service: Service, request: Request) -> None:
        """Hand a request to a service."""
        source = self._source_of(request)
        if request.path in self._site.lasting:
            self._settle(source)
        visit = self._visit = Visit(self, request, source)
        self._client.arm(ANSWER_S)
        service(visit)
        visit.deferred = True

    def conclude(self, visit: Visit, response: Response) -> None:
        """The visit is answered."""
        self._visit = None
        self._head_only = visit.request.method == "HEAD"
        self._respond(visit.request, response)
        if visit.deferred and self._client.state is State.CREATED and self._body is None:
            self._client.transport.release()
            self._client.house.reactor.call_soon(self.serve)

    def on_deadline(self) -> bool:
        """Nothing has happened for long. -> was it for a visit to say something?"""
        visit = self._visit
        if visit is None:
            return False
        if not visit.streaming:
            visit.answer(visit.late)
            return True
        if visit.silent:
            visit.write(visit.on_beat())
        visit.silent = True
        self._client.arm(BEAT_S)
        return True

    def on_drain(self, reconnect_in_s: float) -> None:
        """The server shuts down, and this client will have to go soon."""
        if self._visit is not None and self._visit.on_drain is not None:
            self._visit.on_drain(reconnect_in_s)

    def begin_stream(self, visit: Visit, response: Response) -> None:
        """Send the head of an answer without end. From here on the client is only read to see it go."""
        transport = self._client.transport
        transport.write_last(self._encode(response, keep=False, minor_version=visit.request.minor_version))
        transport.on_bytes = self._ignore
        transport.release()
        self._client.arm(BEAT_S)
        if transport.eof:
            self._client.on_eof()

    def write_piece(self, data: bytes) -> None:
        """Queue a piece of a stream, within the limit of the queue."""
        self._client.messages_out += 1
        self._client.transport.write(data)

    def end_stream(self, last: bytes) -> None:
        """End a stream, and the connection with it."""
        self._visit = None
        self._client.transport.write_last(last)
        self._client.cause = "the stream was ended"
        self._client.step(Event.ANSWERED_LAST)

    def _ignore(self, data: bytes) -> None:
        self._ignored += len(data)
        if self._ignored > STREAM_INPUT:
            self._client.transport.close()
            self._client.on_lost(OSError("the client goes on sending behind a request whose answer has no end"))

    # -- a big answer, slice by slice -------------------------------------------------------------------------------

    def _send_slice_soon(self) -> None:
        """The last slice has left. The next one waits for the next turn, so that a fast reader holds up nobody."""
        self._client.transport.on_drained = None
        self._client.house.reactor.call_soon(self._send_slice)

    def _send_slice(self) -> None:
        client = self._client
        if self._body is None:
            return
        piece = next(self._body, b"") if self._body_left else b""
        if piece:
            self._body_left -= len(piece)
            client.transport.on_drained = self._send_slice_soon
            client.transport.write_last(piece)
            client.arm(BODY_PROGRESS_S)
            return
        cut_short = self._body_left > 0
        self._drop_body()
        if cut_short:  # the file shrank: close short of Content-Length rather than pad it with something else
            client.transport.close()
            client.on_lost(OSError("the file was cut short while it was sent"))
            return
        self._answered()
        if client.state is State.CREATED:
            client.transport.release()
            self.serve()

    def drop_answer(self) -> None:
        """The client is gone: whoever makes the answer that was on its way need not go on."""
        visit, self._visit = self._visit, None
        self._drop_body()
        if visit is None:
            return
        visit.over = True
        try:
            if visit.on_end is not None:
                visit.on_end()
        except Exception as error:  # the client is gone all the same
            self._client.house.reactor.report(error)

    def _drop_body(self) -> None:
        """Close what the slices come from."""
        body, self._body = self._body, None
        close = getattr(body, "close", None)  # a generator's: runs its `finally`
        if close is not None:
            close()
