"""permessage-deflate (RFC 7692): what is agreed on, and both directions of it.

    offers --agree--> Agreement --+--> Compressor   payload -> frame with RSV1, or a plain one where that is shorter
                                  +--> Inflater     pieces of a compressed message -> its bytes, never more than allowed

Compressing costs memory for as long as one message may build on those before it. So by default only clients do that,
with a window of 4 KiB where they let us choose; what we send is complete in itself, thus one compressor serves all who
agreed on the same window, and a broadcast is compressed once.

| kept between messages     | window 12 | 15      | when                                       |
|---------------------------|-----------|---------|--------------------------------------------|
| to inflate, a client      | 11 KiB    | 40 KiB  | from its first compressed message on       |
| to compress, a client     | 38 KiB    | 152 KiB | `websocket.compression_context = "both"`   |

Read next: `parser.py`, which inflates; `prepared.py`, which compresses.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from wsserver.websocket.codes import INVALID_PAYLOAD, MESSAGE_TOO_BIG
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.frames import encode_compressed_frame, encode_frame

NAME: Final = "permessage-deflate"

COMPRESS_FROM: Final = 1024
"""Bytes of payload from which on compressing pays: below, a packet is a packet, whatever is in it."""

LEVEL: Final = 3
"""Of zlib: a chat message of 2 KB in 12 us and 3 % longer than with level 6, 64 KiB in 0.8 ms instead of 1.3."""

MEMORY_LEVEL: Final = 5
"""Of zlib: 38 KiB with a window of 4 KiB, 2 % longer than with its default of 8 and 250 KiB."""

FINAL_BLOCKS: Final = 16
"""Blocks marked as the last that one message may have. Each starts zlib afresh, and 64 KiB would hold 32,000."""

_TAIL: Final = b"\x00\x00\xff\xff"  # what the sender cuts off (RFC 7692 section 7.2.1)
_LAST_BLOCK: Final = b"\x01\x00\x00\xff\xff"  # an empty stored block that is the last: ends a stream that is whole

_LEAST_BITS: Final = 9  # zlib compresses raw with no window below 512 bytes
_MOST_BITS: Final = 15

_BITS: Final = {str(bits): bits for bits in range(8, _MOST_BITS + 1)}
"""What a window parameter may say: no leading zeros (RFC 7692 section 7.1.2)."""

Parameters = Sequence[tuple[str, str | None]]


class Compressor:
    """Compresses each message by itself, so that all who agreed on the same window get the same bytes.

    `droppable`: a frame of it may be taken out of a queue, and what follows can be understood all the same.
    """

    __slots__ = ("_window_bits",)

    droppable = True

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits

    @property
    def remembers(self) -> bool:
        """What is compressed next may refer to what was compressed before."""
        return False

    @property
    def terms(self) -> tuple[int, bool]:
        """Our half of `agreement_of`."""
        return self._window_bits, not self.droppable

    def encode(self, opcode: int, payload: bytes) -> bytes:
        """Return the frame of one message: compressed, or plain where that is shorter."""
        data = _deflate(_new_deflater(self._window_bits), payload)
        if len(data) >= len(payload):
            return encode_frame(opcode, payload)
        return encode_compressed_frame(opcode, data)


class ContextCompressor(Compressor):
    """Lets messages build on those before them: shorter, 38 KiB and more a client, and each client its own bytes."""

    __slots__ = ("_deflater",)

    droppable = False

    def __init__(self, window_bits: int) -> None:
        super().__init__(window_bits)
        self._deflater: zlib._Compress | None = None  # from the first message on

    @property
    def remembers(self) -> bool:
        """It has compressed something."""
        return self._deflater is not None

    def encode(self, opcode: int, payload: bytes) -> bytes:
        """Return the frame of one message, which must be sent: what comes next may refer to it."""
        if self._deflater is None:
            self._deflater = _new_deflater(self._window_bits)
        return encode_compressed_frame(opcode, _deflate(self._deflater, payload))


def _new_deflater(window_bits: int) -> "zlib._Compress":
    return zlib.compressobj(LEVEL, zlib.DEFLATED, -window_bits, MEMORY_LEVEL)


def _deflate(deflater: "zlib._Compress", payload: bytes) -> bytes:
    data = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return data[: -len(_TAIL)]


class Inflater:
    """Inflates the messages of one client as they arrive, and stops at the byte that is one too many."""

    __slots__ = ("_final_blocks", "_inflater", "_keeps_context", "_max_message", "_room", "_window_bits")

    def __init__(self, max_message: int, window_bits: int, keeps_context: bool) -> None:
        self._max_message = max_message  # bytes that one message may inflate to
        self._window_bits = window_bits
        self._keeps_context = keeps_context  # a message may build on those before it
        self._inflater: zlib._Decompress | None = None
        self._room = 0  # bytes that the current message may still inflate to
        self._final_blocks = 0  # of the current message

    @property
    def max_compressed(self) -> int:
        """Bytes that a message may have on the wire: zlib's own bound for what does not compress (`deflateBound`)."""
        size = self._max_message
        return size + (size + 7 >> 3) + (size + 63 >> 6) + 64

    def limit_messages(self, max_message: int) -> None:
        """Let messages inflate to at most `max_message` bytes from the next one on."""
        self._max_message = max_message

    @property
    def terms(self) -> tuple[int, bool]:
        """The client's half of `agreement_of`."""
        return self._window_bits, self._keeps_context

    @property
    def remembers(self) -> bool:
        """The next message may refer to what was inflated before."""
        return self._inflater is not None and not self._inflater.eof

    def remember(self, message: bytes) -> None:
        """Go on where another process has inflated `message`, and nothing else before."""
        self._inflater = zlib.decompressobj(-self._window_bits, zdict=message[-(1 << self._window_bits) :])

    def begin(self) -> None:
        """A message begins."""
        self._room = self._max_message
        self._final_blocks = 0
        if self._inflater is not None and self._inflater.eof:
            self._inflater = None

    def inflate(self, piece: bytes, message: bytearray) -> None:
        """Append what `piece` inflates to. Raises ProtocolError: 1007 for broken data, 1009 at the first byte over."""
        while piece:
            inflater = self._inflater
            if inflater is None or inflater.eof:
                inflater = self._inflater = self._start(message)
            try:
                data = inflater.decompress(piece, self._room + 1)
            except zlib.error:
                raise self._broken() from None
            if len(data) > self._room:
                self._inflater = None
                raise ProtocolError(MESSAGE_TOO_BIG, f"message inflates to more than {self._max_message} bytes")
            self._room -= len(data)
            message += data
            piece = inflater.unused_data

    def finish(self, message: bytearray) -> None:
        """The message is complete: append the rest of it. Raises ProtocolError like `inflate`.

        It must end where a block ends. zlib does not tell, so a last block is put behind it: read as one, it ends the
        stream; in the middle of a block it cannot.
        """
        if self._inflater is None or not self._inflater.eof:
            self.inflate(_TAIL, message)
            assert self._inflater is not None
            probe = self._inflater.copy() if self._keeps_context else self._inflater
            try:
                rest = probe.decompress(_LAST_BLOCK, 1)
            except zlib.error:
                raise self._broken() from None
            if rest or not probe.eof or probe.unused_data:
                raise self._broken()
        if not self._keeps_context:
            self._inflater = None

    def _start(self, message: bytearray) -> "zlib._Decompress":
        """Return a new zlib stream. Behind a block marked as the last it knows only this message's bytes."""
        if self._inflater is None:
            return zlib.decompressobj(-self._window_bits)
        self._final_blocks += 1
        if self._final_blocks > FINAL_BLOCKS:
            raise self._broken()
        return zlib.decompressobj(-self._window_bits, zdict=bytes(message[-(1 << self._window_bits) :]))

    def _broken(self) -> ProtocolError:
        self._inflater = None
        return ProtocolError(INVALID_PAYLOAD, "compressed data is broken")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one client and we agreed on."""

    answer: str
    """For Sec-WebSocket-Extensions in the 101."""
    compressor: Compressor
    client_window_bits: int
    client_keeps_context: bool

    def inflater(self, max_message: int) -> Inflater:
        """Return what inflates this client's messages, each to at most `max_message` bytes."""
        return Inflater(max_message, max(self.client_window_bits, _LEAST_BITS), self.client_keeps_context)


