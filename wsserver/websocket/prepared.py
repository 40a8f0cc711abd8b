"""A message that is encoded once, however many clients it goes to.

A broadcast to 1,000 members is one frame, built once; every `send` is handed the same bytes object.

Read next: `frames.py`, which lays the frame out.
"""

from wsserver.websocket.codes import TEXT
from wsserver.websocket.frames import encode_frame


class PreparedMessage:
    """One data message, ready for any number of clients.

    `payload` is the message (UTF-8 when `opcode` is TEXT); `frame` is the whole unmasked frame (RFC 6455 section 5.1:
    a server never masks), so it is the same for every receiver.
    """

    __slots__ = ("frame", "opcode", "payload")

    def __init__(self, payload: bytes, opcode: int = TEXT) -> None:
        self.payload = payload
        self.opcode = opcode
        self.frame = encode_frame(opcode, payload)
