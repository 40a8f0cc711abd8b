"""Hands an open connection to another process of this server, with what that has to know to go on.

    our client, OPEN, at rest --- pack ---> socket + Baggage ---> `unpack` ---> the other's client, OPEN
                              \\-> GONE: our end of the socket is closed, and the peer notices nothing

A client can leave while nothing of it is under way: no part of a frame, nothing that waits to be sent or answered. What
it has said last is in the baggage, unanswered, and is handed to the router over there. A window of its compressor that
has seen more than that message cannot be told to anybody, so such a client stays.

Read next: `client.py`, `hand_off` and `take_over`; `net/inbox.py`, which carries.
"""

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from wsserver.websocket.deflate import Agreement, agreement_of

if TYPE_CHECKING:
    from wsserver.clients.client import Client

_SEPARATOR: Final = b"\0"  # JSON has none


class Baggage(NamedTuple):
    """What a client takes along."""

    id: str
    path: str
    subprotocol: str | None
    address: str
    created_at: float
    """Seconds of the monotonic clock, which is the same in all processes of a machine."""
    messages_in: int
    messages_out: int
    opcode: int
    """Of `said`."""
    compression: tuple[int, bool, int, bool] | None
    """What `agreement_of` wants; None: it was not agreed on."""
    window: bool
    """What it says next may refer to `said`."""
    said: bytes = b""
    luggage: bytes = b""
    """The router's own."""

    @property
    def agreement(self) -> Agreement | None:
        """What was agreed on of compression."""
        return None if self.compression is None else agreement_of(*self.compression)


_HEAD: Final = Baggage._fields.index("said")
"""So many fields go as JSON; bytes go behind it as they are."""


def pack(client: "Client", opcode: int, said: bytes, luggage: bytes) -> bytes | None:
    """Return the baggage of `client`, whose last message is `said`; None: it cannot leave as it stands."""
    parser, transport = client.parser, client.transport
    if not (parser.idle and transport.idle):
        return None
    routers = client.house.site.routers
    path = next((path for path, router in routers.items() if router is client.router), None)
    inflater = parser.inflater
    window = inflater is not None and inflater.remembers
    if path is None or (window and client.messages_in != 1):
        return None
    compression = None
    if inflater is not None and client.compressor is not None:
        if client.compressor.remembers:
            return None
        compression = client.compressor.terms + inflater.terms
    baggage = Baggage(
        client.id, path, client.subprotocol, client.address, client.created_at,
        client.messages_in, client.messages_out, opcode, compression, window,
    )  # fmt: skip
    return json.dumps((*baggage[:_HEAD], len(said))).encode() + _SEPARATOR + said + luggage


def unpack(data: bytes) -> Baggage:
    """Return what `pack` has packed, in another process of this very program."""
    head, _, rest = data.partition(_SEPARATOR)
    *fields, size = json.loads(head)
    return Baggage._make([*fields, rest[:size], rest[size:]])
