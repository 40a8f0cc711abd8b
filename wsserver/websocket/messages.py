"""A message in the making: the pieces of one fragmented or slowly arriving message (RFC 6455 section 5.4).

One growing buffer, never a list of pieces: a one-byte piece in a list pins 43 bytes, in a bytearray 1.07. What a
message may come to is announced by its frames' headers, so the parser refuses it before any of that is stored. A
compressed message is inflated as it arrives: only what it inflates to is stored.

Read next: `parser.py`, which fills it.
"""

from wsserver.websocket.codes import TEXT
from wsserver.websocket.deflate import Inflater
from wsserver.websocket.utf8 import Utf8Judge


class Assembly:
    """One unfinished data message. `opcode` is that of its first frame."""

    __slots__ = ("_buffer", "_inflater", "_judge", "announced", "fragments", "limit", "opcode")

    def __init__(self, opcode: int, limit: int, inflater: Inflater | None = None) -> None:
        """`limit`: bytes of payload that its frames may announce. `inflater`: it is compressed."""
        self.opcode = opcode
        self.limit = limit
        self.announced = 0  # bytes that the headers so far say will come
        self.fragments = 0
        self._buffer = bytearray()
        self._judge = Utf8Judge() if opcode == TEXT else None
        self._inflater = inflater
        if inflater is not None:
            inflater.begin()

    def announce(self, size: int) -> None:
        """A frame header, judged by the parser, says that `size` more bytes come."""
        self.announced += size
        self.fragments += 1

    def add(self, piece: bytes) -> None:
        """Append unmasked payload. Raises ProtocolError: 1007 at the first byte of bad text or broken compressed data,
        1009 at the first byte that it inflates to beyond what is allowed."""
        if self._inflater is not None:
            before = len(self._buffer)
            self._inflater.inflate(piece, self._buffer)
            self._judge_from(before)
            return
        if self._judge is not None:
            self._judge.feed(piece)
        self._buffer += piece

    def finish(self) -> tuple[int, bytes]:
        """The final frame is complete: return (opcode, payload). Raises ProtocolError like `add`."""
        if self._inflater is not None:
            before = len(self._buffer)
            self._inflater.finish(self._buffer)
            self._judge_from(before)
        if self._judge is not None:
            self._judge.finish()
        return self.opcode, bytes(self._buffer)

    def _judge_from(self, before: int) -> None:
        """Judge the text that was inflated to behind the first `before` bytes."""
        if self._judge is not None and len(self._buffer) > before:
            self._judge.feed(bytes(self._buffer[before:]))

    @property
    def compressed(self) -> bool:
        """Whether it came compressed."""
        return self._inflater is not None

    @property
    def size(self) -> int:
        """Bytes stored so far."""
        return len(self._buffer)
