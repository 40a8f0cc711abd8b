"""What is demanded of permessage-deflate (RFC 7692), whatever the bytes are. The second opinion is zlib itself."""

import re
import zlib
from collections.abc import Iterable, Iterator

from tests.splits import few_portions
from wsserver.http.errors import RequestError
from wsserver.http.extensions import OFFERS, PARAMETERS, Offer, parse_extensions
from wsserver.websocket.codes import INVALID_PAYLOAD, MESSAGE_TOO_BIG, TEXT
from wsserver.websocket.deflate import NAME, Compressor, ContextCompressor, Inflater, Terms
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.parser import FrameParser

MAX = 1000
TAIL = b"\0\0\xff\xff"
TERMS = (Terms(), Terms(9, False, False), Terms(15, True, True))

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def extensions(data: bytes) -> None:
    """A header is taken apart as plain splitting does; what is answered is what an offer allows."""
    header = data.decode("latin-1")
    try:
        offers = parse_extensions(header)
    except RequestError as error:
        assert error.status == 400
        assert '"' in header or not _is_plain(header)
        return
    assert len(offers) <= OFFERS and all(len(offer.parameters) <= PARAMETERS for offer in offers)
    if '"' not in header:
        assert list(offers) == list(map(_take_apart, _elements(header)))[:OFFERS]
    for terms in TERMS:
        agreement = terms.agree(offers)
        if agreement is not None:
            [answer] = parse_extensions(agreement.answer)
            assert answer.name == NAME and any(_allows(offer, dict(answer.parameters)) for offer in offers)


def _strip(text: str) -> str:
    return text.strip(" \t")


def _elements(header: str) -> list[str]:
    return [element for element in map(_strip, header.split(",")) if element]


