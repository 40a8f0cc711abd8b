"""RFC 6455's frames and RFC 3629's UTF-8 read in the plainest way: whole input, one byte after the other, no speed.

The second opinion that the fast parser is compared with; it shares no code with it.
"""

from tests.websocket.frames_by_hand import mask

PlainMessage = tuple[int, bytes]


class _Broken(Exception):
    """The rule that is broken, as the close code for it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def plain_frames(data: bytes, max_message: int, max_fragments: int) -> tuple[list[PlainMessage], int | None]:
    """Return the messages in `data` and the close code for what is wrong behind them, if anything is."""
    messages: list[PlainMessage] = []
    try:
        _PlainReader(data, max_message, max_fragments).read_into(messages)
    except _Broken as broken:
        return messages, broken.code
    return messages, None


class _PlainReader:
    """Walks over the frames."""

    def __init__(self, data: bytes, max_message: int, max_fragments: int) -> None:
        self.data = data
        self.max_message = max_message
        self.max_fragments = max_fragments
        self.opcode = 0  # of the message under way; 0: none is
        self.text = b""
        self.announced = 0
        self.fragments = 0

    def read_into(self, messages: list[PlainMessage]) -> None:
        """Append the messages; stop behind a Close, or where the input ends."""
        data = self.data
        while len(data) >= 2:
            first, size, at = data[0], data[1] & 127, 2
            opcode = first & 15
            self._judge_start(first, size, masked=data[1] >= 128)
            if size >= 126:
                width = 2 if size == 126 else 8
                at += width
                if len(data) < at:
                    return
                size = int.from_bytes(data[2:at], "big")
                if size < (126 if width == 2 else 65536) or size >= 1 << 63:
                    raise _Broken(1002)
            if opcode < 8:
                self._announce(opcode, size)
            key, at = data[at : at + 4], at + 4
            if len(data) < at:
                return
            payload = mask(data[at : at + size], key)
            if opcode >= 8:
                if len(payload) < size:
                    return
                messages.append((opcode, payload))
                if opcode == 8:
                    return
            else:
                self._add(payload, final=first >= 128 and len(payload) == size, messages=messages)
                if len(payload) < size:
                    return
            data = data[at + size :]

    def _judge_start(self, first: int, size: int, masked: bool) -> None:
        opcode = first & 15
        if not masked or first & 0x70 or opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            raise _Broken(1002)
        if opcode >= 8 and (first < 128 or size > 125):
            raise _Broken(1002)
        if opcode < 8 and (opcode == 0) != (self.opcode != 0):
            raise _Broken(1002)

    def _announce(self, opcode: int, size: int) -> None:
        if opcode:
            self.announced = self.fragments = 0
        self.announced += size
        self.fragments += 1
        if self.announced > self.max_message or self.fragments > self.max_fragments:
            raise _Broken(1009)
        # Only now: a header of which the key is missing has started nothing, but then nothing comes behind it either.
        self.opcode, self.text = (opcode, b"") if opcode else (self.opcode, self.text)

    def _add(self, payload: bytes, final: bool, messages: list[PlainMessage]) -> None:
        self.text += payload
        if self.opcode == 1:
            wrong_at, cut_short = plain_utf8(self.text)
            if wrong_at is not None or (final and cut_short):
                raise _Broken(1007)
        if final:
            messages.append((self.opcode, self.text))
            self.opcode = 0


# RFC 3629 section 4: the first byte, and what its followers may be.
_TAIL = range(0x80, 0xC0)
_SEQUENCES = (
    (range(0x80), ()),
    (range(0xC2, 0xE0), (_TAIL,)),
    (range(0xE0, 0xE1), (range(0xA0, 0xC0), _TAIL)),
    (range(0xE1, 0xED), (_TAIL, _TAIL)),
    (range(0xED, 0xEE), (range(0x80, 0xA0), _TAIL)),
    (range(0xEE, 0xF0), (_TAIL, _TAIL)),
    (range(0xF0, 0xF1), (range(0x90, 0xC0), _TAIL, _TAIL)),
    (range(0xF1, 0xF4), (_TAIL, _TAIL, _TAIL)),
    (range(0xF4, 0xF5), (range(0x80, 0x90), _TAIL, _TAIL)),
)
_FOLLOWERS = {byte: followers for firsts, followers in _SEQUENCES for byte in firsts}


def plain_utf8(data: bytes) -> tuple[int | None, bool]:
    """Return where the first byte is that no UTF-8 has there, or None; and whether the last sequence lacks bytes."""
    expected: tuple[range, ...] = ()
    for index, byte in enumerate(data):
        if expected:
            if byte not in expected[0]:
                return index, False
            expected = expected[1:]
        elif byte in _FOLLOWERS:
            expected = _FOLLOWERS[byte]
        else:
            return index, False
    return None, bool(expected)