def agreement_of(server_bits: int, server_context: bool, client_bits: int, client_context: bool) -> Agreement:
    """Return what another process of this server has agreed on with a client: windows, and who keeps a context."""
    return Agreement("", _compressor(server_bits, server_context), client_bits, client_context)


def _compressor(window_bits: int, keeps_context: bool) -> Compressor:
    return ContextCompressor(window_bits) if keeps_context else shared_compressor(window_bits)


@cache
def shared_compressor(window_bits: int) -> Compressor:
    """Return the one compressor without a context for all clients with that window: they get the same bytes."""
    return Compressor(window_bits)


@dataclass(frozen=True, slots=True)
class Terms:
    """What we are ready to agree on. One for each server."""

    window_bits: int = 12
    """The largest window that we compress with, and that we ask clients to compress with where they let us: 9-15."""
    client_context: bool = True
    """Clients' messages may build on those before them, which costs us memory."""
    server_context: bool = False
    """So may ours."""

    def agree(self, offers: Sequence[tuple[str, Parameters]]) -> Agreement | None:
        """Answer the first offer that can be honoured; None when none can (RFC 7692 section 5)."""
        for name, parameters in offers:
            if name == NAME:
                agreement = self._accept(parameters)
                if agreement is not None:
                    return agreement
        return None

    def _accept(self, parameters: Parameters) -> Agreement | None:
        """Answer one offer; None for a parameter that is unknown, doubled, or says what may not or cannot be."""
        wanted = dict(parameters)
        if len(wanted) != len(parameters) or not all(map(_is_valid, wanted, wanted.values())):
            return None
        answer = [NAME]
        server_context = self.server_context and "server_no_context_takeover" not in wanted
        if not server_context:
            answer.append("server_no_context_takeover")
        client_context = self.client_context and "client_no_context_takeover" not in wanted
        if not client_context:
            answer.append("client_no_context_takeover")
        server_bits = self.window_bits
        if "server_max_window_bits" in wanted:
            server_bits = min(server_bits, _BITS[wanted["server_max_window_bits"] or ""])
            answer.append(f"server_max_window_bits={server_bits}")
        client_bits = _MOST_BITS
        if "client_max_window_bits" in wanted:
            client_bits = min(self.window_bits, _BITS[wanted["client_max_window_bits"] or str(_MOST_BITS)])
            answer.append(f"client_max_window_bits={client_bits}")
        return Agreement("; ".join(answer), _compressor(server_bits, server_context), client_bits, client_context)


def _is_valid(name: str, value: str | None) -> bool:
    """Judge one parameter of an offer (RFC 7692 section 7.1). zlib cannot compress raw with a window of 8 bits."""
    match name:
        case "server_no_context_takeover" | "client_no_context_takeover":
            return value is None
        case "server_max_window_bits":
            return value in _BITS and _BITS[value] >= _LEAST_BITS
        case "client_max_window_bits":
            return value is None or value in _BITS
    return False