def _take_apart(element: str) -> Offer:
    name, *parameters = map(_strip, element.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return Offer(
        name, tuple((key.strip(" \t"), value.strip(" \t") if equals else None) for key, equals, value in pairs)
    )


def _is_plain(header: str) -> bool:
    """Tell whether a header without quotes is well formed and within the limits."""
    offers = list(map(_take_apart, _elements(header)))
    said = [offer.name for offer in offers]
    said += [text for offer in offers for pair in offer.parameters for text in pair if text is not None]
    return all(map(_TOKEN.fullmatch, said)) and all(len(offer.parameters) <= PARAMETERS for offer in offers)


def _allows(offer: Offer, answer: dict[str, str | None]) -> bool:
    """RFC 7692 section 7.1: what an answer to this offer must and may say."""
    asked = dict(offer.parameters)
    if offer.name != NAME or ("client_max_window_bits" in answer and "client_max_window_bits" not in asked):
        return False
    if "server_no_context_takeover" in asked and "server_no_context_takeover" not in answer:
        return False
    windows = asked.keys() & {"server_max_window_bits", "client_max_window_bits"}
    limits = [(answer.get(window), asked[window]) for window in windows]
    return all(said is not None and 8 <= int(said) <= int(wanted or 15) for said, wanted in limits)


def inflating(data: bytes) -> None:
    """A byte of options, then messages, each behind a byte with its length: inflated as zlib does, however cut."""
    bits, keeps_context = 9 + (data[0] & 7) % 7 if data else 9, bool(data[:1] >= b"\x80")
    messages = list(_pieces(data[1:]))
    outcomes = [
        _inflate(bits, keeps_context, (list(few_portions(message))[way] for message in messages)) for way in range(3)
    ]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    payloads, code = outcomes[0]
    known: zlib._Decompress | None = None
    for message, payload in zip(messages, payloads, strict=False):
        expected, known = _inflate_plainly(message, bits, known if keeps_context else None)
        assert payload == expected and len(payload) <= MAX
    assert (code is None) == (len(payloads) == len(messages))
    if code is not None:
        said = _say_why(messages[len(payloads)], bits, known if keeps_context else None)
        assert code in said


def _pieces(data: bytes) -> Iterator[bytes]:
    while data:
        yield data[1 : 1 + data[0]]
        data = data[1 + data[0] :]


def _inflate(bits: int, keeps_context: bool, messages: Iterable[list[bytes]]) -> tuple[list[bytes], int | None]:
    inflater, payloads = Inflater(MAX, bits, keeps_context), list[bytes]()
    for pieces in messages:
        payload = bytearray()
        try:
            inflater.begin()
            for piece in pieces:
                inflater.inflate(piece, payload)
                assert len(payload) <= MAX
            inflater.finish(payload)
        except ProtocolError as error:
            assert error.code in (INVALID_PAYLOAD, MESSAGE_TOO_BIG)
            return payloads, error.code
        payloads.append(bytes(payload))
    return payloads, None


def _inflate_plainly(
    message: bytes, bits: int, known: "zlib._Decompress | None"
) -> tuple[bytes, "zlib._Decompress | None"]:
    """Return what a whole message inflates to, and the stream that the next one goes on with.

    A block marked as the last ends what messages know of each other, but not the message.
    """
    inflater = known or zlib.decompressobj(-bits)
    payload = inflater.decompress(message + TAIL)
    while inflater.eof:
        rest = inflater.unused_data
        if rest in (TAIL, b""):
            return payload, None
        inflater = zlib.decompressobj(-bits, zdict=payload[-(1 << bits) :])
        payload += inflater.decompress(rest)
    return payload, inflater


def _say_why(message: bytes, bits: int, known: "zlib._Decompress | None") -> tuple[int, ...]:
    """Return the codes with which a message may be refused; none when it must not be."""
    known = known or zlib.decompressobj(-bits)
    try:
        payload, inflater = _inflate_plainly(message, bits, known)
        if len(payload) <= MAX and inflater is known:
            inflater.decompress(b"\1\0\0\xff\xff")  # ends the stream, unless it is in the middle of a block
            return () if inflater.eof and not inflater.unused_data else (INVALID_PAYLOAD,)
    except zlib.error:
        return INVALID_PAYLOAD, MESSAGE_TOO_BIG  # how far it came before it was broken, zlib does not say
    return (MESSAGE_TOO_BIG, INVALID_PAYLOAD) if len(payload) > MAX else (INVALID_PAYLOAD,)


def compressing(data: bytes) -> None:
    """Whatever is sent, zlib at the other end gets back, from each compressor and with every window."""
    for bits in (9, 12, 15):
        alone, building = Compressor(bits), ContextCompressor(bits)
        theirs, ours = zlib.decompressobj(-bits), Inflater(1 << 20, bits, keeps_context=True)
        for payload in (data, data * 20, data[::-1]):
            flags, sent = _unframe(alone.encode(TEXT, payload))
            if flags & 0x40:
                assert len(sent) < len(payload) and zlib.decompressobj(-bits).decompress(sent + TAIL) == payload
            else:
                assert sent == payload
            flags, sent = _unframe(building.encode(TEXT, payload))
            assert flags == 0xC1 and theirs.decompress(sent + TAIL) == payload
            got = bytearray()
            ours.begin()
            ours.inflate(sent, got)
            ours.finish(got)
            assert got == payload


def _unframe(frame: bytes) -> tuple[int, bytes]:
    width = {126: 2, 127: 8}.get(frame[1], 0)
    size = int.from_bytes(frame[2 : 2 + width], "big") if width else frame[1]
    assert len(frame) == 2 + width + size
    return frame[0], frame[2 + width :]


def compressed_frames(data: bytes) -> None:
    """Frames, some of them compressed: same messages however cut, and nothing above the limit is ever held."""
    for keeps_context in (False, True):
        outcomes = [_read(pieces, keeps_context) for pieces in few_portions(data)]
        assert outcomes[0] == outcomes[1] == outcomes[2]


def _read(pieces: Iterable[bytes], keeps_context: bool) -> tuple[list[tuple[int, bytes]], int | None]:
    """Return the messages, and the close code.

    Of bad text that inflates to too much, either may be met first: the code is 1007 for both.
    """
    parser, messages = FrameParser(MAX, 8, Inflater(MAX, 12, keeps_context)), list[tuple[int, bytes]]()
    for piece in pieces:
        messages += parser.feed(piece)
        while parser.more:
            messages += parser.feed(b"")
        assert parser.held <= MAX + 2 + 4 + 125
    for opcode, payload in messages:
        assert len(payload) <= MAX
        assert opcode != TEXT or payload.decode() is not None
    code = parser.error.code if parser.error is not None else None
    return messages, INVALID_PAYLOAD if code == MESSAGE_TOO_BIG else code
