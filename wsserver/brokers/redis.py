"""The broker over Redis: pub-sub between nodes, presence with a lease for each node, questions to all.

Two connections, since one that listens can do nothing else: `commands` and `ear`. Only while both are good, and Redis
knows this node's users, is the broker up. Whatever breaks: the chat is told that it may miss something from now on;
when it is good again, that it may look for what it has missed.

    announce, relay, presence --> [gathered for a turn] --> PUBLISH ... --> [ear of each other node] --> Node.on_...

Read next: `redis_link.py` for a connection's life, `envelope.py` for what is said, `redis_presence.py`, `redis_log.py`.
"""

import ssl
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from wsserver.brokers import envelope as env
from wsserver.brokers.address import Address
from wsserver.brokers.redis_commands import Commands
from wsserver.brokers.redis_dial import Offload
from wsserver.brokers.redis_ear import Ear
from wsserver.brokers.redis_link import Link
from wsserver.brokers.redis_names import Names
from wsserver.brokers.redis_presence import RedisPresence
from wsserver.brokers.redis_questions import Questions
from wsserver.brokers.redis_rosters import Rosters
from wsserver.brokers.redis_scripts import greeting
from wsserver.brokers.redis_tls import client_context
from wsserver.chat.broker import Answers, Asked, BrokerUnavailable, Move, Node
from wsserver.chat.vocabulary import MessageEvent
from wsserver.reactor.loop import Reactor

UNSAID_LIMIT: Final = 10_000
"""Channels whose newest message is kept while it cannot be said; of more, the others see it with the next one."""

SAID_AT_ONCE: Final = 200
"""Channels of which something is said in one turn when the link is back: 3 ms."""


class Reporter(Protocol):
    """Who is told how the link fares; sentences are parts of one, without a capital or a full stop."""

    def trouble(self, sentence: str) -> None:
        """The other nodes cannot be reached just now; it is tried again."""

    def recovered(self) -> None:
        """They can be reached again."""


