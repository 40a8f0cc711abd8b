"""Requests out of bytes: complete ones, one at a time, in order, however the bytes come in.

    feed(data) -> Intake -> HeadReader -> Head -> choose_body -> SizedBody | ChunkedBody -> Request
                         -> take_plain_get: the short way of nearly all, with the same result -> Request

A broken request raises once, and the parser is dead: nothing behind it can be trusted to begin where it seems to.
It does not know which paths exist. Read next: `response.py`; `upgrade.py`.
"""

from typing import Final, NamedTuple

from wsserver.http.body import Body
from wsserver.http.errors import RequestError
from wsserver.http.framing import choose_body, keeps_alive, wants_invitation
from wsserver.http.head import Head, HeadReader
from wsserver.http.headers import Headers
from wsserver.http.intake import Intake
from wsserver.http.limits import DEFAULT_LIMITS
from wsserver.http.limits import RequestLimits as RequestLimits
from wsserver.http.plain_get import take_plain_get

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Request(NamedTuple):
    """One complete request. (A frozen dataclass takes three times as long to make.)"""

    method: str
    target: str
    """As it came."""
    path: str
    """Percent-decoded once; starts with "/"."""
    query: str
    """What stood behind the first `?` of the target, as it came."""
    minor_version: int
    """0 or 1: HTTP/1.0 or HTTP/1.1."""
    headers: Headers
    body: bytes
    keep_alive: bool
    """Whether the client will go on with this connection after the answer."""


class RequestParser:
    """Takes the bytes of one connection, in any portions, and gives the requests they complete."""

    __slots__ = ("_body", "_ended", "_head", "_head_reader", "_intake", "_invited", "_limits", "path")

    def __init__(self, limits: RequestLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._intake = Intake()
        self._head_reader: HeadReader | None = None  # of a head that takes the long way
        self._head: Head | None = None  # once it is complete, until its body is
        self._body: Body | None = None  # what reads that body
        self._invited = True  # nobody waits for 100 Continue
        self._ended = False  # an error, or a request that said it was the last
        self.path = ""  # of the request that is being read, or was read last; "" before its head is complete

    @property
    def started(self) -> bool:
        """Whether part of a request is here that is not complete: its sender deserves an answer if it never is."""
        return not self._ended and (len(self._intake) > 0 or self._head_size > 0)

    @property
    def buffered(self) -> int:
        """Bytes held."""
        decoded = self._body.size if self._body is not None else 0
        return len(self._intake) + self._head_size + decoded

    @property
    def _head_size(self) -> int:
        return 0 if self._head_reader is None else self._head_reader.size

    def feed(self, data: bytes) -> None:
        """Take bytes. After an error, and after a request that ends the connection, they are ignored."""
        if not self._ended:
            self._intake.append(data)

    def next_request(self) -> Request | None:
        """Return the next request, or None while none is complete. Raises RequestError once, then returns None."""
        if self._ended:
            return None
        try:
            return self._advance()
        except RequestError:
            self._ended = True
            self._intake.clear()
            self._forget_request()
            raise

    def take_interim(self) -> bytes:
        """Return `100 Continue` if a client waits for it to send the body of a request that we will read; else b"".

        Given out once a request, and not at all when the body has begun to come (RFC 9110 section 10.1.1).
        """
        if self._invited or self._ended:
            return b""
        self._invited = True
        return b"" if len(self._intake) or (self._body is not None and self._body.size) else _CONTINUE

    def take_rest(self) -> bytes:
        """Return the bytes behind the last request, which are no HTTP any more, and give up parsing."""
        self._ended = True
        return self._intake.take_all()

    def _advance(self) -> Request | None:
        if self._head is None:
            self.path = ""
            if self._head_reader is None:
                plain = take_plain_get(self._intake, self._limits)
                if plain is not None:
                    target, self.path, query, headers, keep = plain
                    self._ended = not keep
                    return Request("GET", target, self.path, query, 1, headers, b"", keep)
                self._head_reader = HeadReader(self._limits)
            head = self._head_reader.read(self._intake)
            if head is None:
                return None
            self.path = head.line.target.path
            self._invited = not wants_invitation(head)
            self._body = choose_body(head, self._limits)
            self._head = head
        assert self._body is not None
        body = self._body.read(self._intake)
        return None if body is None else self._finish(self._head, body)

    def _finish(self, head: Head, body: bytes) -> Request:
        line, target = head.line, head.line.target
        keep = keeps_alive(head)
        self._ended = not keep
        self._forget_request()
        return Request(line.method, target.raw, target.path, target.query, line.minor_version, head.headers, body, keep)

    def _forget_request(self) -> None:
        """Be ready for the next one."""
        self._head = self._body = self._head_reader = None
        self._invited = True
