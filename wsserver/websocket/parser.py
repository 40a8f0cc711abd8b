"""Bytes from a client in, messages out: the frame parser (RFC 6455 sections 5.2 to 5.5).

     0               1               2        [ 2 or 8 more ]  4 bytes        `length` bytes
    +-+-+-+-+-------+-+-------------+--------+----------------+--------------+----------------+
    |F|R|R|R| opcode|M| length      |  its extended form      | masking key  | masked payload |
    +-+-+-+-+-------+-+-------------+--------+----------------+--------------+----------------+

A final text or binary frame that is whole in the buffer, which is nearly every frame there is, takes the short way at
the top of the loop: no object but its payload. Everything else goes through `_slow_frame`. A data frame whose end has
not come is unmasked and judged as it arrives; a control frame (131 bytes at most) waits until it is whole.

A compressed message (RFC 7692) is inflated as it arrives; it, too, takes the long way.

What a header declares is checked before anything is stored for it. After a broken rule nothing more is parsed; what
came whole before it is still handed out, and `error` says what it was.

Not here: what a message means, when to answer a ping. Read next: `messages.py`; then `clients/client.py`, the caller.
"""

from typing import Final

from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, MESSAGE_TOO_BIG, PING, PONG, PROTOCOL_ERROR, TEXT
from wsserver.websocket.deflate import Inflater
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.frames import RSV1, SHORT_PAYLOAD
from wsserver.websocket.masking import rotate, unmask
from wsserver.websocket.messages import Assembly
from wsserver.websocket.utf8 import check_utf8, is_utf8

FRAME_BATCH: Final = 64
"""Frames taken by one call: 64 KiB may hold 10,000 tiny ones, and other clients wait meanwhile."""

INFLATE_BATCH: Final = 64 * 1024
"""Bytes of inflated messages after which one call stops: a read of 64 KiB may inflate to 64 MiB."""

_EMPTY_PONG: Final = bytes((0x80 | PONG, 0x80))  # and a key, which masks nothing
_EMPTY_PONG_SIZE: Final = len(_EMPTY_PONG) + 4
_FINAL_TEXT: Final = 0x80 | TEXT
_FINAL_BINARY: Final = 0x80 | BINARY
_FINAL_DATA: Final = (_FINAL_TEXT, _FINAL_BINARY)
_MASKED: Final = 0x80
_MEDIUM: Final = _MASKED | 126
_KNOWN_OPCODES: Final = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_CONTROL_LIMIT: Final = 125

_BATCH: Final = range(FRAME_BATCH)

_from_bytes: Final = int.from_bytes