class RedisBroker:
    """One node's end (`chat/broker.py`)."""

    def __init__(
        self,
        reactor: Reactor,
        offload: Offload,
        reporter: Reporter,
        address: Address,
        lease_s: float,
        max_message: int,
        context: Callable[[], ssl.SSLContext] = client_context,
    ) -> None:
        """`lease_s`: how long a silent node's users stay; `max_message`: bytes of the largest message of a client."""
        # configuration
        self._reactor = reactor
        self._reporter = reporter
        self.node = reactor.world.random_bytes(8).hex()
        self.names = Names(address.prefix)
        self._limit = max_message + env.SPARE_BYTES
        self._told: Node | None = None
        # parts
        self.commands = Commands(reactor, self._on_commands_up, self._on_commands_down)
        self.ear = Ear(reactor, self)
        hello = _hello(address, self.node)
        select = [("SELECT", str(address.database)), *greeting()]
        self.commands.link = Link(reactor, address, offload, [*hello, *select], self.commands, context)
        self.ear.link = Link(reactor, address, offload, hello, self.ear, context)
        self.questions = Questions(reactor)
        self._presence = RedisPresence(reactor, self.commands, self.names, self.node, lease_s, self)
        self.rosters = Rosters(reactor, self._presence.read, self._on_roster_failed)
        # state
        self.up = False
        self._trouble: str | None = "the link to Redis is not there yet"
        self._out: dict[str, list[bytes]] = {}  # what is said at the end of this turn, by pub-sub channel
        self._newest: dict[str, env.Messages] = {}  # of each channel, the last message of what is said this turn
        self._unsaid: dict[str, env.Messages] = {}  # of each channel, the newest message that could not be said
        self._rewritten: set[str] = set()  # channels whose users here were written anew, which nobody knows yet
        self._gathering = False
        self._telling = False  # what was kept while the link was down is being said, a few channels a turn
        self.on_links_up: list[Callable[[], None]] = []  # called each time that commands can be sent again
        # statistics
        self.dropped = 0  # envelopes that were none, or not ours to understand

    # -- Broker -----------------------------------------------------------------------------------------------------

    @property
    def trouble(self) -> str | None:
        """Why the other nodes cannot be reached just now."""
        return None if self.up else self._trouble

    @property
    def told(self) -> Node:
        """Who was attached."""
        assert self._told is not None
        return self._told

    def attach(self, node: Node) -> None:
        """Say who is told, and begin to connect."""
        self._told = node
        self.rosters.attach(node)
        self.ear.subscribe(self.names.all)
        self.ear.subscribe(self.names.node(self.node))
        self.commands.link.start()
        self.ear.link.start()

    def open(self, channel: str, done: Callable[[BrokerUnavailable | None], None]) -> None:
        """Hear of `channel` from now on (`Broker.open`)."""
        self.rosters.open(channel, done, None if self.up else self._down())
        self.ear.subscribe(self.names.channel(channel))

    def close(self, channel: str) -> None:
        """Hear of it no longer."""
        self.rosters.close(channel)
        self.ear.unsubscribe(self.names.channel(channel))

    def announce(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Tell the others what is in the log."""
        if not messages:
            return
        items = env.runs(channel, epoch, messages)
        newest = items[-1]
        last = env.Messages(channel, epoch, newest.first + len(newest.rows) - 1, newest.rows[-1:])
        if not self.up:
            self._keep_unsaid(last)
            return
        self._newest[channel] = last
        self._say(self.names.channel(channel), items)

    def relay(self, channel: str, payload: bytes) -> None:
        """Tell them something binary."""
        if self.up:
            self._say(self.names.channel(channel), [env.Binary(channel, payload)])

    def presence(self, channel: str, user: str, move: Move) -> None:
        """Tell them who came or went, and keep it."""
        self._presence.move(channel, user, move)
        if self.up:
            self._say(self.names.channel(channel), [env.Moved(channel, user, move)])
        else:
            self._rewritten.add(channel)
            self._gather()

    def ask(self, question: Asked, done: Answers) -> None:
        """Put `question` to every other node (`Broker.ask`)."""
        if not self.up:
            done(self._down())
            return
        number = self.questions.ask(done)
        if number is None:
            return
        try:
            item = env.encode(env.Asking(number, env.encode_question(question)))
            [said] = env.seal(self.node, [item], self._limit)
        except (ValueError, TypeError, OverflowError):  # too large, or with what cannot be encoded
            self.questions.fail(number, "it is too large for the other nodes")
            return
        self._flush()  # what was said before it is heard before it
        self.commands.call(("PUBLISH", self.names.all, said), partial(self._on_asked, number))

    def close_all(self) -> None:
        """Say goodbye and let go of the links."""
        self._flush()
        self._presence.close()
        self.up = False
        self._trouble = "it is closed"
        self.questions.close()
        self.rosters.forget()
        self.commands.close()
        self.ear.link.close()

    # -- saying -----------------------------------------------------------------------------------------------------

    def _say(self, name: str, items: Iterable[env.AnyItem]) -> None:
        self._out.setdefault(name, []).extend(map(env.encode, items))
        self._gather()

    def _gather(self) -> None:
        if not self._gathering:
            self._gathering = True
            self._reactor.at_end_of_turn(self._flush)

    def _flush(self) -> None:
        """One PUBLISH for each channel that something was said in; all leave in one send."""
        self._gathering = False
        self._presence.flush()
        out, self._out = self._out, {}
        newest, self._newest = self._newest, {}
        if not self.up:
            for last in newest.values():
                self._keep_unsaid(last)
            return
        for name, items in out.items():
            last_said = newest.get(self.names.channel_of(name) or "")
            for said in env.seal(self.node, items, self._limit):
                self.commands.call(("PUBLISH", name, said), partial(self._on_published, last_said))

    def _on_published(self, last: env.Messages | None, reply: Any) -> None:
        if last is not None and isinstance(reply, Exception):
            self._keep_unsaid(last)

    def _keep_unsaid(self, last: env.Messages) -> None:
        """Others will see by it, when it can be said, that they have missed something."""
        if last.channel in self._unsaid or len(self._unsaid) < UNSAID_LIMIT:
            before = self._unsaid.get(last.channel)
            if before is None or before.epoch != last.epoch or before.first < last.first:
                self._unsaid[last.channel] = last

    # -- hearing (`redis_ear.py`) -----------------------------------------------------------------------------------

    def on_said(self, name: str, payload: bytes) -> None:
        """Somebody said something, we ourselves perhaps."""
        said = env.decode(payload, self._limit)
        if said is None:
            self.dropped += 1
        elif said.node != self.node:
            channel = self.names.channel_of(name)
            for item in said.items:
                self._take(said.node, channel, item)

    def _take(self, sender: str, channel: str | None, item: env.AnyItem) -> None:
        kind = type(item)
        if kind in _OF_A_CHANNEL:
            self._take_of_channel(sender, channel, item)
        elif isinstance(item, env.Asking):
            self._answer(sender, item)
        elif isinstance(item, env.Answer):
            self.questions.on_answer(item.number, item.value)
        elif isinstance(item, env.Gone):
            if item.node == self.node:
                self._presence.claim()  # we were taken for dead
            else:
                self.told.on_node_gone(item.node)

    def _take_of_channel(self, sender: str, channel: str | None, item: Any) -> None:
        if channel is None or item.channel != channel:
            self.dropped += 1
        elif not self.rosters.is_open(channel):
            return  # given up, but Redis does not know it yet
        elif isinstance(item, env.Messages):
            self.told.on_announced(channel, item.epoch, item.events())
        elif isinstance(item, env.Binary):
            self.told.on_relayed(channel, item.payload)
        elif isinstance(item, env.Moved):
            self.rosters.on_moved(sender, channel, item.user, item.move)
        else:
            self.rosters.want(channel)

    def _answer(self, asker: str, item: env.Asking) -> None:
        question = env.decode_question(item.question)
        if question is None:
            self.dropped += 1
            return
        try:
            self._say(self.names.node(asker), [env.Answer(item.number, self.told.answer(question))])
        except (ValueError, TypeError, OverflowError):  # what cannot be encoded costs the asker a second, us nothing
            self.dropped += 1

    def _on_asked(self, number: int, reply: Any) -> None:
        if type(reply) is int:
            self.questions.on_heard(number, reply - 1)  # we hear ourselves
        else:
            self.questions.fail(number, "the link to Redis broke")

    # -- the state of the links -------------------------------------------------------------------------------------

    def on_subscribed(self, name: str) -> None:
        """Nothing that is said on `name` is missed from now on."""
        channel = self.names.channel_of(name)
        if channel is not None and self.up:
            self.rosters.want(channel)

    def on_hearing(self) -> None:
        """Everything is subscribed to."""
        self._look()

    def on_deaf(self, sentence: str) -> None:
        """The link that listens is gone."""
        self._on_down(sentence)

    def _on_commands_up(self) -> None:
        self._presence.on_up()
        for callback in self.on_links_up:
            callback()

    def _on_commands_down(self, sentence: str) -> None:
        self._presence.on_down()
        self._on_down(sentence)

    def on_claimed(self) -> None:
        """Redis knows this node's users."""
        self._look()

    def on_rewritten(self, channels: Iterable[str]) -> None:
        """Have the others read who is in `channels`, as soon as anything can be said."""
        self._rewritten.update(channels)
        self._tell()

    def _tell(self) -> None:
        """Say what could not be said while the link was down."""
        if self.up and not self._telling and (self._rewritten or self._unsaid):
            self._telling = True
            self._reactor.call_soon(self._tell_some)

    def _tell_some(self) -> None:
        self._telling = False
        if not self.up:
            return
        for _ in range(min(SAID_AT_ONCE, len(self._unsaid))):
            channel, last = self._unsaid.popitem()
            self._newest.setdefault(channel, last)
            self._say(self.names.channel(channel), [last])
        for _ in range(min(SAID_AT_ONCE, len(self._rewritten))):
            channel = self._rewritten.pop()
            self._say(self.names.channel(channel), [env.Changed(channel)])
        self._tell()

    def on_gone(self, node: str) -> None:
        """We have removed what was kept of `node`."""
        self.told.on_node_gone(node)

    def _look(self) -> None:
        if self.up or not (self.ear.hearing and self._presence.claimed):
            return
        self.up = True
        self._trouble = None
        self._reporter.recovered()
        self.told.on_restored()
        self.rosters.want_all()
        self._tell()

    def _on_down(self, sentence: str) -> None:
        was_up, self.up = self.up, False
        if was_up or sentence != self._trouble:
            self._reporter.trouble(sentence)
        self._trouble = sentence
        if was_up:
            self.told.on_interrupted()
            self.rosters.fail(self._down())

    def _on_roster_failed(self) -> None:
        if self.commands.up:
            self.commands.link.drop("Redis does not tell who is where")

    def _down(self) -> BrokerUnavailable:
        return BrokerUnavailable(self._trouble or "the other nodes cannot be reached")


_OF_A_CHANNEL: Final = frozenset((env.Messages, env.Binary, env.Moved, env.Changed))


def _hello(address: Address, node: str) -> list[tuple[str, ...]]:
    """Return what is said first on a new connection."""
    hello: list[tuple[str, ...]] = []
    if address.password:
        hello.append(("AUTH", *([address.user] if address.user else []), address.password))
    return [*hello, ("CLIENT", "SETNAME", f"wsserver-{node}")]
