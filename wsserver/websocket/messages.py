"""A message in the making: the pieces of one fragmented or slowly arriving message (RFC 6455 section 5.4).

One growing buffer, never a list of pieces: a one-byte piece in a list pins 43 bytes, in a bytearray 1.07. What a
message may come to is announced by its frames' headers, so the parser refuses it before any of that is stored.

Read next: `parser.py`, which fills it.
"""

from wsserver.websocket.codes import TEXT
from wsserver.websocket.utf8 import Utf8Judge


class Assembly:
    """One unfinished data message. `opcode` is that of its first frame."""

    __slots__ = ("_buffer", "_judge", "announced", "fragments", "opcode")

    def __init__(self, opcode: int) -> None:
        self.opcode = opcode
        self.announced = 0  # bytes that the headers so far say will come
        self.fragments = 0
        self._buffer = bytearray()
        self._judge = Utf8Judge() if opcode == TEXT else None

    def announce(self, size: int) -> None:
        """A frame header, judged by the parser, says that `size` more bytes come."""
        self.announced += size
        self.fragments += 1

    def add(self, piece: bytes) -> None:
        """Append unmasked payload. Raises ProtocolError(1007) at the first byte of bad text."""
        if self._judge is not None:
            self._judge.feed(piece)
        self._buffer += piece

    def finish(self) -> tuple[int, bytes]:
        """The final frame is complete: return (opcode, payload). Raises ProtocolError(1007)."""
        if self._judge is not None:
            self._judge.finish()
        return self.opcode, bytes(self._buffer)

    @property
    def size(self) -> int:
        """Bytes stored so far."""
        return len(self._buffer)
