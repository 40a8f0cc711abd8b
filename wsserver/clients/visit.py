"""One plain HTTP request whose answer takes time, as a service sees it.

A page (`site.Page`) has its answer ready; a service may have to ask somebody first, or may go on telling for hours:

    service(visit) --- visit.answer(response)                        now, or in a later turn
                   \\-- visit.stream(headers) --- visit.write(...) --- visit.write(...) --- visit.end()

While it waits, the requests behind it on the same connection wait too. One that is not answered within ANSWER_S is
answered with what stands in `late`. A stream that has been silent for BEAT_S says so with what `on_beat` returns: a
client that is gone without a word is noticed by that, and no middlebox forgets the connection. A client that does not
read fast enough for its queue is closed. The client may go at any time: `on_end` tells, and whatever the service says
after that is ignored.

Read next: `handshake.py`, which makes visits and writes for them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wsserver.http.errors import RequestError
from wsserver.http.request import Request
from wsserver.http.response import Response, error_response
from wsserver.http.security import HeaderList

if TYPE_CHECKING:
    from wsserver.clients.handshake import Handshake

ANSWER_S: Final = 10.0
"""What answers may wait for is a store or a database: one that takes so long is not there."""

BEAT_S: Final = 20.0
"""Middleboxes forget idle connections after 30 to 60 seconds; the HTML standard advises a comment every 15 or so."""

BEHIND: Final = 64 * 1024
"""Bytes that wait for one client above which a service should wait too, if it can."""

_LATE: Final = error_response(RequestError(503, "The answer took too long; try again.", (("Retry-After", "1"),)))


class Visit:
    """From the complete request to the last byte of its answer, or to the end of the connection."""

    __slots__ = (
        "_handshake", "address", "deferred", "late", "on_beat", "on_drain", "on_end", "over", "request", "silent",
        "streaming",
    )  # fmt: skip

    def __init__(self, handshake: "Handshake", request: Request, address: str) -> None:
        # configuration
        self._handshake = handshake
        self.request = request
        self.address = address  # where it comes from, as in `Peer.address`
        self.late: Response = _LATE  # the answer, if no other is given in time
        self.on_beat: Callable[[], bytes] = bytes  # called when a stream was silent for BEAT_S, for something to say
        self.on_drain: Callable[[float], None] | None = None  # a stream hears in how many seconds to come back
        self.on_end: Callable[[], None] | None = None  # called once, if the client goes before it is over
        # state
        self.over = False  # it is answered, or the client is gone
        self.streaming = False  # the head of a stream has been sent
        self.silent = True  # nothing was written since the last beat
        self.deferred = False  # the service returned and had not answered

    @property
    def behind(self) -> bool:
        """More waits for the client than it reads."""
        return self._handshake.queued > BEHIND

    def answer(self, response: Response) -> None:
        """Answer the request. Only the first answer counts."""
        if not self.over and not self.streaming:
            self.over = True
            self._handshake.conclude(self, response)

    def stream(self, headers: HeaderList) -> None:
        """Begin an answer that goes on until the connection ends; HEAD gets its head alone, and the visit is over."""
        if self.over:
            return
        response = Response(200, headers, endless=True)
        if self.request.method == "HEAD":
            self.answer(response)
        else:
            self.streaming = True
            self._handshake.begin_stream(self, response)

    def write(self, data: bytes) -> None:
        """Queue a piece of the stream; it leaves at the end of the turn. Never raises, never blocks."""
        if not self.over:
            self.silent = False
            self._handshake.write_piece(data)

    def end(self, last: bytes = b"") -> None:
        """End the stream behind what is queued, with `last` as its last piece."""
        if not self.over:
            self.over = True
            self._handshake.end_stream(last)
