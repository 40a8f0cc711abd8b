"""Every way that was thought of to make a server hold memory for one client, as bytes that are sent.

`budget` is how much one attacker sends: enough to go past every limit that should stop it. The frames are made by hand
(`frames_by_hand.py`), so none of this trusts the code that it attacks.
"""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.attacks.measuring import KIB, MIB
from tests.clients.rig import upgrade
from tests.websocket.frames_by_hand import frame, header
from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

BEFORE = 64 * KIB
"""What a client may cost before its handshake is done."""

AFTER = 2 * MIB
"""What it may cost afterwards."""


@dataclass(frozen=True)
class Attack:
    """What one attacker does. `first` may be a function of its number, for what must not be the same for two."""

    name: str
    first: bytes | Callable[[int], bytes]
    again: bytes = b""
    budget: int = 0  # bytes
    bound: int = AFTER  # bytes of the server's memory
    reads: bool = False
    ends: bool = False  # half-closes when everything is sent
    portion: int = 64 * KIB  # bytes in one send
    fixed: int = 128 * KIB  # bytes of memory that it may hold besides three for each that it sent

    def opening(self, number):
        """The first bytes of the attacker with that number."""
        return self.first(number) if callable(self.first) else self.first

    def but_reading(self):
        """The same attack by somebody who reads every answer."""
        return replace(self, reads=True)


