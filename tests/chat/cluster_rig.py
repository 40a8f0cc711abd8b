"""Several nodes in one process: a chat each, joined by a broker and a log of memory that a seeded random makes bad.

Announcements may be lost, doubled, late and out of order, and links cut; moves keep their order, as on any one link.
The log answers late, and may refuse. Time stands still until it is told to jump (`Sea.advance`), for all nodes alike.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from tests.chat.fakes import Client, FakePeer, FakeSurroundings, upgrade_request
from wsserver.chat.authority import NO_RULE, ChannelRule
from wsserver.chat.broker import Answers, Asked, BrokerUnavailable, Move, Node
from wsserver.chat.log import Done, Publication, StoreUnavailable
from wsserver.chat.remote_log import Glance, Glanced, Read
from wsserver.chat.replicas import Replicas
from wsserver.chat.router import ChatRouter
from wsserver.chat.settings import ChatSettings
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.memory import MemoryStore

MOVE_S = 0.003
"""How long a move takes."""


class FakeBroker:
    """One node's end of it."""

    def __init__(self, sea: "Sea", node: str) -> None:
        self.sea = sea
        self.node = node
        self.trouble: str | None = None
        self.channels: set[str] = set()
        self.ours: dict[str, dict[str, None]] = {}
        self.known: Node
        self.cut = False
        self.waiting: list[Callable[[], None]] = []

    def attach(self, node: Node) -> None:
        self.known = node

    def number_of(self, channel: str) -> int | None:
        return self.sea.numbers.get(channel)

    def open(self, channel: str, done: Callable[[BrokerUnavailable | None], None]) -> None:
        self.sea.opens += 1
        self.channels.add(channel)

        def opened() -> None:
            if self.cut:
                done(BrokerUnavailable("cut"))
            elif channel in self.channels:
                self.known.on_roster(channel, self.sea.roster(channel, self))
                done(None)
            else:
                done(None)

        self.sea.later(opened)

    def close(self, channel: str) -> None:
        self.channels.discard(channel)

    def announce(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        if not self.cut:
            self.sea.announce(self, channel, epoch, list(messages))

    def relay(self, channel: str, payload: bytes) -> None:
        for other in self.sea.others(self):
            if channel in other.channels:
                self.sea.later(lambda other=other: other.known.on_relayed(channel, payload))  # type: ignore[misc]

    def presence(self, channel: str, user: str, move: Move) -> None:
        users = self.ours.setdefault(channel, {})
        if move is Move.ENTER:
            users[user] = None
        else:
            users.pop(user, None)
        if not self.cut:
            for other in self.sea.others(self):
                self.sea.world.call_later(MOVE_S, lambda other=other: other.hear_move(self.node, channel, user, move))  # type: ignore[misc]

    def hear_move(self, node: str, channel: str, user: str, move: Move) -> None:
        if not self.cut and channel in self.channels:
            self.known.on_presence(node, channel, user, move)

    def ask(self, question: Asked, done: Answers) -> None:
        if self.cut:
            done(BrokerUnavailable("cut"))
            return
        others = [other for other in self.sea.others(self) if not other.cut]
        self.sea.later(lambda: done([json.loads(json.dumps(other.known.answer(question))) for other in others]))

    def close_all(self) -> None:
        self.channels.clear()

    def interrupt(self) -> None:
        self.cut = True
        self.trouble = "cut"
        self.known.on_interrupted()

    def restore(self) -> None:
        self.cut = False
        self.trouble = None
        self.known.on_restored()
        for broker in self.sea.brokers:
            if not broker.cut:
                for channel in sorted(broker.channels):
                    broker.known.on_roster(channel, self.sea.roster(channel, broker))


class FakeRemoteLog:
    """One node's way to the log that all share."""

    def __init__(self, sea: "Sea", broker: FakeBroker, announces: bool) -> None:
        self.sea = sea
        self.broker = broker
        self.announces = announces
        self.trouble: str | None = None
        self.asked: list[tuple[Any, ...]] = []

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        def store() -> None:
            if self.trouble is not None:
                self.sea.later(lambda: done(StoreUnavailable(str(self.trouble))))
                return
            outcome = self.sea.store.append(batch, done)
            if self.announces:
                for stored in outcome or ():
                    if not stored.duplicate:
                        epoch = self.sea.store.head(stored.message.channel).epoch
                        self.sea.announce(self.broker, stored.message.channel, epoch, [stored.message])
            self.sea.later(lambda: done(outcome or []))

        self.sea.later(store)

    def glance(self, channel: str, limit: int, done: Glanced) -> None:
        def look() -> None:
            self.asked.append(("glance", channel))
            if self.trouble is not None:
                done(StoreUnavailable(self.trouble))
                return
            head = self.sea.store.head(channel)
            glance = Glance(head, self.sea.store.before(channel, head.seq + 1, limit))
            self.sea.later(lambda: done(glance))

        self.sea.later(look)

    def read(self, channel: str, first: int, last: int, done: Read) -> None:
        assert 0 < first <= last < first + 300

        def look() -> None:
            self.asked.append(("read", channel, first, last))
            if self.trouble is not None:
                done(StoreUnavailable(self.trouble))
                return
            messages = self.sea.store.after(channel, first - 1, last - first + 1)
            self.sea.later(lambda: done([message for message in messages if message.seq <= last]))

        self.sea.later(look)

    def close(self) -> None: ...


class Harbour:
    """One node, with the words of `fakes.World`."""

    def __init__(self, sea: "Sea", name: str, rules: Mapping[str, ChannelRule] | None, **settings: Any) -> None:
        self.sea = sea
        self.broker = FakeBroker(sea, name)
        self.log = FakeRemoteLog(sea, self.broker, sea.announces)
        self.replicas = Replicas(lambda _channel: self.log, self.broker, lambda _channel: sea.history)
        self.surroundings = sea.world
        rule_of = (rules or {}).get
        self.router = ChatRouter(
            ChatSettings(**settings), self.replicas, rules=lambda name: rule_of(name, NO_RULE), broker=self.broker
        )
        self.router.attach(sea.world)

    def end_turn(self) -> None:
        self.sea.world.end_turn()

    def connect(self, user: str | None = None, channel: str = "lobby") -> Client:
        """Return a client that has heard its welcome; with a `user` it has joined `channel` too."""
        self.sea.clients += 1
        client = Client(self, FakePeer(f"peer-{self.sea.clients:07}"))  # type: ignore[arg-type]
        self.router.on_upgrade(client.peer, upgrade_request())
        self.router.on_open(client.peer)
        if user is not None:
            client.say("join", channel=channel, user=user)
            self.sea.settle()
        client.hear()
        return client

    def copy(self, channel: str = "lobby") -> Any:
        copy = self.replicas.copies.get(channel)
        assert copy is not None
        return copy


class Sea:
    """All that lies between the nodes."""

    def __init__(
        self,
        nodes: int = 2,
        seed: int | None = None,
        history: int = 10_000,
        announces: bool = False,
        rules: Mapping[str, ChannelRule] | None = None,
        **settings: Any,
    ) -> None:
        """Without a `seed` nothing is lost or late by more than a millisecond."""
        self.world = FakeSurroundings()
        self.random = Random(seed)
        self.wild = seed is not None
        self.announces = announces
        self.history = history
        self.mute = False  # every announcement is lost
        self.opens = 0
        self.numbers: dict[str, int] = {}  # of channels, where something gives them out
        self.clients = 0
        self.store = MemoryStore(self.world.random_bytes, self.world.monotonic, lambda _channel: history)
        self.nodes = [Harbour(self, f"node{number}", rules, **settings) for number in range(nodes)]

    @property
    def brokers(self) -> list[FakeBroker]:
        return [node.broker for node in self.nodes]

    def others(self, broker: FakeBroker) -> list[FakeBroker]:
        return [other for other in self.brokers if other is not broker]

    def roster(self, channel: str, broker: FakeBroker) -> dict[str, list[str]]:
        others = [other for other in self.others(broker) if not other.cut]
        return {other.node: list(other.ours[channel]) for other in others if other.ours.get(channel)}

    def later(self, callback: Callable[[], None]) -> None:
        """After what a way across the net takes."""
        self.world.call_later(self.random.choice((0.001, 0.002, 0.005, 0.05)) if self.wild else 0.001, callback)

    def announce(self, sender: FakeBroker, channel: str, epoch: str, messages: list[MessageEvent]) -> None:
        for other in self.others(sender):
            times = self.random.choice((0, 1, 1, 1, 2)) if self.wild else 1
            for _ in range(0 if self.mute else times):
                self.later(lambda other=other: self._hand_over(other, channel, epoch, messages))  # type: ignore[misc]

    def _hand_over(self, other: FakeBroker, channel: str, epoch: str, messages: list[MessageEvent]) -> None:
        if channel in other.channels and not other.cut:
            other.known.on_announced(channel, epoch, messages)

    def advance(self, seconds: float) -> None:
        self.world.end_turn()
        self.world.advance(seconds)
        self.world.serve()

    def settle(self) -> None:
        """Let all that is on its way arrive, on a good sea."""
        self.advance(0.015)
