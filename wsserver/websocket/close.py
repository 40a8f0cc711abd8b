"""The Close frame's payload, both ways (RFC 6455 sections 5.5.1 and 7.4).

Read next: `clients/closing.py`, which decides when to send one.
"""

from typing import Final

from wsserver.websocket.codes import CLOSE, NO_STATUS, PROTOCOL_ERROR
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.frames import encode_frame
from wsserver.websocket.utf8 import check_utf8

REASON_LIMIT: Final = 123
"""Bytes of reason that fit a control frame's 125 beside the code."""

_ON_THE_WIRE: Final = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
"""Codes that a peer may send: those of section 7.4.1 and its registry that are meant for the wire, and 3000-4999."""


def decode_close(payload: bytes) -> tuple[int, str]:
    """Return (code, reason) of a received Close; an empty one is (1005, ""). Raises ProtocolError(1002 or 1007)."""
    if not payload:
        return NO_STATUS, ""
    if len(payload) == 1:
        raise ProtocolError(PROTOCOL_ERROR, "a Close frame's code has two bytes")
    code = int.from_bytes(payload[:2], "big")
    if code not in _ON_THE_WIRE:
        raise ProtocolError(PROTOCOL_ERROR, f"close code {code} may not be sent")
    reason = payload[2:]
    check_utf8(reason)
    return code, reason.decode()


def check_close(code: int) -> None:
    """Judge a code that we are about to send. Raises AssertionError for one that may not be on the wire."""
    assert code in _ON_THE_WIRE, f"close code {code} may not be sent; 1000-1003, 1007-1014 and 3000-4999 may"


def encode_close(code: int, reason: str = "") -> bytes:
    """Return a whole Close frame. Code 1005 gives an empty one; a long reason is cut, never inside a code point."""
    if code == NO_STATUS:
        return encode_frame(CLOSE, b"")
    check_close(code)
    cut = reason.encode("utf-8", "replace")[:REASON_LIMIT].decode("utf-8", "ignore").encode()
    return encode_frame(CLOSE, code.to_bytes(2, "big") + cut)
