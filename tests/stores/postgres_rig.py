"""Nodes over one PostgreSQL: a real reactor, whose clock is told to jump, and a log each."""

import time

from tests.reactor.fakes import FakeWorld
from tests.stores.rig import FakeReporter
from wsserver.chat.log import Publication
from wsserver.reactor.loop import Reactor
from wsserver.reactor.offload import Offload
from wsserver.reactor.poller import open_poller
from wsserver.stores.postgres import PostgresLog

PATIENCE_S = 30.0
"""For what takes milliseconds, on a machine that may be busy."""


class Node:
    """One server process, as far as its log is concerned. Its timers fire when `jump` says so."""

    def __init__(self, url, history=10_000, age_s=0.0, power=False):
        self.errors = []
        self.reactor = Reactor(FakeWorld(), open_poller("epoll"), self.errors.append)
        self.offload = Offload(self.reactor.post)
        self.reporter = FakeReporter()
        history_of = history if callable(history) else lambda _channel: history
        try:
            self.log = PostgresLog(self.reactor, self.offload, self.reporter, url, history_of, age_s, power)
        except BaseException:
            self.reactor.close()
            raise

    def begin_append(self, *batch):
        """Return the list that the outcome will be put into."""
        outcomes = []
        self.log.append(batch, outcomes.append)
        return outcomes

    def append(self, *batch):
        return self.wait(self.begin_append(*batch))

    def store(self, *batch):
        """Append what has to succeed."""
        outcome = self.append(*batch)
        assert isinstance(outcome, list), outcome
        return outcome

    def post(self, count=1, channel="c", user="ann", key=None):
        """Say something so many times; return the numbers."""
        return [one.message.seq for one in self.store(*[Publication(channel, user, "text", 5, key)] * count)]

    def glance(self, channel="c", limit=50):
        found = []
        self.log.glance(channel, limit, found.append)
        return self.wait(found)

    def read(self, channel="c", first=1, last=300):
        found = []
        self.log.read(channel, first, last, found.append)
        return self.wait(found)

    def wait(self, found):
        """Turn until there is something in `found`, and return it."""
        self.turn_until(lambda: found)
        [one] = found
        return one

    def turn_until(self, condition):
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < until, f"it does not come: {self.log.trouble}, {self.errors}"
            self.turn()

    def turn(self):
        """One turn that sleeps for a moment at most: what is awaited comes from other processes."""
        timer = self.reactor.timers.call_at(self.reactor.world.time + 0.002, lambda: None)
        self.reactor.run_once()
        timer.cancel()

    def jump(self, seconds):
        self.reactor.world.time += seconds
        for _ in range(3):
            self.turn()

    def ready(self):
        """Turn until both links are there; returns itself."""
        self.turn_until(lambda: self.log._writer.up and self.log._reader.up)
        return self

    def lose(self, action):
        """Do what breaks both links, and turn until they have noticed."""
        before = self._connections()
        action()
        self.turn_until(lambda: not set(self._connections()) & set(before))
        return self

    def _connections(self):
        return [link._conn for link in (self.log._writer, self.log._reader)]

    def reconnect(self):
        """Let the rests between attempts pass until both links are there again."""
        until = time.monotonic() + PATIENCE_S
        while not (self.log._writer.up and self.log._reader.up):
            assert time.monotonic() < until, self.log.trouble
            self.jump(0.1)
        return self

    def close(self):
        self.log.close()
        self.turn()
        self.offload.close(5)
        self.reactor.close()
        assert self.errors == []
