"""The opening handshake, client side (RFC 6455 section 4.1): ask for a WebSocket, and judge the answer.

Read next: `connection.py`.
"""

from base64 import b64encode
from typing import Final

from wsserver.bench.address import Target
from wsserver.http.upgrade import accept_key

KEY_BYTES: Final = 16
HEAD_LIMIT: Final = 16 * 1024
"""Bytes of an answer's head. Servers answer with some 130."""


class Refused(Exception):
    """The server did not open a WebSocket. The text names the kind, not the case: refusals are counted by it."""


def encode_request(target: Target, nonce: bytes, subprotocol: str = "") -> tuple[bytes, str]:
    """Return the request, and the Sec-WebSocket-Accept that answers it. `nonce`: KEY_BYTES random bytes."""
    key = b64encode(nonce).decode("ascii")
    lines = [
        f"GET {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join((*lines, "", "")).encode("ascii"), accept_key(key)


def read_answer(received: bytes, accept: str, subprotocol: str = "") -> bytes | None:
    """Return what stands behind the head of a good answer, or None while the head is incomplete. Raises Refused."""
    head, found, rest = received.partition(b"\r\n\r\n")
    if not found:
        if len(received) > HEAD_LIMIT:
            raise Refused("no HTTP answer")
        return None
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, status = status_line.partition(" ")
    if version != "HTTP/1.1" or not status[:3].isdigit():
        raise Refused("no HTTP answer")
    if not status.startswith("101"):
        raise Refused(f"HTTP {status[:3]}")
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    headers = dict(fields)
    if headers.get("upgrade", "").lower() != "websocket" or "upgrade" not in headers.get("connection", "").lower():
        raise Refused("101 without an upgrade")
    if [value for name, value in fields if name == "sec-websocket-accept"] != [accept]:
        raise Refused("a wrong Sec-WebSocket-Accept")
    if "sec-websocket-extensions" in headers:
        raise Refused("an extension that nobody asked for")
    if headers.get("sec-websocket-protocol", subprotocol) != subprotocol:
        raise Refused("a subprotocol that nobody asked for")
    return rest