# For every short size: the factor that repeats a little-endian key often enough, and how many bytes that makes.
_WHOLE_KEYS: Final = tuple((size + 3) // 4 * 4 for size in range(_CONTROL_LIMIT + 1))
_REPEAT: Final = tuple(int.from_bytes(b"\1\0\0\0" * (size // 4), "little") for size in _WHOLE_KEYS)

Message = tuple[int, bytes]
"""(opcode, payload) of a whole message; control frames are messages of their own."""


class FrameParser:
    """Takes the bytes of one connection, in any portions, and gives the messages they complete."""

    __slots__ = (
        "_assembly",
        "_final",
        "_held",
        "_inflater",
        "_key",
        "_left",
        "_max_fragments",
        "_max_message",
        "_reserved",
        "_short_limit",
        "_single_limit",
        "_stopped",
        "error",
        "inflated",
        "more",
        "unfinished",
    )

    def __init__(self, max_message: int, max_fragments: int, inflater: Inflater | None = None) -> None:
        # configuration
        self._max_message = max_message  # bytes of one message, all its fragments together
        self._max_fragments = max_fragments
        self._inflater = inflater  # None: compression was not agreed on
        self._reserved = 0x30 if inflater is not None else 0x70  # bits of the first byte that have no meaning
        self._short_limit = min(max_message, SHORT_PAYLOAD)  # payloads up to here may go the short way
        # state
        self.error: ProtocolError | None = None  # the broken rule, once there is one
        self.more = False  # whole frames may be left behind the batch: call feed(b"") soon
        self.unfinished = False  # part of a message or frame is here, and the rest has not come
        self.inflated = 0  # bytes that the compressed messages of the last call have come to
        self._held = b""  # bytes not looked at yet: part of a header or control frame, or what is behind the batch
        self._assembly: Assembly | None = None  # the data message that is under way
        self._left = 0  # payload bytes of the current data frame that have not come
        self._key = b""  # its masking key, rotated to the next byte
        self._final = False  # whether it is its message's last
        self._single_limit = self._short_limit  # the same for take_single; -1 while anything is pending
        self._stopped = False  # after a Close frame or an error, input is ignored

    @property
    def close_received(self) -> bool:
        """A Close frame has come; nothing behind it is looked at."""
        return self._stopped and self.error is None

    @property
    def idle(self) -> bool:
        """Nothing is under way: the next byte begins a frame and a message, or means nothing any more."""
        return not (self.unfinished or self.more or self._stopped)

    @property
    def inflater(self) -> Inflater | None:
        """What inflates messages; None: compression was not agreed on."""
        return self._inflater

    @property
    def held(self) -> int:
        """Bytes stored: those not parsed yet and those of an unfinished message."""
        return len(self._held) + (self._assembly.size if self._assembly is not None else 0)

    def limit_messages(self, max_message: int) -> None:
        """Take messages of at most `max_message` bytes from the next one on."""
        self._max_message = max_message
        self._short_limit = min(max_message, SHORT_PAYLOAD)
        if self._single_limit >= 0:
            self._single_limit = self._short_limit
        if self._inflater is not None:
            self._inflater.limit_messages(max_message)

    def take_single(self, data: bytes) -> Message | None:
        """Return the message when `data` is exactly one final data frame below 64 KiB and nothing else is pending.

        That is what nearly every read brings. Everything else gives None and has changed nothing: `feed` does it then.
        Without the list and the loop of `feed`, an echo costs 0.5 us less; of a few hundred bytes, 3 us less.
        """
        size = len(data) - 6
        if size < 0 or size > self._single_limit or data[1] - _MASKED != size:
            return self._take_medium(data) if size > SHORT_PAYLOAD and data[1] == _MEDIUM else None
        first = data[0]
        frame = _from_bytes(data, "little")  # one number, header included: two slices less than in `_parse`
        key = (frame >> 16 & 0xFFFFFFFF) * _REPEAT[size]
        payload = (frame >> 48 ^ key).to_bytes(_WHOLE_KEYS[size], "little")[:size]
        if (first == _FINAL_TEXT and payload.isascii()) or first == _FINAL_BINARY:
            return first & 0x0F, payload
        return None

    def _take_medium(self, data: bytes) -> Message | None:
        """`take_single` for a payload of 126 bytes and more, whose length has two bytes of its own."""
        size = len(data) - 8
        if size < 126 or size > self._max_message or self._single_limit < 0 or size != data[2] << 8 | data[3]:
            return None
        first = data[0]
        if first not in _FINAL_DATA:
            return None
        payload = unmask(memoryview(data)[8:], data[4:8])
        if first == _FINAL_TEXT and not is_utf8(payload):
            return None
        return first & 0x0F, payload

    def take_pong(self, data: bytes) -> bool:
        """Tell whether `data` is exactly one empty pong and nothing else is pending; else it has changed nothing."""
        return len(data) == _EMPTY_PONG_SIZE and data.startswith(_EMPTY_PONG) and self._single_limit >= 0

    def feed(self, data: bytes) -> list[Message]:
        """Take `data`; return the messages that are complete now, oldest first, from at most FRAME_BATCH frames.

        Never raises: a broken rule is in `error` afterwards. After a Close frame or an error all input is ignored.
        """
        messages: list[Message] = []
        if not self._stopped:
            try:
                self._parse(data, messages)
            except ProtocolError as error:
                # without its trace, which would hold the input in a circle until the collector comes
                self.error = ProtocolError(error.code, error.reason)
                self._stop()
        return messages

    def _parse(self, data: bytes, messages: list[Message]) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        self.inflated = 0
        pos = self._continue_frame(data, 0, messages) if self._left else 0
        end = len(data)
        self.more = False
        limit, plain = self._short_limit, self._assembly is None
        for _ in _BATCH:
            start = pos + 6
            if plain and start <= end:
                first = data[pos]
                size = data[pos + 1] - _MASKED
                stop = start + size
                if 0 <= size <= limit and stop <= end and first in _FINAL_DATA:
                    # unmask(), written out: key and payload as one number, 0.7 us less a message
                    frame = _from_bytes(data[pos + 2 : stop], "little")
                    number = frame >> 32 ^ (frame & 0xFFFFFFFF) * _REPEAT[size]
                    payload = number.to_bytes(_WHOLE_KEYS[size], "little")[:size]
                    if first == _FINAL_TEXT and not payload.isascii():
                        check_utf8(payload)
                    messages.append((first & 0x0F, payload))
                    pos = stop
                    continue
            before = pos
            pos = self._slow_frame(data, pos, messages)
            plain = self._assembly is None
            if pos == before or self._stopped or self.inflated >= INFLATE_BATCH:
                self.more = pos != before and not self._stopped and pos < end
                break
        else:
            self.more = pos < end
        if not self._stopped:
            self._held = data[pos:]
            self.unfinished = not plain or pos < end
            self._single_limit = -1 if self.unfinished else self._short_limit

    def _slow_frame(self, data: bytes, pos: int, messages: list[Message]) -> int:
        """Parse any frame; return the position behind what was taken of it, or `pos` when it has to wait."""
        header = self._read_header(data, pos) if pos + 1 < len(data) else None
        if header is None:
            return pos
        size, start = header
        stop = start + size
        first = data[pos]
        key = data[start - 4 : start]
        if first & 0x08:
            if stop > len(data):
                return pos
            return self._control_frame(first & 0x0F, data[start:stop], key, stop, messages)
        if first & 0xC0 == 0x80 and self._assembly is None and stop <= len(data):
            payload = unmask(memoryview(data)[start:stop], key)
            if first & 0x0F == TEXT:
                check_utf8(payload)
            messages.append((first & 0x0F, payload))
            return stop
        if self._assembly is None:
            self._assembly = self._begin_message(first)
        self._assembly.announce(size)
        self._key, self._left, self._final = key, size, bool(first & 0x80)
        return self._continue_frame(data, start, messages)

    def _begin_message(self, first: int) -> Assembly:
        inflater = self._inflater
        if inflater is not None and first & RSV1:
            return Assembly(first & 0x0F, inflater.max_compressed, inflater)
        return Assembly(first & 0x0F, self._max_message)

    def _control_frame(self, opcode: int, masked: bytes, key: bytes, stop: int, messages: list[Message]) -> int:
        messages.append((opcode, unmask(masked, key)))
        if opcode == CLOSE:
            self._stop()
        return stop

    def _continue_frame(self, data: bytes, pos: int, messages: list[Message]) -> int:
        """Take what has come of the current data frame's payload; return the position behind it."""
        assembly = self._assembly
        assert assembly is not None
        piece = memoryview(data)[pos : pos + self._left]
        assembly.add(piece, self._key)
        self._left -= len(piece)
        if self._left:
            self._key = rotate(self._key, len(piece))
        elif self._final:
            self._assembly = None
            message = assembly.finish()
            messages.append(message)
            if assembly.compressed:
                self.inflated += len(message[1])
        return pos + len(piece)

    def _read_header(self, data: bytes, pos: int) -> tuple[int, int] | None:
        """Return (payload size, where the payload starts), or None while the header is incomplete.

        Raises ProtocolError as soon as the part that has come breaks a rule.
        """
        size = data[pos + 1] & 0x7F
        if not data[pos + 1] & _MASKED:
            raise ProtocolError(PROTOCOL_ERROR, "a client must mask its frames")
        self._check_first_byte(data[pos], size)
        start = pos + 2
        if size > _CONTROL_LIMIT:
            width = 2 if size == 126 else 8
            start += width
            if start > len(data):
                return None
            size = int.from_bytes(data[start - width : start], "big")
            if size < (126 if width == 2 else 0x10000):
                raise ProtocolError(PROTOCOL_ERROR, "frame length is not in its shortest form")
            if size >> 63:
                raise ProtocolError(PROTOCOL_ERROR, "frame length has its highest bit set")
        if not data[pos] & 0x08:
            self._check_limits(data[pos], size)
        start += 4
        return (size, start) if start <= len(data) else None

    def _check_first_byte(self, first: int, short_size: int) -> None:
        opcode = first & 0x0F
        if first & self._reserved or (first & RSV1 and (opcode == CONTINUATION or opcode & 0x08)):
            raise ProtocolError(PROTOCOL_ERROR, "a reserved bit is set that no extension gives a meaning")
        if opcode not in _KNOWN_OPCODES:
            raise ProtocolError(PROTOCOL_ERROR, f"opcode {opcode} is reserved")
        if opcode & 0x08:
            if not first & 0x80:
                raise ProtocolError(PROTOCOL_ERROR, "a control frame must not be fragmented")
            if short_size > _CONTROL_LIMIT:
                raise ProtocolError(PROTOCOL_ERROR, f"a control frame carries at most {_CONTROL_LIMIT} bytes")
        elif opcode == CONTINUATION and self._assembly is None:
            raise ProtocolError(PROTOCOL_ERROR, "a continuation frame continues nothing")
        elif opcode != CONTINUATION and self._assembly is not None:
            raise ProtocolError(PROTOCOL_ERROR, "a new message started inside a fragmented one")

    def _check_limits(self, first: int, size: int) -> None:
        """What the headers so far announce, this one's `size` included, must be allowed: judged before it is stored."""
        announced, fragments, limit = size, 1, self._max_message
        if self._assembly is not None:
            announced += self._assembly.announced
            fragments += self._assembly.fragments
            limit = self._assembly.limit
        elif self._inflater is not None and first & RSV1:
            limit = self._inflater.max_compressed
        if announced > limit:
            raise ProtocolError(MESSAGE_TOO_BIG, f"message is larger than {self._max_message} bytes")
        if fragments > self._max_fragments:
            raise ProtocolError(MESSAGE_TOO_BIG, f"message has more than {self._max_fragments} fragments")

    def _stop(self) -> None:
        self._stopped = True
        self._single_limit = -1
        self._held = b""
        self.unfinished = False
        self._assembly = None
        self._left = 0
