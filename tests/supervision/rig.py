"""A supervisor of three workers that are made up, and its world.

Read next: `fakes.py`.
"""

import socket
from types import SimpleNamespace

from tests.reactor.fakes import turn
from tests.supervision.fakes import jump, nursery
from tests.test_server import config
from wsserver.reactor.histogram import LATENCY_BOUNDS_S, Histogram
from wsserver.supervision.orders import Ping, Pong, Ready
from wsserver.supervision.watch import BEAT_S
from wsserver.supervisor import Supervisor


class FakeHub:
    """Keeps the sockets that it is given."""

    def __init__(self):
        self.admitted = []

    def admit(self, sock, on_cut):
        self.admitted.append(sock)
        self.on_cut = on_cut


class Rig:
    """A supervisor of three, and its world."""

    def __init__(self, *assignments, shared=False, hub=False):
        self.reactor = nursery()
        self.stopped = False
        self.reactor.stop = lambda: setattr(self, "stopped", True)
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
        sets = [[self.listeners[0]]] * 3 if shared else [[listener] for listener in self.listeners[:3]]
        self.addresses = []
        self.config = config("server.workers=3", *assignments)
        self.hub = FakeHub()
        self.commits = Histogram(LATENCY_BOUNDS_S)
        holdings = SimpleNamespace(
            sockets=sets, admin=self.listeners[3:], exchange=None,
            hub=self.hub if hub else None, commits=self.commits if hub else None,
        )  # fmt: skip
        self.supervisor = Supervisor(self.config, self.reactor, holdings, self.addresses.append)
        self.supervisor.start()
        turn(self.reactor, 2)

    @property
    def processes(self):
        return self.reactor.world.processes

    def newest(self, index):
        """The newest process of a worker."""
        return next(process for process in self.processes if process.pid == self.supervisor.children[index].pid)

    def say(self, index, line=Ready()):  # noqa: B008 - it is frozen
        self.newest(index).say(line)
        turn(self.reactor, 2)

    def all_ready(self):
        for index in range(3):
            self.say(index)
        for process in self.processes:
            process.heard()

    def die(self, index, code=-9):
        process = self.newest(index)
        process.die(code)
        self.supervisor.reap()
        turn(self.reactor, 2)

    def heard(self, index):
        """What its newest process was told; that it is asked whether it is there goes without saying."""
        return [line for line in self.newest(index).heard() if line != Ping()]

    def wait(self, seconds, *silent):
        """Let time pass in which all but the silent ones answer that they are there."""
        for _ in range(int(seconds / BEAT_S)):
            jump(self.reactor, BEAT_S)
            for index in {0, 1, 2}.difference(silent):
                self.newest(index).say(Pong())
            turn(self.reactor, 2)

    def close(self):
        for process in self.processes:
            process.sock.close()
        for sock in (*self.listeners, *self.hub.admitted):
            sock.close()
        turn(self.reactor, 2)
        self.reactor.close()
