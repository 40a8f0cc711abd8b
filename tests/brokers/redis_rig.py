"""Several nodes in one reactor, joined by a real Redis; the clock is real, and can be told to jump."""

import time
from collections import Counter

from tests.engines.private import PATIENCE_S
from wsserver.brokers.address import parse_address
from wsserver.brokers.redis import RedisBroker
from wsserver.chat.broker import Count
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller
from wsserver.reactor.world import World


class JumpingWorld(World):
    """The real one, whose clock is told to jump."""

    ahead = 0.0
    hurry = False

    def __init__(self):
        super().__init__()
        self.drawn = []

    def uniform(self, low, high):
        """What is drawn is written down, and with `hurry` next to nothing."""
        self.drawn.append(high)
        return high / 1000 if self.hurry else super().uniform(low, high)

    def monotonic(self):
        return time.monotonic() + self.ahead


class FakeReporter:
    def __init__(self):
        self.said = []

    def trouble(self, sentence):
        self.said.append(sentence)

    def recovered(self):
        self.said.append("recovered")


class FakeNode:
    """The chat of a node: it remembers what it is told."""

    def __init__(self, name):
        self.name = name
        self.heard = []
        self.rosters = {}
        self.users = Counter()

    def on_announced(self, channel, epoch, messages):
        self.heard += [(channel, epoch, message.seq, message.user, message.text) for message in messages]

    def on_relayed(self, channel, payload):
        self.heard.append((channel, payload))

    def on_presence(self, node, channel, user, move):
        self.heard.append((node, channel, user, move.name))
        users = self.rosters.setdefault(channel, {}).setdefault(node, set())
        (users.add if move.name == "ENTER" else users.discard)(user)

    def on_roster(self, channel, users):
        self.heard.append(("roster", channel))
        self.rosters[channel] = {node: set(those) for node, those in users.items()}

    def on_node_gone(self, node):
        self.heard.append(("gone", node))
        for users in self.rosters.values():
            users.pop(node, None)

    def on_interrupted(self):
        self.heard.append("interrupted")

    def on_restored(self):
        self.heard.append("restored")

    def answer(self, question):
        return {"clients": 3} if isinstance(question, Count) else self.name

    def texts(self, channel="c"):
        return [one[4] for one in self.heard if len(one) == 5 and one[0] == channel]

    def users_in(self, channel="c"):
        return sorted(user for users in self.rosters.get(channel, {}).values() for user in users)


class Rig:
    """One reactor, any number of nodes."""

    def __init__(self):
        self.errors = []
        self.world = JumpingWorld()
        self.reactor = Reactor(self.world, open_poller("epoll"), self.errors.append)
        self.brokers = []

    def offload(self, work, done):
        """There is no thread here: the name is one of numbers."""
        try:
            result = work()
        except OSError as error:
            result = error
        self.reactor.call_soon(lambda: done(result))

    def broker(self, url, lease_s=60.0, max_message=65536, wait=True, **named):
        broker = RedisBroker(
            self.reactor, self.offload, FakeReporter(), parse_address(url), lease_s, max_message, **named
        )
        node = FakeNode(f"node{len(self.brokers)}")
        self.brokers.append(broker)
        broker.attach(node)
        if wait:
            self.until(lambda: broker.up)
        return broker, node

    def open(self, broker, *channels):
        """Open channels and wait until they are."""
        told = []
        for channel in channels:
            broker.open(channel, told.append)
        self.until(lambda: len(told) == len(channels))
        assert not any(told), told

    def turn(self):
        """A turn that sleeps for at most some milliseconds."""
        soon = self.world.monotonic() + 0.005
        timer = self.reactor.timers.call_at(soon, lambda: self.reactor.call_soon(lambda: None))  # or it would sleep on
        self.reactor.run_once()
        timer.cancel()

    def until(self, condition, patience_s=PATIENCE_S / 2):
        end = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < end and not self.errors, ("it does not happen", self.errors)
            self.turn()

    def jump(self, seconds):
        self.world.ahead += seconds
        self.turn()

    def settle(self, broker):
        """Wait until all that was said so far has been said: Redis answers in order."""
        told = []
        self.turn()
        broker.commands.call(("PING",), told.append)
        self.until(lambda: told)

    def close(self):
        for broker in self.brokers:
            broker.close_all()
        for _ in range(3):
            self.turn()
        self.reactor.close()
        assert self.errors == []


def kill(broker):
    """Let go of both links without a goodbye, and never come back."""
    broker._presence._cancel_timers()
    broker.commands.link.close()
    broker.ear.link.close()
