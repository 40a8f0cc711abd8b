"""What is demanded of the parts that eat the bytes of WebSocket frames, whatever the bytes are."""

from collections.abc import Callable, Iterable

from tests.fuzz.plain_frames import PlainMessage, plain_frames, plain_utf8
from tests.splits import few_portions
from tests.websocket.frames_by_hand import mask
from wsserver.websocket.close import decode_close, encode_close
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.masking import LARGE, rotate, unmask
from wsserver.websocket.parser import FrameParser
from wsserver.websocket.utf8 import Utf8Judge, check_utf8

LIMITS = ((65536, 1024), (300, 4), (10, 2))
"""(bytes of a message, fragments of one): the usual ones, and some that short inputs reach."""

HEADER_OR_CONTROL = 2 + 4 + 125
"""What may wait besides an unfinished message: a control frame of the greatest size, which is more than any header."""


def frames(data: bytes) -> None:
    """Messages do not depend on the portions, keep within limits, and are what a plain parser reads."""
    for max_message, max_fragments in LIMITS:
        expected = plain_frames(data, max_message, max_fragments)
        for pieces in few_portions(data):
            assert _read(pieces, max_message, max_fragments) == expected


def _read(pieces: Iterable[bytes], max_message: int, max_fragments: int) -> tuple[list[PlainMessage], int | None]:
    parser, messages = FrameParser(max_message, max_fragments), list[PlainMessage]()
    for piece in pieces:
        messages += parser.feed(piece)
        while parser.more:
            messages += parser.feed(b"")
        assert parser.held <= max_message + HEADER_OR_CONTROL
        assert parser.error is None or (parser.held, parser.close_received) == (0, False)
    return messages, parser.error.code if parser.error is not None else None


def reads(data: bytes) -> None:
    """The short way for a read that is one message gives what the long way gives, and leaves the parser the same.

    The input is reads, each behind a byte that says how long it is.
    """
    for max_message, max_fragments in LIMITS:
        both, long = FrameParser(max_message, max_fragments), FrameParser(max_message, max_fragments)
        rest = data
        while rest:
            piece, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
            single = both.take_single(piece)
            quick = [single] if single is not None else both.feed(piece)
            assert quick == long.feed(piece)
            assert _state(both) == _state(long)


def _state(parser: FrameParser) -> tuple[object, ...]:
    code = parser.error.code if parser.error is not None else None
    return code, parser.more, parser.held, parser.close_received


def unmasking(data: bytes) -> None:
    """Four bytes of key, then a payload, which is also made long enough for the other way to unmask."""
    key, masked = data[:4], data[4:]
    if len(key) < 4:
        return
    cut = masked[0] if masked else 0
    for payload in (masked, masked * (LARGE // max(len(masked), 1) + 1)):
        plain = mask(payload, key)
        assert unmask(payload, key) == plain
        assert unmask(payload[:cut], key) + unmask(payload[cut:], rotate(key, len(payload[:cut]))) == plain


def utf8(data: bytes) -> None:
    """Text is judged as by the table of RFC 3629, in any portions, and refused at its first impossible byte."""
    wrong_at, cut_short = plain_utf8(data)
    for pieces in few_portions(data):
        judge, fed, refused = Utf8Judge(), 0, False
        for piece in pieces:
            try:
                judge.feed(piece)
            except ProtocolError as error:
                refused = error.code == 1007
                break
            fed += len(piece)
            assert wrong_at is None or fed <= wrong_at
        assert refused == (wrong_at is not None)
        assert refused or _refuses(judge.finish) == cut_short
    assert _refuses(lambda: check_utf8(data)) == (wrong_at is not None or cut_short)


def _refuses(check: Callable[[], None]) -> bool:
    """Tell whether a text is refused, as 1007."""
    try:
        check()
    except ProtocolError as error:
        assert error.code == 1007
        return True
    return False


def close(data: bytes) -> None:
    """The payload of a Close is a code that may be sent with a text, or empty; written again it is the same."""
    try:
        code, reason = decode_close(data)
    except ProtocolError as error:
        wrong_at, cut_short = plain_utf8(data[2:])
        assert error.code == (1002 if not _may_be_sent(data) else 1007)
        assert error.code == 1002 or wrong_at is not None or cut_short
        return
    assert (code == 1005) == (not data)
    if data:
        assert (code, reason.encode()) == (int.from_bytes(data[:2], "big"), data[2:]) and _may_be_sent(data)
    frame = encode_close(code, reason)
    assert len(frame) <= 127 and frame[:2] == bytes((0x88, len(frame) - 2))
    assert data.startswith(frame[2:]) and (len(data) > 125 or frame[2:] == data)


def _may_be_sent(payload: bytes) -> bool:
    """RFC 6455 section 7.4, and what is registered since."""
    code = int.from_bytes(payload[:2], "big")
    reserved = code in (1004, 1005, 1006)
    return len(payload) >= 2 and ((1000 <= code <= 1014 and not reserved) or 3000 <= code <= 4999)
