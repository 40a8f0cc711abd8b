"""A message in the making: the pieces of one fragmented or slowly arriving message (RFC 6455 section 5.4).

Small pieces grow one buffer: in a list a piece of one byte would pin 43, here 1.13. A buffer that has become large is
put aside and another one begun, for growing it copies it each time; so a message of 1 MiB is copied once when it
is whole, not eight times on the way. Nothing is reserved for what was only announced.

Pieces are unmasked and judged where they lie. What a message may come to is announced by its frames' headers, so the
parser refuses it before any of that is stored. A compressed message is inflated as it arrives: only what it inflates to
is stored, in one buffer, because zlib may have to look back.

Read next: `parser.py`, which fills it.
"""

from typing import Final

from wsserver.websocket.codes import TEXT
from wsserver.websocket.deflate import Inflater
from wsserver.websocket.masking import LARGE, unmask, unmask_from
from wsserver.websocket.utf8 import Utf8Judge

FULL: Final = 16 * 1024
"""Bytes from which on a buffer is put aside: then its own 57 bytes and its place in the list do not count."""


class Assembly:
    """One unfinished data message. `opcode` is that of its first frame."""

    __slots__ = ("_buffer", "_full", "_inflater", "_judge", "announced", "fragments", "limit", "opcode")

    def __init__(self, opcode: int, limit: int, inflater: Inflater | None = None) -> None:
        """`limit`: bytes of payload that its frames may announce. `inflater`: it is compressed."""
        self.opcode = opcode
        self.limit = limit
        self.announced = 0  # bytes that the headers so far say will come
        self.fragments = 0
        self._buffer = bytearray()
        self._full: list[bytearray] = []  # what was put aside
        self._judge = Utf8Judge() if opcode == TEXT else None
        self._inflater = inflater
        if inflater is not None:
            inflater.begin()

    def announce(self, size: int) -> None:
        """A frame header, judged by the parser, says that `size` more bytes come."""
        self.announced += size
        self.fragments += 1

    def add(self, masked: memoryview, key: bytes) -> None:
        """Append payload that was masked with `key`. Raises ProtocolError: 1007 at the first byte of bad text or broken
        compressed data, 1009 at the first byte that it inflates to beyond what is allowed."""
        buffer = self._buffer
        before = len(buffer)
        if self._inflater is not None:
            self._inflater.inflate(unmask(masked, key), buffer)
        elif len(masked) > LARGE:
            buffer += masked
            unmask_from(buffer, before, key)
        else:
            buffer += unmask(masked, key)
        self._judge_from(before)
        if len(buffer) >= FULL and self._inflater is None:
            self._full.append(buffer)
            self._buffer = bytearray()

    def finish(self) -> tuple[int, bytes]:
        """The final frame is complete: return (opcode, payload). Raises ProtocolError like `add`."""
        if self._inflater is not None:
            before = len(self._buffer)
            self._inflater.finish(self._buffer)
            self._judge_from(before)
        if self._judge is not None:
            self._judge.finish()
        return self.opcode, b"".join([*self._full, self._buffer])

    def _judge_from(self, before: int) -> None:
        """Judge the text behind the first `before` bytes."""
        if self._judge is not None and len(self._buffer) > before:
            with memoryview(self._buffer) as view, view[before:] as text:
                self._judge.feed(text)

    @property
    def compressed(self) -> bool:
        """Whether it came compressed."""
        return self._inflater is not None

    @property
    def size(self) -> int:
        """Bytes stored so far."""
        return sum(map(len, self._full)) + len(self._buffer)
