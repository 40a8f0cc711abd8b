"""The broker behind its breaker, over one that fails when it is told to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.stores.rig import FakeEngine
from wsserver.brokers.guarded import GuardedBroker
from wsserver.chat.broker import Answers, Asked, Broker, BrokerUnavailable, Count, ListChannels, Move, Node
from wsserver.chat.vocabulary import MessageEvent
from wsserver.resilience.backoff import Backoff
from wsserver.resilience.breaker import FAILURES, Breaker, State

DOWN = BrokerUnavailable("no link")
HELLO = MessageEvent("lobby", 1, "ann", "hello", 1)


class FakeBroker:
    """Writes down what it is told, and answers by `fails`."""

    node = "me"
    trouble: str | None = None

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.fails = False
        self.chat: Node | None = None

    def attach(self, node: Node) -> None:
        self.chat = node

    def open(self, channel: str, done: Callable[[BrokerUnavailable | None], None]) -> None:
        self.told.append(("open", channel))
        done(DOWN if self.fails else None)

    def close(self, channel: str) -> None:
        self.told.append(("close", channel))

    def announce(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        self.told.append(("announce", channel, epoch, len(messages)))

    def relay(self, channel: str, payload: bytes) -> None:
        self.told.append(("relay", channel, payload))

    def presence(self, channel: str, user: str, move: Move) -> None:
        self.told.append(("presence", channel, user, move))

    def ask(self, question: Asked, done: Answers) -> None:
        self.told.append(("ask", question))
        done(DOWN if self.fails else [1])

    def close_all(self) -> None:
        self.told.append(("close_all",))


class FakeNode:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def on_announced(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        self.heard.append(("announced", channel, epoch, len(messages)))

    def on_relayed(self, channel: str, payload: bytes) -> None:
        self.heard.append(("relayed", channel, payload))

    def on_presence(self, node: str, channel: str, user: str, move: Move) -> None:
        self.heard.append(("presence", node, channel, user, move))

    def on_roster(self, channel: str, users: Mapping[str, Sequence[str]]) -> None:
        self.heard.append(("roster", channel, users))

    def on_node_gone(self, node: str) -> None:
        self.heard.append(("gone", node))

    def on_interrupted(self) -> None:
        self.heard.append(("interrupted",))

    def on_restored(self) -> None:
        self.heard.append(("restored",))

    def answer(self, question: Asked) -> Any:
        return question


class Rig:
    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.behind = FakeBroker()
        self.chat = FakeNode()
        self.changes: list[State] = []
        breaker = Breaker(Backoff(1, 30, lambda _low, high: high))
        self.broker = GuardedBroker(
            self.behind, breaker, self.engine, lambda _before, now, _cause: self.changes.append(now)
        )
        self.broker.attach(self.chat)
        self.heard: list[Any] = []

    def break_it(self) -> None:
        self.behind.fails = True
        for _ in range(FAILURES):
            self.broker.ask(ListChannels(), self.heard.append)
        self.heard.clear()
        self.behind.told.clear()


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_it_passes_on_both_ways_and_counts(rig: Rig) -> None:
    broker: Broker = rig.broker
    broker.open("lobby", rig.heard.append)
    broker.announce("lobby", "e", [HELLO, HELLO])
    broker.relay("lobby", b"x")
    broker.presence("lobby", "ann", Move.ENTER)
    broker.ask(Count(), rig.heard.append)
    broker.close("lobby")
    broker.close_all()
    assert [told[0] for told in rig.behind.told] == [
        *("open", "announce", "relay", "presence", "ask", "close", "close_all")
    ]
    assert rig.heard == [None, [1]]
    chat = rig.behind.chat
    assert chat is not None
    chat.on_announced("lobby", "e", [HELLO])
    chat.on_relayed("lobby", b"y")
    chat.on_presence("other", "lobby", "bob", Move.LEAVE)
    chat.on_roster("lobby", {"other": ["bob"]})
    chat.on_node_gone("other")
    chat.on_interrupted()
    chat.on_restored()
    assert chat.answer(Count()) == Count()
    assert [heard[0] for heard in rig.chat.heard] == [
        *("announced", "relayed", "presence", "roster", "gone", "interrupted", "restored")
    ]
    assert rig.broker.counts == {"received": 2, "sent": 3, "dropped": 0, "interrupted": 1, "garbled": 0}
    assert (broker.node, broker.trouble) == ("me", None)


def test_while_it_is_open_questions_are_refused_at_once_with_the_reason(rig: Rig) -> None:
    rig.break_it()
    rig.broker.ask(Count(), rig.heard.append)
    [error] = rig.heard
    assert isinstance(error, BrokerUnavailable)
    assert str(error) == rig.broker.trouble == "no link; it is tried again in 1 s"
    assert rig.behind.told == []
    assert rig.broker.refused == 1


def test_what_is_said_while_it_is_open_is_counted_as_dropped(rig: Rig) -> None:
    rig.break_it()
    rig.broker.announce("lobby", "e", [HELLO, HELLO])
    rig.broker.relay("lobby", b"x")
    assert rig.behind.told == [("announce", "lobby", "e", 2)]  # it may tell later that something was said
    assert rig.broker.counts["dropped"] == 3
    assert rig.broker.counts["sent"] == 0


def test_while_it_is_open_the_broker_behind_learns_who_is_where(rig: Rig) -> None:
    rig.break_it()
    rig.broker.open("lobby", rig.heard.append)
    rig.broker.presence("lobby", "ann", Move.ENTER)
    rig.broker.close("other")
    assert [told[0] for told in rig.behind.told] == ["open", "presence", "close"]
    assert rig.heard == [DOWN]


def test_a_channel_that_can_be_opened_is_a_sign_that_it_works_again(rig: Rig) -> None:
    rig.break_it()
    rig.behind.fails = False
    rig.broker.open("lobby", rig.heard.append)
    assert rig.heard == [None]
    assert rig.broker.trouble is None


def test_it_tries_by_itself_and_closes_when_somebody_answers(rig: Rig) -> None:
    rig.break_it()
    rig.engine.advance(1)
    assert rig.changes == [State.OPEN, State.HALF_OPEN, State.OPEN]
    rig.behind.fails = False
    rig.engine.advance(2)
    assert rig.changes[3:] == [State.HALF_OPEN, State.CLOSED]
    assert rig.behind.told == [("ask", Count()), ("ask", Count())]


def test_when_the_link_is_back_it_does_not_wait_for_its_pause_to_end(rig: Rig) -> None:
    rig.break_it()
    rig.engine.advance(8)  # the pause is 8 s by now
    assert rig.behind.chat is not None
    rig.behind.chat.on_interrupted()
    rig.behind.fails = False
    rig.behind.chat.on_restored()
    assert rig.broker.trouble is None
    rig.broker.announce("lobby", "e", [HELLO])
    assert rig.behind.told[-1] == ("announce", "lobby", "e", 1)
    assert rig.chat.heard == [("interrupted",), ("restored",)]


def test_a_channel_that_cannot_be_opened_is_a_failure(rig: Rig) -> None:
    rig.behind.fails = True
    for number in range(FAILURES):
        rig.broker.open(f"room-{number}", rig.heard.append)
    assert rig.changes == [State.OPEN]


def test_after_its_end_it_tries_nothing(rig: Rig) -> None:
    rig.break_it()
    rig.broker.close_all()
    rig.engine.advance(60)
    assert rig.behind.told == [("close_all",)]
