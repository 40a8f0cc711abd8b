"""A private Redis: nothing is kept on the disk, so each start is an empty one.

    with Redis() as server:
        server.command("PUBLISH", "x", "y")     # as another program does it
        server.kill(); server.start()           # it comes back empty

Read next: `private.py`.
"""

import socket

import hiredis

from tests.engines.private import PATIENCE_S, PrivateServer, find_program


class Redis(PrivateServer):
    """One server; `settings` are those of redis.conf, with _ for -."""

    def __init__(self, **settings):
        super().__init__()
        self.settings = settings
        self.login = ()

    def command_line(self):
        flags = [word for name, value in self.settings.items() for word in (f"--{name.replace('_', '-')}", value)]
        return [find_program("redis-server"), "--bind", "127.0.0.1", *self.ports(), "--save", "", *flags]

    def ports(self):
        return ["--port", self.port]

    def command(self, *words):
        """The command line, as `PrivateServer` asks for it; with words, send those and return the reply."""
        return self.ask(*words) if words else self.command_line()

    def ask(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as sock:
            if self.login:
                self.send(sock, "AUTH", *self.login)
            return self.send(sock, *words)

    def send(self, sock, *words):
        sock.sendall(hiredis.pack_command(words))
        reader = hiredis.Reader(notEnoughData=...)
        while (reply := reader.gets()) is ...:
            data = sock.recv(65536)
            if not data:
                raise ConnectionResetError("it has closed the connection")
            reader.feed(data)
        return reply

    def answers(self):
        return self.ask("PING") in (b"PONG", "PONG") or bool(self.login)

    def url(self, rest="", port=None):
        """Its address; `port` is that of a proxy, for instance."""
        return f"redis://127.0.0.1:{port or self.port}{rest}"

    def cut_all(self):
        """End every connection of other programs."""
        return self.ask("CLIENT", "KILL", "TYPE", "normal") + self.ask("CLIENT", "KILL", "TYPE", "pubsub")
