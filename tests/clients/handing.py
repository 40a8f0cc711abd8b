"""Two houses in one process, and between them what workers have: each takes what the other hands over.

    town = Town(); peer = town.here.open(); peer.send_frame(TEXT, b"go"); town.turn(); peer.frames()

Whoever says something that begins with `go` is handed over, once the turn's input is heard.
"""

import contextlib
import os

from tests.clients.rig import House
from wsserver.net.inbox import Inbox, put
from wsserver.reactor.shared import message_pair
from wsserver.websocket.codes import TEXT

GO = b"go"

KEPT = (TEXT, b"0 kept " + GO)
MOVED = (TEXT, b"1 heard " + GO)
"""What is heard of whoever stays, and of whoever is taken over."""


@contextlib.contextmanager
def towns():
    """Give a function that makes towns; behind it nothing of them may be left."""
    made = []
    before = open_sockets()

    def make(**named):
        made.append(Town(**named))
        return made[-1]

    yield make
    for town in made:
        town.close()
        for side in town.sides:
            assert side.errors == []
            assert (side.registry.clients, side.registry.sockets) == (set(), 0)
    assert open_sockets() == before


def open_sockets():
    """How many sockets this process has."""
    names = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return sum(os.readlink(name).startswith("socket:") for name in names if os.path.lexists(name))


class Side(House):
    """One of them. What its router hears stands in `router.heard`; `moves` says what became of who was to go."""

    def __init__(self, index, **named):
        super().__init__(**named)
        self.index = index
        self.moves = []
        self.router.on_take_over = self._on_take_over
        self.router.react = self._react
        self.registry.house.send_away = self.send_away
        self.outlet = None  # into the other's inbox
        self.sent_away = []  # what was put there
        self.peer_of = {}  # those who are here, by id

    def _on_take_over(self, peer, luggage):
        self.router.heard.append(("taken over", luggage))
        self.peer_of[peer.id] = peer

    def _react(self, what, peer, *rest):
        if what == "open":
            self.peer_of[peer.id] = peer
        if what != "message":
            return
        payload, opcode = rest
        if payload.startswith(GO) and not any(entry[0] == "taken over" for entry in self.router.heard[-2:]):
            self.reactor.at_end_of_turn(lambda: self._hand_off(peer, payload, opcode))
        else:
            peer.send(b"%d heard " % self.index + payload, opcode)

    def _hand_off(self, peer, payload, opcode):
        moved = peer.hand_off(1 - self.index, payload, opcode, b"luggage \0 \xff")
        self.moves.append(moved)
        if not moved:
            peer.send(b"%d kept " % self.index + payload, opcode)

    def send_away(self, worker, fd, data):
        assert worker == 1 - self.index
        self.sent_away.append(data)
        return put(self.outlet, fd, data)


class Town:
    """Both, with one clock."""

    def __init__(self, **named):
        self.here, self.there = self.sides = [Side(index, **named) for index in range(2)]
        self.there.reactor.world = self.here.reactor.world
        self.inboxes = []
        for side, other in zip(self.sides, reversed(self.sides), strict=True):
            inbox, other.outlet = message_pair()
            self.inboxes.append(Inbox(side.reactor, inbox, side.registry.take_over))
            self.inboxes[-1].start()

    def turn(self, count=3):
        for _ in range(count):
            for side in self.sides:
                side.turn()

    def jump(self, seconds):
        """Let time pass in silence."""
        self.here.reactor.world.time += seconds
        self.turn()

    def go(self, opcode=TEXT, path="/talk", extra="", **named):
        """Connect here, shake hands, and go; return the peer's end and the client as it is over there."""
        peer = self.here.connect(**named)
        peer.upgrade(path, extra)
        peer.send_frame(opcode, GO)
        self.turn()
        return peer, self.arrival()

    def arrival(self):
        """The one client that is over there."""
        (client,) = self.there.registry.clients
        return client

    def is_left_by_all(self, side):
        """Whether nothing of anybody is in a house, down to the timers and what the poller watches."""
        registry = side.registry
        wheel = registry.house.wheel
        return (
            (registry.clients, registry.leaving, registry.sockets, len(wheel)) == (set(), set(), 0, 0)
            and side.reactor.watched == 2  # its wake-up and its inbox
        )

    def close(self):
        for side in self.sides:
            side.outlet.close()
        for inbox in self.inboxes:
            inbox.close()
        for side in self.sides:
            side.close()
