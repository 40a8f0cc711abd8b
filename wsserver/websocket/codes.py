"""The numbers of RFC 6455: opcodes (section 5.2) and close codes (section 7.4), and our own 4xxx codes.

Plain integers, not enums: a module constant costs 6 ns on the hot path, an enum member 67.

Read next: `frames.py`.
"""

from typing import Final

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
UNSUPPORTED_DATA: Final = 1003
NO_STATUS: Final = 1005  # never on the wire: the peer's Close carried no code
ABNORMAL: Final = 1006  # never on the wire: the connection was lost without a Close
INVALID_PAYLOAD: Final = 1007
POLICY_VIOLATION: Final = 1008
MESSAGE_TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013

# 4000-4499 invite a client to reconnect, 4500-4999 tell it not to.
SLOW_CONSUMER: Final = 4008
RATE_LIMITED: Final = 4029
HEARTBEAT_MISSED: Final = 4040
UNAUTHENTICATED: Final = 4501
FORBIDDEN: Final = 4503

CLOSE_CODES: Final = frozenset({
    *(NORMAL, GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED_DATA, NO_STATUS, ABNORMAL, INVALID_PAYLOAD, POLICY_VIOLATION),
    *(MESSAGE_TOO_BIG, INTERNAL_ERROR, SERVICE_RESTART, TRY_AGAIN_LATER),
    *(SLOW_CONSUMER, RATE_LIMITED, HEARTBEAT_MISSED, UNAUTHENTICATED, FORBIDDEN),
})  # fmt: skip
"""All that have a name here; a peer may make up others."""
