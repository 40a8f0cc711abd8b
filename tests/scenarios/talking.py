"""Clients as people write them, on `websocket-client`: one that chats, and one that knows only bytes.

Read next: `test_chat.py`.
"""

import itertools
import json
import socket
import struct

import websocket

from tests.scenarios.running import PATIENCE_S

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Talker:
    """A chat client. What it hears while it waits for something else is kept for later."""

    def __init__(self, url, **options):
        # json judges the UTF-8; websocket-client would judge it a second time, byte by byte
        self.socket = websocket.create_connection(url, timeout=PATIENCE_S, skip_utf8_validation=True, **options)
        self.kept = []
        self._ids = itertools.count(1)
        try:
            self.welcome = self.hear("welcome")
        except BaseException:
            self.socket.shutdown()
            raise

    def say(self, type, **fields):
        """Send a command."""
        self.socket.send(json.dumps({"type": type, **fields}))

    def say_binary(self, cid, payload):
        """Send a binary message to the channel with that number."""
        self.socket.send_binary(struct.pack("!I", cid) + payload)

    def ask(self, type, **fields):
        """Send a command and return its answer."""
        id = next(self._ids)
        self.say(type, id=id, **fields)
        return self._find(lambda event: event.get("id") == id)

    def join(self, channel, user=None, **fields):
        named = {} if user is None else {"user": user}
        joined = self.ask("join", channel=channel, **named, **fields)
        assert joined["type"] == "joined", joined
        return joined

    def hear(self, type, **fields):
        """Return the next event of that type with these fields; others wait for their turn."""
        wanted = {"type": type, **fields}.items()
        return self._find(lambda event: wanted <= {k: v for k, v in event.items() if k in dict(wanted)}.items())

    def _find(self, fits):
        for index, event in enumerate(self.kept):
            if fits(event):
                return self.kept.pop(index)
        while True:
            event = self._next()
            if fits(event):
                return event
            self.kept.append(event)

    def _next(self):
        opcode, payload = self.socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_BINARY:
            return {"type": "binary", "payload": payload}
        assert opcode == websocket.ABNF.OPCODE_TEXT, f"closed: {payload!r}"
        return json.loads(payload)

    def hear_close(self):
        """Read until the server's Close, answer it, hang up, and return (code, reason)."""
        opcode = None
        while opcode != websocket.ABNF.OPCODE_CLOSE:
            opcode, payload = self.socket.recv_data(control_frame=True)
        self.socket.shutdown()
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def is_quiet(self):
        """Whether nothing was said to it that it has not asked for: a ping's answer comes after all of it."""
        self.ask("ping")
        return self.kept == []

    def close(self, code=1000):
        self.socket.close(status=code, timeout=1)

    def vanish(self):
        """Reset the connection, as a crash or a pulled cable does."""
        sock = self.socket.sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.shutdown()


def open_raw(port, path="/echo"):
    """Shake hands on a plain socket and return it."""
    sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    try:
        sock.sendall(UPGRADE.format(path=path).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            assert byte, head
            head += byte
        assert head.startswith(b"HTTP/1.1 101 "), head
    except BaseException:
        sock.close()  # whoever is let in by one that dies then may be kept, with this error
        raise
    return sock
