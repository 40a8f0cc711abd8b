"""Somebody who means harm, on a plain socket: it sends what it likes, and writes down what comes back.

Read next: `conftest.py`, which sets it on a running server and looks at what is left of that server afterwards.
"""

import contextlib
import os
import socket
from pathlib import Path

from tests.clients.rig import KEY, decode_frames, parse_answers
from tests.scenarios.running import PATIENCE_S
from wsserver.websocket.codes import CLOSE

RIGHT = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


def ask_to_upgrade(line="GET /echo HTTP/1.1", **changes):
    """Return the head of an upgrade request: `Sec_WebSocket_Key=None` leaves a header out, a list sends it so often."""
    fields = {**RIGHT, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = [line]
    for name, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            lines += [] if value is None else [f"{name}: {value}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Attacker:
    """One connection. The server may end it at any moment, so sending never fails; `ended_early` tells."""

    def __init__(self, server):
        self._socket = self._connect(server)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each send is a segment
        self.ended_early = False  # the server was gone before everything was sent

    @staticmethod
    def _connect(server):
        return socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)

    def open(self, path="/echo", **headers):
        """Shake hands; return the head of the answer."""
        self.send(ask_to_upgrade(f"GET {path} HTTP/1.1", **headers))
        return self.read_head()

    def read_head(self):
        """Return the answer that opens the WebSocket."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self._socket.recv(1)
            assert byte, head
            head += byte
        assert head.startswith(b"HTTP/1.1 101 "), head
        return head

    def send(self, *pieces):
        """Send each piece in a segment of its own."""
        try:
            for piece in pieces:
                self._socket.sendall(piece)
        except (ConnectionResetError, BrokenPipeError):
            self.ended_early = True

    def send_what_is_taken(self, data):
        """Send as much of it as there is room for, without waiting."""
        self._socket.settimeout(0)
        try:
            self._socket.send(data)
        except BlockingIOError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            self.ended_early = True
        finally:
            self._socket.settimeout(PATIENCE_S)

    def dribble(self, data):
        """Send it one byte a segment."""
        self.send(*(data[i : i + 1] for i in range(len(data))))

    def read(self, size):
        """Return exactly so many bytes."""
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            assert piece, data
            data += piece
        return data

    def rest(self):
        """Return what comes until the server ends the connection, which it has to."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := self._socket.recv(1 << 16):
                data += piece
        return data

    def answers(self):
        """Return the statuses of the HTTP answers that come until the end."""
        return [status for status, _, _ in parse_answers(self.rest())]

    def frames(self):
        """Return (opcode, payload) of the frames that come until the end."""
        return decode_frames(self.rest())

    def close_code(self):
        """Return the code of the Close that is the one frame that comes before the end; None for an empty Close."""
        [(opcode, payload)] = self.frames()
        assert opcode == CLOSE
        return int.from_bytes(payload[:2], "big") if payload else None

    def finish(self):
        """Say that nothing more will be sent (FIN)."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Break the connection, as a crash or a pulled cable does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()

    def close(self):
        self._socket.close()


def open_files(server):
    """How many files and sockets the process of a server has open (proc(5))."""
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def cpu_seconds(server):
    """How much of a processor the process of a server has used (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
