"""A world in which processes are made up: they live, talk and die when the test says so."""

import os

from tests.reactor.fakes import FakeWorld, turn
from wsserver.reactor.loop import Reactor
from wsserver.supervision.orders import decode, encode


class FakeProcess:
    """A process, and the other end of its link."""

    def __init__(self, pid, arguments, fds, sock):
        self.pid = pid
        self.arguments = arguments
        self.fds = fds
        self.sock = sock
        self.code = None
        self.killed = False
        self.signals = []
        self._held = b""

    def poll(self):
        return self.code

    def kill(self):
        self.killed = True

    def send_signal(self, sig):
        self.signals.append(sig)

    def say(self, line):
        self.sock.send(encode(line) + b"\n")

    def heard(self):
        """What it was told since it was asked last."""
        try:
            while data := self.sock.recv(1 << 16):
                self._held += data
        except BlockingIOError:
            pass
        *lines, self._held = self._held.split(b"\n")
        return [decode(line) for line in lines]

    def die(self, code):
        """End; the supervisor still has to be told that somebody did."""
        self.code = code
        self.sock.close()


class Nursery(FakeWorld):
    """The world of a supervisor, in which every random draw gives the most."""

    def __init__(self):
        super().__init__()
        self.processes = []
        self.refuses = False

    def uniform(self, low, high):
        return high

    def cores(self):
        return [3, 5]

    def spawn(self, arguments, fds):
        if self.refuses:
            raise BlockingIOError(11, "no more processes")
        number = int(arguments[-1])
        process = FakeProcess(1000 + len(self.processes), arguments, fds, self.adopt(os.dup(number)))
        self.processes.append(process)
        return process


def nursery():
    """A reactor with that world and a real poller."""
    world = Nursery()
    errors = []
    reactor = Reactor(world, world.open_poller("epoll"), errors.append)
    reactor.errors = errors
    return reactor


def jump(reactor, seconds):
    """Let time pass."""
    reactor.world.time += seconds
    turn(reactor, 3)
