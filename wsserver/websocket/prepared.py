"""Messages that are encoded once, however many clients they go to.

A broadcast to 1,000 members is one frame, built once; every `send` is handed the same bytes object. Members who agreed
on compression share another one (RFC 7692), those with a context of their own excepted.

Read next: `frames.py`, which lays the frame out; `deflate.py`.
"""

from collections.abc import Sequence

from wsserver.websocket.codes import TEXT
from wsserver.websocket.deflate import COMPRESS_FROM, Compressor
from wsserver.websocket.frames import encode_frame


class Prepared:
    """One or more whole unmasked frames (RFC 6455 section 5.1: a server never masks), the same for every receiver.

    `droppable`: what follows can be understood without it, so a queue policy may drop it. `count`: how many messages.
    """

    __slots__ = ("count", "droppable", "frame")

    def __init__(self, frame: bytes, droppable: bool = True, count: int = 1) -> None:
        self.frame = frame
        self.droppable = droppable
        self.count = count


class PreparedMessage(Prepared):
    """One data message. `payload` is UTF-8 when `opcode` is TEXT. `frame` is the plain, uncompressed one."""

    __slots__ = ("opcode", "payload")

    def __init__(self, payload: bytes, opcode: int = TEXT) -> None:
        super().__init__(encode_frame(opcode, payload))
        self.payload = payload
        self.opcode = opcode

    @property
    def is_large(self) -> bool:
        """Whether compressing it may pay."""
        return len(self.payload) >= COMPRESS_FROM

    def encode_for(self, compressor: Compressor | None) -> bytes:
        """Return the frame for those who share `compressor`; None: they agreed on none."""
        if compressor is None or not self.is_large:
            return self.frame
        return compressor.encode(self.opcode, self.payload)


def join_messages(messages: Sequence[PreparedMessage], compressor: Compressor | None = None) -> Prepared:
    """Return messages that go to the same clients as one piece, in their order. There must be at least one."""
    if compressor is None:
        if len(messages) == 1:
            return messages[0]
        return Prepared(b"".join(message.frame for message in messages), count=len(messages))
    frames = [message.encode_for(compressor) for message in messages]
    return Prepared(b"".join(frames), compressor.droppable, len(messages))
