"""Two workers' chats in one process: what one of them hands over the other takes when the test says so."""

from tests.chat.fakes import BrokenStore, Client, Doorman, FakePeer, FakeSurroundings, upgrade_request
from wsserver.chat.authority import NO_RULE
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.homes import Homes, size_for
from wsserver.chat.router import ChatRouter
from wsserver.chat.settings import ChatSettings


class MovingPeer(FakePeer):
    """A connection that another worker takes, unless a test says otherwise."""

    def __init__(self, id, subprotocol=None):
        super().__init__(id, subprotocol)
        self.takes = True
        self.handed = []
        self.told_before = None  # messages it was sent when it was handed over

    def hand_off(self, worker, payload, opcode, luggage):
        self.handed.append((worker, payload, opcode, luggage))
        self.told_before = len(self.sent)
        if isinstance(self.takes, Exception):
            raise self.takes
        return self.takes


class Node:
    """One worker's chat, with the words of `fakes.World`."""

    def __init__(self, town, index, token_mode, rules, **settings):
        self.surroundings = town.surroundings
        self.store = town.store
        self.doorman = Doorman(town.surroundings) if token_mode else None
        rule_of = (rules or {}).get
        self.homes = Homes(town.memory, 2, index)
        self.homes.begin()
        self.homes.serve(True)
        self.codecs = {"wsserver.v1.json": JsonCodec(), "other": JsonCodec()}
        self.router = ChatRouter(
            ChatSettings(**settings),
            self.store,
            self.codecs,
            authority=self.doorman,
            rules=lambda name: rule_of(name, NO_RULE),
            homes=self.homes,
        )
        self.router.attach(town.surroundings)
        self.everyone = self.router._everyone
        self.arrived = 0

    def connect(self, token=None, subprotocol=None):
        """Return a client that has heard its welcome."""
        self.arrived += 1
        client = Client(self, MovingPeer(f"peer-{self.arrived:07}", subprotocol))
        self.router.on_upgrade(client.peer, upgrade_request(*(["Bearer " + token] if token is not None else [])))
        self.router.on_open(client.peer)
        client.hear()
        return client

    def take(self, client):
        """Take over what was handed over last; return the client as it is here."""
        _, payload, opcode, luggage = client.peer.handed[-1]
        peer = MovingPeer(client.peer.id, client.peer.subprotocol)
        peer.messages_out = client.peer.messages_out
        self.router.on_take_over(peer, luggage)
        self.router.on_message(peer, payload, opcode)
        return Client(self, peer)

    def end_turn(self):
        self.surroundings.end_turn()

    @property
    def is_empty(self):
        """Whether nobody is here and nothing of anybody."""
        router = self.router
        timers = len(router._gate._timers) if router._gate is not None else 0
        return (len(self.everyone), len(router._users), len(router.channels), len(router._waiting), timers) == (0,) * 5


class Town:
    """Two workers."""

    def __init__(self, token_mode=False, rules=None, **settings):
        self.surroundings = FakeSurroundings()
        world = self.surroundings
        self.store = BrokenStore(world.random_bytes, world.monotonic, lambda _channel: 10_000)
        self.memory = memoryview(bytearray(size_for(2)))
        self.here, self.there = (Node(self, index, token_mode, rules, **settings) for index in range(2))

    def at_home(self, node, count=1):
        """Names of channels that are at home with `node`."""
        other = self.there if node is self.here else self.here
        found = [name for name in map("room-{}".format, range(100)) if other.homes.elsewhere(name) is not None]
        return found[0] if count == 1 else found[:count]

    def advance(self, seconds):
        self.surroundings.end_turn()
        self.surroundings.advance(seconds)


def handed(client):
    return len(client.peer.handed)


def cross(town, client, channel):
    """Let a client join a channel that is at home over there; return it as it is there."""
    client.say("join", channel=channel, id="j")
    town.here.end_turn()
    moved = town.there.take(client)
    town.there.end_turn()
    return moved
