"""A Redis written by hand, that says what the test wants: the broken, the late and the absurd."""

import contextlib
import socket

import hiredis


class FakeRedis:
    """Listens on a free port of loopback; the test answers each command itself."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.sock = None
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self, turn):
        """Take the next connection; `turn` lets the other side work meanwhile."""
        self.listener.setblocking(False)
        if self.sock is not None:
            self.sock.close()
        while True:
            turn()
            with contextlib.suppress(BlockingIOError):
                self.sock = self.listener.accept()[0]
                break
        self.sock.setblocking(False)
        self.reader = hiredis.Reader(notEnoughData=...)
        return self

    def next_command(self, turn):
        """Return the next command as a list of strings."""
        while (command := self.reader.gets()) is ...:
            turn()
            with contextlib.suppress(BlockingIOError):
                data = self.sock.recv(65536)
                assert data, "the other side has closed the connection"
                self.reader.feed(data)
        return [word.decode("utf-8", "replace") for word in command]

    def say(self, data):
        self.sock.setblocking(True)
        self.sock.sendall(data)
        self.sock.setblocking(False)

    def close(self):
        self.listener.close()
        if self.sock is not None:
            self.sock.close()
