"""A transport on a real socket pair and a real epoll; only the clock is the test's."""

import socket

import pytest

from tests.reactor.fakes import FakeWorld, turn
from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller


class Owner:
    def __init__(self):
        self.heard = []
        self.data = b""

    def on_bytes(self, data):
        self.data += data

    def on_eof(self):
        self.heard.append("eof")

    def on_lost(self, error):
        self.heard.append("lost")

    def on_stuck(self, reason):
        self.heard.append(reason)

    def on_buried(self):
        self.heard.append("buried")

    def on_crash(self, error):
        self.heard.append(error)


class Rig:
    """A transport on a real socket pair and a real epoll; only the clock is the test's."""

    def __init__(self, limit=1 << 20, policy="close", sndbuf=None, beside=None):
        self.errors = []
        self.others = []
        self.reactor = beside.reactor if beside else Reactor(FakeWorld(), open_poller("epoll"), self.errors.append)
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        self.peer.settimeout(5)
        if sndbuf:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)
        self.owner = Owner()
        self.transport = Transport(self.reactor, ours, "unix", limit, policy)
        self.transport.on_bytes = self.owner.on_bytes
        self.transport.start(self.owner)

    def another(self):
        """Another transport of the same reactor."""
        self.others.append(Rig(beside=self))
        return self.others[-1]

    def turn(self, count=1):
        """Turns that do not sleep."""
        turn(self.reactor, count)

    def jump(self, seconds):
        self.reactor.world.time += seconds
        self.turn(2)

    def read(self, count):
        data = b""
        while len(data) < count:
            data += self.peer.recv(count - len(data))
        return data

    def read_all_there_is(self):
        """Empty the kernel's buffer: a Unix socket becomes writable again only when it is mostly empty."""
        self.peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            while self.peer.recv(1 << 20):
                pass

    def read_and_turn(self, count):
        data = b""
        while len(data) < count:
            self.turn()
            data += self.peer.recv(1 << 20)
        return data

    def fill(self, size=4 << 20):
        """Queue more than the kernel takes; return what was queued."""
        data = bytes(i % 251 for i in range(size))
        self.transport.write_last(data)
        self.turn()
        assert self.transport.frames
        return data
