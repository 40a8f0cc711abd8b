"""The opening handshake, server side: is this request a WebSocket upgrade, is it a correct one, and the answer to it.

RFC 6455 section 4.2, check by check. A wrong version gets 426 and the right one, so that a client of another version
knows what to ask for. Who may come in (Host, Origin) is judged in `access/origins.py`; what an extension's parameters
mean is not judged here.

Read next: `clients/handshake.py`, the caller.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha1
from typing import Final, NamedTuple

from wsserver.http.errors import RequestError
from wsserver.http.extensions import Offer, parse_extensions
from wsserver.http.headers import TOKEN_BYTES
from wsserver.http.request import Request
from wsserver.http.response import encode_header

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_KEY: Final = re.compile(r"[0-9A-Za-z+/]{22}==")  # base64 of 16 bytes
_TOKEN: Final = re.compile(TOKEN_BYTES.decode())

_SWITCHING: Final = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
)

SUBPROTOCOLS_LOOKED_AT: Final = 8
"""Offers past these are not looked at: a client lists what it likes best first, and no client has so many."""

_BODY: Final = ("content-length", "transfer-encoding")

_VERSION: Final = ("Sec-WebSocket-Version", "13")
_PROTOCOL: Final = ("Upgrade", "websocket")


class Upgrade(NamedTuple):
    """A correct upgrade request."""

    key: str
    """Sec-WebSocket-Key."""
    subprotocols: tuple[str, ...]
    """Offered, the one the client likes best first."""
    extensions: tuple[Offer, ...]
    """Offered, the one the client likes best first."""


def wants_websocket(request: Request) -> bool:
    """Tell whether a request asks to become a WebSocket, correctly or not."""
    return request.headers.mentions("upgrade", "websocket")


def check_upgrade(request: Request) -> Upgrade:
    """Judge an upgrade request (RFC 6455 section 4.2.1). Raises RequestError 400, 405 or 426."""
    headers = request.headers
    if request.method != "GET":
        raise RequestError(405, "A WebSocket is opened with GET.", (("Allow", "GET"),))
    if request.minor_version < 1:
        raise RequestError(400, "A WebSocket is opened with HTTP/1.1.")
    if not wants_websocket(request):
        raise RequestError(426, "This path speaks WebSocket: ask with Upgrade: websocket.", (_PROTOCOL, _VERSION))
    if not headers.mentions("connection", "upgrade"):
        raise RequestError(400, "The Connection header of a WebSocket request must name Upgrade.")
    if headers.has_any(_BODY):
        raise RequestError(400, "A WebSocket request has no body.")
    if headers.get("sec-websocket-version") != "13":
        raise RequestError(426, "This server speaks version 13 of WebSocket.", (_PROTOCOL, _VERSION))
    extensions = headers.get("sec-websocket-extensions")
    return Upgrade(_check_key(request), _read_subprotocols(request), parse_extensions(extensions) if extensions else ())


def _check_key(request: Request) -> str:
    keys = request.headers.all("sec-websocket-key")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise RequestError(400, "Sec-WebSocket-Key must be there once and be 16 bytes in base64.")
    return keys[0]


def _read_subprotocols(request: Request) -> tuple[str, ...]:
    offered = request.headers.elements("sec-websocket-protocol")[:SUBPROTOCOLS_LOOKED_AT]
    if not all(map(_TOKEN.fullmatch, offered)):
        raise RequestError(400, "Sec-WebSocket-Protocol has a name with characters that names may not have.")
    return offered


def accept_key(key: str) -> str:
    """Return the answer to a key: proof that a WebSocket server read it (RFC 6455 section 4.2.2)."""
    return b64encode(sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()).decode("ascii")


def choose_subprotocol(offered: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the one of `offered` that the client likes best among those that are `known`, or None.

    None is answered with a 101 that names no subprotocol; a client that cannot live with it closes.
    """
    for name in offered:
        if name in known:
            return name
    return None


def encode_switching_protocols(upgrade: Upgrade, subprotocol: str | None, extensions: str | None = None) -> bytes:
    """Return the 101 that opens the WebSocket, its last HTTP bytes."""
    options = ""
    if subprotocol is not None:
        options += encode_header("Sec-WebSocket-Protocol", subprotocol)
    if extensions is not None:
        options += encode_header("Sec-WebSocket-Extensions", extensions)
    return f"{_SWITCHING}{accept_key(upgrade.key)}\r\n{options}\r\n".encode("ascii")
