"""Doubles of the world: a clock that is told to jump, and a poller that reports what it is told."""

from wsserver.reactor.loop import Reactor
from wsserver.reactor.world import World


class FakePoller:
    """Hands out one scripted batch a call; `slept` keeps the timeouts it was asked for."""

    def __init__(self):
        self.batches = []
        self.slept = []
        self.interest = {}

    def register(self, fd, interest):
        assert fd not in self.interest
        self.interest[fd] = interest

    def modify(self, fd, interest):
        assert fd in self.interest
        self.interest[fd] = interest

    def unregister(self, fd):
        del self.interest[fd]

    def poll(self, timeout_s):
        self.slept.append(timeout_s)
        return self.batches.pop(0) if self.batches else []

    def close(self):
        pass


class FakeWorld(World):
    """The real one but for the clock."""

    def __init__(self):
        super().__init__()
        self.time = 1000.0

    def monotonic(self):
        return self.time


def turn(reactor, count=1):
    """Turns that do not sleep."""
    for _ in range(count):
        reactor.call_soon(lambda: None)
        reactor.run_once()


def fake_reactor():
    """A reactor whose time and events are the test's."""
    errors = []
    reactor = Reactor(FakeWorld(), FakePoller(), errors.append)
    reactor.errors = errors
    return reactor
