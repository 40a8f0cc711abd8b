"""A body in chunks (RFC 9112 section 7.1): decoded into one buffer, as strictly as the grammar allows.

    chunk-size [; extensions] CRLF data CRLF   ...   0 CRLF [trailers] CRLF

Extensions and trailers are judged and dropped: nothing here gives them a meaning. White space around the size, which
the RFC mentions for old times' sake, is refused: it is where parsers differ.

Read next: `framing.py`.
"""

import re
from typing import Final

from wsserver.http.errors import RequestError
from wsserver.http.headers import TOKEN_BYTES, parse_header_line
from wsserver.http.intake import Intake, LineTooLong
from wsserver.http.limits import RequestLimits

EXTENSIONS_LIMIT: Final = 256
"""Bytes of chunk extensions in one body. Nobody sends any; endless ones would be work without end."""

SIZE_DIGITS: Final = 16
"""Hexadecimal digits of a chunk size: 64 bits, more than any limit of ours."""

_EXTENSION: Final = rb";" + TOKEN_BYTES + rb"(?:=(?:" + TOKEN_BYTES + rb'|"[\t !#-\[\]-~]*"))?'
# A chunk as nearly everybody writes it, up to its data: no extension.
_PLAIN_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,%d})\r\n" % SIZE_DIGITS)
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,%d})((?:%b)*)" % (SIZE_DIGITS, _EXTENSION))

_FORBIDDEN_TRAILERS: Final = frozenset(
    ("authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "host",
     "te", "trailer", "transfer-encoding", "upgrade")
)  # fmt: skip
"""What must be known before the body (RFC 9110 section 6.5.1); in a trailer it could only mislead somebody."""

_DATA, _DATA_END, _TRAILERS = range(3)


class ChunkedBody:
    """Reads one body in chunks."""

    __slots__ = ("_data", "_extensions", "_left", "_limits", "_part", "_trailer_size", "_trailers")

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._data = bytearray()
        self._part = _DATA  # of the grammar: what comes next
        self._left = 0  # bytes of the current chunk that have not come; 0: its size has not
        self._extensions = 0  # bytes of them so far
        self._trailers = 0  # lines of them so far
        self._trailer_size = 0  # bytes of them so far

    @property
    def size(self) -> int:
        """Bytes decoded so far."""
        return len(self._data)

    def read(self, intake: Intake) -> bytes | None:
        """Take what has come; return the body once its last line is here. Raises RequestError 400, 413 or 431."""
        while self._part is not _TRAILERS:
            advanced = self._read_data(intake) if self._part is _DATA else self._read_data_end(intake)
            if not advanced:
                return None
        return bytes(self._data) if self._read_trailers(intake) else None

    def _take_plain_chunk(self, data: bytearray, start: int) -> int:
        """Take a chunk that is whole, plain and allowed; all others go the long way, which takes three times as long.

        64 KiB of input may hold ten thousand chunks of one byte, and other clients wait meanwhile.
        """
        match = _PLAIN_CHUNK.match(data, start)
        if match is None:
            return -1
        size, begin = int(match[1], 16), match.end()
        end = begin + size
        if not size or data[end : end + 2] != b"\r\n" or len(self._data) + size > self._limits.body:
            return -1
        self._data += data[begin:end]
        return end + 2

    def _read_data(self, intake: Intake) -> bool:
        """Read a chunk's size and data. -> is there anything more to do with what has come?"""
        if not self._left:
            intake.take_while(self._take_plain_chunk)
            if not self._read_size(intake):
                return False
        if self._part is _TRAILERS:
            return True
        piece = intake.take(self._left)
        self._data += piece
        self._left -= len(piece)
        if self._left:
            return False
        self._part = _DATA_END
        return True

    def _read_size(self, intake: Intake) -> bool:
        try:
            line = intake.maybe_line(SIZE_DIGITS + EXTENSIONS_LIMIT)
        except LineTooLong:
            raise RequestError(400, "A chunk's first line is too long.") from None
        if line is None:
            return False
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise RequestError(400, "A chunk does not start with its size in hexadecimal digits.")
        self._extensions += len(match[2])
        if self._extensions > EXTENSIONS_LIMIT:
            raise RequestError(400, f"The body has more than {EXTENSIONS_LIMIT} bytes of chunk extensions.")
        self._left = int(match[1], 16)
        if len(self._data) + self._left > self._limits.body:
            raise RequestError(413, f"The body is larger than {self._limits.body} bytes.")
        if not self._left:
            self._part = _TRAILERS
        return True

    def _read_data_end(self, intake: Intake) -> bool:
        if len(intake) < len(b"\r\n"):
            return False
        if intake.take(len(b"\r\n")) != b"\r\n":
            raise RequestError(400, "A chunk's data is not followed by CR LF.")
        self._part = _DATA
        return True

    def _read_trailers(self, intake: Intake) -> bool:
        """Read the lines behind the last chunk. -> has the empty one come?"""
        while True:
            room = self._limits.head - self._trailer_size - len(b"\r\n")
            try:
                line = intake.maybe_line(min(self._limits.header_line, room))
            except LineTooLong:
                raise RequestError(431, "The trailers are too large.") from None
            if line is None:
                return False
            if not line:
                return True
            self._judge_trailer(line)

    def _judge_trailer(self, line: bytes) -> None:
        self._trailers += 1
        self._trailer_size += len(line) + len(b"\r\n")
        if self._trailers > self._limits.headers:
            raise RequestError(431, f"The request has more than {self._limits.headers} trailers.")
        name, _value = parse_header_line(line)
        if name in _FORBIDDEN_TRAILERS:
            raise RequestError(400, "A trailer has a name that only a header may have.")