def fill(unit, size):
    """Repeat `unit` up to about `size` bytes."""
    return unit * max(1, size // len(unit))


def say(**fields):
    """A chat command in a frame."""
    return frame(TEXT, json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode())


def head(path="/", method="GET", extra=""):
    """A request head."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode()


CHUNKED = head("/api/publish", "POST", "Transfer-Encoding: chunked\r\n")
SIZED = head("/api/publish", "POST", "Content-Length: 65536\r\n")

BEFORE_THE_HANDSHAKE = [
    Attack("nothing at all", b"", bound=BEFORE),
    Attack("a head that never ends, in small pieces", b"GET / HTTP/1.1\r\nHost: a\r\n", b"a: b\r\n", 64 * KIB, BEFORE,
           portion=97),
    Attack("one header line that never ends", b"GET / HTTP/1.1\r\na: ", b"x" * 64 * KIB, 4 * MIB, BEFORE),
    Attack("a head just below its limits, not finished", b"GET /" + b"a" * 8100 + b" HTTP/1.1\r\n" + b"a:\r\n" * 95
           + b"b: " + b"x" * 7700, bound=BEFORE),
    Attack("pipelined requests, answers not read", head("/livez"), fill(head("/livez"), 64 * KIB), 4 * MIB, BEFORE),
    Attack("pipelined requests for a file, not read", head("/"), fill(head("/"), 64 * KIB), 4 * MIB, BEFORE),
    Attack("pipelined requests for a middling file, not read", head("/middling.png"),
           fill(head("/middling.png"), 64 * KIB), 4 * MIB, BEFORE),
    Attack("a big file that is not read", head("/big.png"), bound=BEFORE),
    Attack("a big file that is not read, and more requests", head("/big.png"), fill(head("/big.png"), 64 * KIB),
           4 * MIB, BEFORE),
    Attack("chunks without end", CHUNKED, fill(b"400\r\n" + b"x" * 1024 + b"\r\n", 64 * KIB), 4 * MIB, BEFORE),
    Attack("an upgrade refused, and more", head("/chat"), fill(head("/chat"), 64 * KIB), 4 * MIB, BEFORE),
    Attack("half a request, then the end", b"GET / HTTP/1.1\r\nHost:", ends=True, bound=BEFORE),
]  # fmt: skip

A_BODY = 64 * KIB + 32 * KIB
"""A body of 64 KiB is allowed, so it may be held, with its head and the room that a growing buffer keeps free."""

BODIES = [
    Attack("a body that never ends", SIZED + b"x" * 65000, bound=A_BODY),
    Attack("chunks of one byte, not finished", CHUNKED + fill(b"1\r\nx\r\n", 64000 * 6), bound=A_BODY),
    Attack("one chunk that never ends", CHUNKED + b"ffff\r\n" + b"x" * 65000, bound=A_BODY),
]

FRAMES = [
    Attack("a frame declared big and not sent", upgrade("/echo") + header(BINARY, 65536) + b"x"),
    Attack("a frame declared far too big", upgrade("/echo") + header(BINARY, 1 << 40), b"x" * 65536, 4 * MIB),
    Attack("a big frame in small pieces", upgrade("/echo") + header(BINARY, 65536), b"x" * 997, 65000, portion=997),
    Attack("1,023 fragments", upgrade("/echo") + frame(BINARY, b"x", fin=False)
           + frame(CONTINUATION, b"x" * 63, fin=False) * 1022),
    Attack("fragments of nothing", upgrade("/echo") + frame(TEXT, b"", fin=False),
           fill(frame(CONTINUATION, b"", fin=False), 64 * KIB), MIB),
    Attack("pings, pongs not read", upgrade("/echo"), fill(frame(PING, b"x" * 125), 64 * KIB), 8 * MIB),
    Attack("empty pings, pongs not read", upgrade("/echo"), fill(frame(PING), 64 * KIB), 2 * MIB),
    Attack("pongs that nobody asked for", upgrade("/echo"), fill(frame(PONG, b"x" * 125), 64 * KIB), 8 * MIB),
    Attack("echo of 64 KiB, not read", upgrade("/echo"), frame(BINARY, b"x" * 65536), 8 * MIB),
    Attack("echo of one byte, not read", upgrade("/echo"), fill(frame(BINARY, b"x"), 64 * KIB), MIB),
    Attack("echo of nothing, not read", upgrade("/echo"), fill(frame(BINARY), 64 * KIB), MIB),
    Attack("garbage behind a Close", upgrade("/echo") + frame(CLOSE), b"\xff" * 65536, 4 * MIB),
    Attack("garbage behind a broken rule", upgrade("/echo") + b"\xff\xff", b"\xff" * 65536, 4 * MIB),
    Attack("echo of 64 KiB, then the end", upgrade("/echo"), frame(BINARY, b"x" * 65536), 2 * MIB, ends=True),
]  # fmt: skip

NAME = "é" * 120


def _joins(number):
    return upgrade("/chat") + b"".join(say(type="join", channel=f"{n:03}-{number:04}-{NAME}") for n in range(130))


def _subscriptions(number):
    return upgrade("/chat") + b"".join(say(type="subscribe", topic=f"{n:03}-{number:04}-{NAME}*") for n in range(130))


def _member(number):
    return upgrade("/chat") + say(type="join", channel="full", user=f"{number}-{NAME}")


def _recluse(number):
    return upgrade("/chat") + say(type="join", channel=f"own-{number}", user=f"user-{number}")


def _passages():
    return b"".join(say(type=type, channel=f"{n:03}-{NAME}") for n in range(1500) for type in ("join", "leave"))


HISTORY = say(type="history", channel="full", limit=300)

CHAT = [
    Attack("joins of 130 channels with long names", _joins, fixed=384 * KIB),  # of which 128 succeed, 2.5 KB each
    Attack("joins and leaves without end", upgrade("/chat"), _passages(), MIB),
    Attack("one page of history, not read", lambda number: _member(number) + HISTORY, fixed=MIB),
    Attack("130 subscriptions with long names", _subscriptions),
    Attack("a user name that is too long", upgrade("/chat") + say(type="join", channel="a", user="x" * 60000)),
    Attack("history, not read", _member, HISTORY * 64, MIB, fixed=MIB),
    Attack("joins again and again, not read", _member,
           say(type="join", channel="full", history=300) * 64, MIB, fixed=MIB),
    Attack("errors, not read", upgrade("/chat"), fill(say(type="x"), 64 * KIB), MIB),
    Attack("presence, not read", _member, say(type="presence", channel="full") * 64, MIB),
    Attack("a multicast to 16,000 names", upgrade("/chat"),
           frame(TEXT, b'{"type":"multicast","text":"x","to":[' + b'"a",' * 16000 + b'"a"]}'), MIB),
    Attack("data of 20,000 objects", upgrade("/chat"),
           frame(TEXT, b'{"type":"publish","topic":"t","data":[' + b"{}," * 21000 + b"{}]}"), MIB),
    Attack("data nested as deep as it goes", upgrade("/chat"),
           frame(TEXT, b'{"type":"publish","topic":"t","data":' + b"[" * 65000), MIB),
    Attack("long texts to somebody who does not read", _recluse,
           say(type="direct", to="user-0", text="x" * 30000), 2 * MIB),
]  # fmt: skip
OFFER = "Sec-WebSocket-Extensions: permessage-deflate\r\n"


def packed(payload, opcode=BINARY, context=None):
    compressor = context or zlib.compressobj(9, zlib.DEFLATED, -15)
    return frame(opcode, (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4)


def _text(size):
    """Text that packs to about a quarter, no two parts of it alike."""
    return "".join(f"{n * 7919 % 99991:x} " for n in range(size // 5)).encode()[:size]


def _packing_member(number):
    return upgrade("/chat", OFFER) + _member(number).removeprefix(upgrade("/chat"))


COMPRESSED = [
    Attack("a context of its own, then nothing", upgrade("/echo", OFFER) + packed(_text(60000)), reads=True),
    Attack("a bomb", upgrade("/echo", OFFER) + packed(bytes(60 * MIB))),
    Attack("bombs just below the limit, not read", upgrade("/echo", OFFER), packed(bytes(65536)) * 50, MIB),
    Attack("bombs just below the limit, read", upgrade("/echo", OFFER), packed(bytes(65536)) * 50, MIB, reads=True),
    Attack("large messages to be packed, not read", upgrade("/echo", OFFER), frame(TEXT, _text(60000)), 4 * MIB),
    Attack("empty compressed messages, not read", upgrade("/echo", OFFER), fill(frame(BINARY, b"\0", rsv=4), 64 * KIB),
           256 * KIB),
    Attack("history packed, not read", _packing_member, HISTORY * 64, MIB, fixed=MIB),
]  # fmt: skip

EVERYTHING = [*BEFORE_THE_HANDSHAKE, *BODIES, *FRAMES, *CHAT]
