"""The wire as a client sees it: frames masked on the way out and never on the way in (RFC 6455 section 5).

The server's parser (`websocket/parser.py`) is of no use here: it demands the mask that this one forbids. This one is as
strict: lengths in their shortest form, no reserved bit or opcode, control frames whole and small, text in UTF-8.

Read next: `connection.py`, the user of both.
"""

from collections.abc import Callable
from typing import Final

from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, MESSAGE_TOO_BIG, PING, PONG, PROTOCOL_ERROR, TEXT
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.masking import unmask
from wsserver.websocket.utf8 import check_utf8

MAX_MESSAGE: Final = 64 * 1024 * 1024
"""Bytes of one message that are taken: more than any server sends that is measured here, and not all of the memory."""

_KEYS_AT_ONCE: Final = 1024
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_FINAL_DATA: Final = (_FINAL | TEXT, _FINAL | BINARY)
_FINAL_TEXT: Final = _FINAL | TEXT
_SHORT: Final = 125

Message = tuple[int, bytes]
"""(opcode, payload)"""


class MaskingKeys:
    """A fresh unpredictable key for each frame (section 5.3), drawn many at a time: a system call each would show."""

    __slots__ = ("_draw", "_keys", "_next")

    def __init__(self, draw: Callable[[int], bytes]) -> None:
        self._draw = draw
        self._keys = b""
        self._next = 0

    def take(self) -> bytes:
        """Return four bytes that were not used before."""
        at = self._next
        if at == len(self._keys):
            self._keys = self._draw(4 * _KEYS_AT_ONCE)
            at = 0
        self._next = at + 4
        return self._keys[at : at + 4]


def encode_masked_frame(opcode: int, payload: bytes, key: bytes) -> bytes:
    """Return the whole final frame for `payload`, masked with `key` (4 bytes)."""
    size = len(payload)
    if size <= _SHORT:
        return bytes((_FINAL | opcode, _MASKED | size)) + key + unmask(payload, key)
    if size < 0x10000:
        return bytes((_FINAL | opcode, _MASKED | 126)) + size.to_bytes(2, "big") + key + unmask(payload, key)
    return bytes((_FINAL | opcode, _MASKED | 127)) + size.to_bytes(8, "big") + key + unmask(payload, key)


class ServerFrames:
    """Takes the bytes of a server, in any portions, and gives the messages they complete."""

    __slots__ = ("_fragments", "_held", "_held_size", "_needed", "_opcode", "controls")

    def __init__(self) -> None:
        self.controls: list[Message] = []  # pings, pongs and the Close of the last call, in their order
        self._held: list[bytes] = []  # bytes that wait for the rest of their frame
        self._held_size = 0
        self._needed = 0  # bytes there must be before looking again is worth it
        self._fragments: bytearray | None = None  # the data message that is under way
        self._opcode = 0  # of that message

    def feed(self, data: bytes) -> list[Message]:
        """Return the data messages that are complete now. Raises ProtocolError; nothing may be fed after that."""
        if self._held:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size < self._needed:
                return []
            data = b"".join(self._held)
            self._held.clear()
        messages: list[Message] = []
        if self.controls:
            self.controls = []
        pos, end = 0, len(data)
        plain = self._fragments is None
        while pos + 2 <= end:
            size = data[pos + 1]
            stop = pos + 2 + size
            if plain and size <= _SHORT and data[pos] in _FINAL_DATA and stop <= end:
                payload = data[pos + 2 : stop]
                if not payload.isascii() and data[pos] == _FINAL_TEXT:
                    check_utf8(payload)
                messages.append((data[pos] & 0x0F, payload))
            else:
                stop = self._any_frame(data, pos, messages)
                if not stop:
                    break
                plain = self._fragments is None
            pos = stop
        else:
            self._needed = 2
        if pos < end:
            self._held.append(data[pos:] if pos else data)
            self._held_size = end - pos
        return messages

    def _any_frame(self, data: bytes, pos: int, messages: list[Message]) -> int:
        """Take the frame at `pos`; return the position behind it, or 0 when it has to wait."""
        first, size, start = data[pos], data[pos + 1], pos + 2
        self._check_header(first, size)
        if size > _SHORT:
            width = 2 if size == 126 else 8
            start += width
            if start > len(data):
                self._needed = 2 + width
                return 0
            size = int.from_bytes(data[start - width : start], "big")
            _check_size(size, width)
        if start + size > len(data):
            self._needed = start - pos + size
            return 0
        payload = data[start : start + size]
        opcode = first & 0x0F
        if opcode & 0x08:
            self.controls.append((opcode, payload))
        else:
            self._data_frame(opcode, payload, bool(first & _FINAL), messages)
        return start + size

    def _data_frame(self, opcode: int, payload: bytes, final: bool, messages: list[Message]) -> None:
        if self._fragments is not None:
            self._fragments += payload
            if len(self._fragments) > MAX_MESSAGE:
                raise ProtocolError(MESSAGE_TOO_BIG, "the message is too large to be taken")
            opcode, payload = self._opcode, bytes(self._fragments) if final else b""
        elif not final:
            self._fragments, self._opcode = bytearray(payload), opcode
        if final:
            self._fragments = None
            if opcode == TEXT:
                check_utf8(payload)
            messages.append((opcode, payload))

    def _check_header(self, first: int, size: int) -> None:
        opcode = first & 0x0F
        if size & _MASKED:
            raise ProtocolError(PROTOCOL_ERROR, "a server must not mask its frames")
        if first & 0x70:
            raise ProtocolError(PROTOCOL_ERROR, "a reserved bit is set that no extension gives a meaning")
        if opcode in (CLOSE, PING, PONG):
            if size > _SHORT or not first & _FINAL:
                raise ProtocolError(PROTOCOL_ERROR, "a control frame is whole and carries at most 125 bytes")
        elif opcode not in (CONTINUATION, TEXT, BINARY):
            raise ProtocolError(PROTOCOL_ERROR, f"opcode {opcode} is reserved")
        elif (opcode == CONTINUATION) == (self._fragments is None):
            raise ProtocolError(PROTOCOL_ERROR, "a continuation frame stands where none may, or is missing")


def _check_size(size: int, width: int) -> None:
    if size < (126 if width == 2 else 0x10000):
        raise ProtocolError(PROTOCOL_ERROR, "frame length is not in its shortest form")
    if size > MAX_MESSAGE:
        raise ProtocolError(MESSAGE_TOO_BIG, "the message is too large to be taken")
