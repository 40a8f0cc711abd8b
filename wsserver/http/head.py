"""The head of a request: its first line and its header lines, read as they come.

    [empty line] request-line CRLF *( header-line CRLF ) CRLF

Every line is judged when it is complete, every limit before that. What the headers say about the body is not decided
here: that is `framing.py`.

Read next: `framing.py`, then `request.py`.
"""

from dataclasses import dataclass

from wsserver.http.errors import RequestError
from wsserver.http.headers import Headers, parse_header_line
from wsserver.http.hosts import require_host
from wsserver.http.intake import Intake, LineTooLong
from wsserver.http.limits import RequestLimits
from wsserver.http.request_line import RequestLine, may_start_request, parse_request_line


@dataclass(frozen=True, slots=True)
class Head:
    """A complete head."""

    line: RequestLine
    headers: Headers


class HeadReader:
    """Reads one head. A new one is needed for the next."""

    __slots__ = ("_limits", "_line", "_pairs", "_skipped", "size")

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._line: RequestLine | None = None  # once it is here
        self._pairs: list[tuple[str, str]] = []  # header fields so far
        self._skipped = False  # the one empty line that may come first has come
        self.size = 0  # bytes of the head so far, line ends included

    def read(self, intake: Intake) -> Head | None:
        """Take what has come of the head; return it once it is complete. Raises RequestError."""
        while self._line is None:
            line = self._read_first_line(intake)
            if line is None:
                return None
            if line:
                self._line = parse_request_line(line)
        while True:
            line = self._next_line(intake, self._limits.header_line)
            if line is None:
                return None
            if not line:
                return self._finish(self._line)
            if len(self._pairs) == self._limits.headers:
                raise RequestError(431, f"The request has more than {self._limits.headers} headers.")
            self._pairs.append(parse_header_line(line))

    def _read_first_line(self, intake: Intake) -> bytes | None:
        """Return the next line; an empty one only the first time (RFC 9112 section 2.2: some clients send one)."""
        first = intake.first()
        if first is not None and not may_start_request(first):
            raise RequestError(400, "This is not the beginning of an HTTP/1.1 request.")
        line = self._next_line(intake, self._limits.request_line)
        if line == b"":
            if self._skipped:
                raise RequestError(400, "There is more than one empty line before the request.")
            self._skipped = True
            self.size = 0  # it belongs to no request
        return line

    def _next_line(self, intake: Intake, most: int) -> bytes | None:
        room = self._limits.head - self.size - len(b"\r\n")
        try:
            line = intake.maybe_line(min(most, room))
        except LineTooLong:
            raise self._too_long(most, room) from None
        if line is not None:
            self.size += len(line) + len(b"\r\n")
        return line

    def _too_long(self, most: int, room: int) -> RequestError:
        if room < most:
            return RequestError(431, f"The request's head is larger than {self._limits.head} bytes.")
        if self._line is None:
            return RequestError(414, f"The request line is longer than {most} bytes.")
        return RequestError(431, f"A header line is longer than {most} bytes.")

    def _finish(self, line: RequestLine) -> Head:
        headers = Headers(self._pairs)
        hosts = headers.all("host")
        require_host(hosts, line.minor_version)
        authority = line.target.authority
        if authority is not None and (not hosts or authority.lower() != hosts[0].lower()):
            raise RequestError(400, "The request target names another host than the Host header.")
        return Head(line, headers)
