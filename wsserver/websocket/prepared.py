"""Messages that are encoded once, however many clients they go to.

A broadcast to 1,000 members is one frame, built once; every `send` is handed the same bytes object.

Read next: `frames.py`, which lays the frame out.
"""

from collections.abc import Sequence

from wsserver.websocket.codes import TEXT
from wsserver.websocket.frames import encode_frame


class Prepared:
    """One or more whole unmasked frames (RFC 6455 section 5.1: a server never masks), the same for every receiver."""

    __slots__ = ("frame",)

    def __init__(self, frame: bytes) -> None:
        self.frame = frame


class PreparedMessage(Prepared):
    """One data message. `payload` is UTF-8 when `opcode` is TEXT."""

    __slots__ = ("opcode", "payload")

    def __init__(self, payload: bytes, opcode: int = TEXT) -> None:
        super().__init__(encode_frame(opcode, payload))
        self.payload = payload
        self.opcode = opcode


def join_messages(messages: Sequence[Prepared]) -> Prepared:
    """Return messages that go to the same clients as one piece, in their order. There must be at least one."""
    return messages[0] if len(messages) == 1 else Prepared(b"".join(message.frame for message in messages))
