"""A hub and its workers' links in one reactor, on real Unix sockets; only the clock is the test's."""

from tests.reactor.fakes import FakeWorld, turn
from tests.stores.rig import FakeEngine, FakeReporter
from wsserver.brokers.hub import Hub
from wsserver.brokers.hub_link import HubLink
from wsserver.chat.log import Publication
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller
from wsserver.stores.memory import MemoryStore
from wsserver.stores.split import SplitStore
from wsserver.stores.sqlite import SqliteStore

CALL = "call"


class Chat:
    """A `Node` that writes down what it is told, and answers questions with `says`."""

    def __init__(self):
        self.heard = []
        self.asked = []
        self.says = 1

    def __getattr__(self, name):
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *rest: self.heard.append((name.removeprefix("on_"), *rest))

    def answer(self, question):
        self.asked.append(question)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def take(self, *kinds):
        """Return what was heard since the last time, of some kinds or of all."""
        heard, self.heard = self.heard, []
        return [one for one in heard if not kinds or one[0] in kinds]

    def lines(self, channel):
        """Return (seq, text) of what was announced in a channel."""
        return [
            (message.seq, message.text)
            for kind, name, *rest in self.heard
            if kind == "announced" and name == channel
            for message in rest[1]
        ]


class Member:
    """A worker: its link, and what it heard."""

    def __init__(self, rig, name):
        ours, theirs = rig.reactor.world.socket_pair()
        rig.hub.admit(ours)
        self.rig = rig
        self.name = name
        self.chat = Chat()
        self.lost = 0
        self.sock = theirs
        self.link = HubLink(rig.reactor, theirs, name, self._on_lost)
        self.link.attach(self.chat)

    def _on_lost(self):
        self.lost += 1

    def open(self, *channels):
        """Open channels, and forget what was heard of it."""
        opened = []
        for channel in channels:
            self.link.open(channel, opened.append)
        self.rig.turn(4)
        assert opened == [None] * len(channels)
        self.chat.take()

    def begin(self, *publications, log=None):
        """Append a batch; return where its outcome will be."""
        outcome = []
        (log or self.link.log).append(list(publications), outcome.append)
        return outcome

    def say(self, *publications, log=None):
        """Append a batch, and return its outcome."""
        outcome = self.begin(*publications, log=log)
        self.rig.turn(6)
        return outcome[0]

    def glance(self, channel, limit=50):
        found = []
        self.link.log.glance(channel, limit, found.append)
        self.rig.turn(6)
        return found[0]


class Rig:
    """`store`: what the hub has; None makes one in memory."""

    def __init__(self, store=None, patient=False, **rest):
        self.errors = []
        self.cuts = []
        self.engine = FakeEngine()
        self.reactor = Reactor(FakeWorld(), open_poller("epoll"), self.errors.append)
        self.store = store or MemoryStore(self.engine.random_bytes, self.engine.monotonic, **rest)
        self.hub = Hub(self.reactor, self.store, lambda node, why: self.cuts.append((node, why)), patient)
        self.members = []

    def member(self, name=""):
        self.members.append(Member(self, name or f"worker-{len(self.members)}"))
        self.turn(4)
        return self.members[-1]

    def turn(self, count=1):
        turn(self.reactor, count)

    def jump(self, seconds):
        self.reactor.world.time += seconds
        self.turn(3)

    def close(self):
        self.hub.close()
        for member in self.members:
            member.link.close_all()
        self.turn(2)
        self.reactor.close()


def sqlite(engine, path, power=False):
    """A store as a server has it: a file, and memory for the channels that start with `passing`."""

    def history_of(channel):
        return 0 if channel.startswith("passing") else 1000

    durable = SqliteStore(engine, FakeReporter(), str(path), history_of, power=power)
    return SplitStore(durable, MemoryStore(engine.random_bytes, engine.monotonic, history_of), history_of)


def said(channel, text, user="ann", key=None, ts=1):
    return Publication(channel, user, text, ts, key)
