"""What a worker and the hub of its machine say to each other: frames of four bytes of length and one item in msgpack.

    worker   Hello  Append  Glance  Read   Open    Close  Announced  Binary  Moved  Asking  Answer   Goodbye
    hub             Outcome Glanced Found  Opened         Appended   Binary  Moved  Asking  Answers  Gone
                    Refused                               Announced                                  Trouble

An item is an array, its first element a number that says what it is. Messages are encoded and decoded by msgspec as
the very objects that the chat and the stores have: no line of Python runs for a message on this way. What the hub only
hands on (`Announced`, `Binary`, `Moved`) looks the same on both sides of it, so that it can hand on the bytes.

Both ends are one program, started together: there is no version, and what cannot be understood ends the connection.

Read next: `hub.py` and `hub_link.py`, the two ends.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from wsserver.chat.broker import Move
from wsserver.chat.log import Publication
from wsserver.chat.vocabulary import MessageEvent

LENGTH_BYTES: Final = 4

FRAME_LIMIT: Final = 1 << 30
"""Bytes of an item: a batch (1,000 messages) of the largest messages that anybody should allow (1 MiB). What claims
more is no frame."""

READ_SIZE: Final = 256 * 1024
"""Bytes read in one wake-up: what a Unix socket holds by default (net.core.wmem_default, 208 KiB) and a little more."""


class Item(Struct, gc=False, frozen=True, array_like=True, tag_field="t"):
    """Something that one end says."""


class Hello(Item, frozen=True, tag=0):
    """A worker is here, and is called `node`. The first thing it says."""

    node: str


class Append(Item, frozen=True, tag=1):
    """Store all of `batch` or nothing, and answer with `Outcome` or `Refused`."""

    number: int
    batch: list[Publication]


class Outcome(Item, frozen=True, tag=2):
    """The batch is stored: the seq of each message. `repeats` are those that were there: (index, ts of the first)."""

    number: int
    seqs: list[int]
    repeats: list[tuple[int, int]]


class Refused(Item, frozen=True, tag=3):
    """What was asked for with that number was not done; the sentence says why."""

    number: int
    sentence: str


class Glance(Item, frozen=True, tag=4):
    """Where does `channel` stand, and what are its newest messages?"""

    number: int
    channel: str
    limit: int


class Glanced(Item, frozen=True, tag=5):
    """It stands here."""

    number: int
    epoch: str
    seq: int
    oldest: int
    messages: list[MessageEvent]


class Read(Item, frozen=True, tag=6):
    """What are the messages from seq `first` to `last`?"""

    number: int
    channel: str
    first: int
    last: int


class Found(Item, frozen=True, tag=7):
    """These, as far as they are kept."""

    number: int
    messages: list[MessageEvent]


class Open(Item, frozen=True, tag=8):
    """Tell me what happens in `channel`."""

    channel: str


class Opened(Item, frozen=True, tag=9):
    """You will be told. `number` is the channel's for binary frames, `epoch` "" where the store cannot be read."""

    channel: str
    number: int
    epoch: str
    roster: dict[str, list[str]]


class Close(Item, frozen=True, tag=10):
    """Tell me no longer."""

    channel: str


class Appended(Item, frozen=True, tag=11):
    """Other workers have stored these: channels are mixed, each is in its order."""

    messages: list[MessageEvent]


class Announced(Item, frozen=True, tag=12):
    """A worker says that these are in a log which is not the hub's."""

    channel: str
    epoch: str
    messages: list[MessageEvent]


class Binary(Item, frozen=True, tag=13):
    """Somebody said something binary in `channel`."""

    channel: str
    payload: bytes


class Moved(Item, frozen=True, tag=14):
    """The first client of `user` on `node` came into `channel`, or the last one went."""

    node: str
    channel: str
    user: str
    move: Move


class Asking(Item, frozen=True, tag=15):
    """A question for the other workers; on its way from the hub it has a number of the hub's."""

    number: int
    question: Raw


class Answer(Item, frozen=True, tag=16):
    """A worker's answer to it."""

    number: int
    value: Raw


class Answers(Item, frozen=True, tag=17):
    """All answers to it, for who asked."""

    number: int
    values: list[Raw]


class Gone(Item, frozen=True, tag=18):
    """A worker has ended without a word."""

    node: str


class Goodbye(Item, frozen=True, tag=19):
    """I end; my users have left."""


class Trouble(Item, frozen=True, tag=20):
    """Why nothing can be stored just now; None: it can."""

    sentence: str | None


FromWorker = (
    Hello | Append | Glance | Read | Open | Close | Announced | Binary | Moved | Asking | Answer | Goodbye
)  # fmt: skip
FromHub = (
    Outcome | Refused | Glanced | Found | Opened | Appended | Announced | Binary | Moved | Asking | Answers | Gone
    | Trouble
)  # fmt: skip

encode: Final = msgspec.msgpack.Encoder().encode
decode_from_worker: Final = msgspec.msgpack.Decoder(FromWorker).decode
decode_from_hub: Final = msgspec.msgpack.Decoder(FromHub).decode
"""Both raise msgspec.MsgspecError and UnicodeDecodeError, alike GARBAGE, for what is no item."""

GARBAGE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading from the other end may raise when it says something that cannot be understood."""


def framed(item: FromWorker | FromHub) -> bytes:
    """Return `item` as a frame. Raises OverflowError when it is too large for one."""
    return frame(encode(item))


def frame(data: bytes) -> bytes:
    """Return an encoded item as a frame."""
    if len(data) > FRAME_LIMIT:
        raise OverflowError(f"{len(data)} bytes are too much for one frame")
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


class Frames:
    """Cuts what is read from a socket into items, still encoded."""

    __slots__ = ("_held", "_needed", "_size")

    def __init__(self) -> None:
        self._held: list[bytes] = []  # pieces of a frame that is not whole: joined once, when it is
        self._size = 0  # bytes of them
        self._needed = 0  # bytes at which it is worth looking again

    def feed(self, data: bytes) -> list[bytes]:
        """Return the items that `data` completes. Raises ValueError when it is not what a frame begins with."""
        if self._held:
            self._held.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return []
            data = b"".join(self._held)
            self._held = []
        found: list[bytes] = []
        at, end, needed = 0, len(data), LENGTH_BYTES
        while end - at >= LENGTH_BYTES:
            start = at + LENGTH_BYTES
            length = int.from_bytes(data[at:start], "big")
            if length > FRAME_LIMIT:
                raise ValueError(f"a frame of {length} bytes")
            if start + length > end:
                needed = LENGTH_BYTES + length
                break
            found.append(data[start : start + length])
            at = start + length
        if at < end:
            self._held, self._size, self._needed = [data[at:] if at else data], end - at, needed
        return found
