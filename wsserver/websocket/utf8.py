"""Judge UTF-8 as it arrives, so that a bad byte ends the connection at that byte and not at the message's end.

CPython's decoder is strict in all that RFC 3629 asks for (no surrogates, no overlong forms, nothing above U+10FFFF) and
refuses a sequence at its first impossible byte, also when the rest has not come yet, with one exception: it waits for
the third byte of a surrogate. So nothing but that is judged by hand here.

Read next: `messages.py`.
"""

from codecs import utf_8_decode

from wsserver.websocket.codes import INVALID_PAYLOAD
from wsserver.websocket.errors import ProtocolError


class Utf8Judge:
    """Judges one text message, piece by piece."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""  # at most 3 bytes: the start of a code point whose rest has not come

    def feed(self, piece: bytes | memoryview) -> None:
        """Judge the next piece. Raises ProtocolError(1007) at the first byte that cannot be right."""
        data = self._tail + piece if self._tail else piece
        try:
            _, judged = utf_8_decode(data, "strict", False)
        except UnicodeDecodeError:
            raise ProtocolError(INVALID_PAYLOAD, "text is not UTF-8") from None
        self._tail = bytes(data[judged:])
        if self._tail[:1] == b"\xed" and self._tail[1:] >= b"\xa0":  # the start of a surrogate
            raise ProtocolError(INVALID_PAYLOAD, "text is not UTF-8")

    def finish(self) -> None:
        """The message is complete. Raises ProtocolError(1007) when it ends inside a code point."""
        if self._tail:
            raise ProtocolError(INVALID_PAYLOAD, "text ends in the middle of a UTF-8 sequence")


def check_utf8(payload: bytes) -> None:
    """Judge a whole text. Raises ProtocolError(1007)."""
    if not is_utf8(payload):
        raise ProtocolError(INVALID_PAYLOAD, "text is not UTF-8")


def is_utf8(payload: bytes) -> bool:
    """Tell whether `payload` is a whole text."""
    if payload.isascii():
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
