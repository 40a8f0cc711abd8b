"""What was said into a link that was broken is said again."""

import pytest

from tests.chat.cluster_rig import Sea
from wsserver.chat import told as module
from wsserver.chat.told import DOUBT_S, Told
from wsserver.chat.vocabulary import MessageEvent


def message(channel: str, seq: int, text: str = "x") -> MessageEvent:
    return MessageEvent(channel, seq, "ann", text, 0)


def test_what_one_node_said_while_it_alone_was_cut_off_is_heard_when_it_is_back() -> None:
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.brokers[0].interrupt()
    for number in range(5):
        ann.say("message", channel="lobby", text=str(number))
        sea.settle()
    sea.nodes[0].router.posting.post("den", "server", "not open here", None, lambda _: None)
    sea.advance(60)
    assert bob.hear_type("message") == []
    sea.brokers[0].restore()
    sea.advance(0.1)
    assert [event["text"] for event in bob.hear_type("message")] == list("01234")


def test_what_was_said_shortly_before_the_cut_was_noticed_is_said_again_too() -> None:
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.mute = True
    ann.say("message", channel="lobby", text="into the dark")
    sea.advance(10)
    sea.mute = False
    sea.brokers[0].interrupt()
    sea.brokers[0].restore()
    sea.advance(0.1)
    assert [event["text"] for event in bob.hear_type("message")] == ["into the dark"]


def test_a_log_that_announces_by_itself_needs_none_of_this() -> None:
    sea = Sea(2, announces=True)
    ann = sea.nodes[0].connect("ann")
    ann.say("message", channel="lobby", text="x")
    sea.settle()
    assert len(sea.nodes[0].replicas.told) == 0


def test_what_was_said_long_ago_is_forgotten_while_the_link_holds() -> None:
    sea = Sea(2)
    told = sea.nodes[0].replicas.told
    told.announce("a", "e", [message("a", 1)])
    sea.advance(DOUBT_S - 1)
    told.announce("b", "e", [message("b", 1), message("b", 2)])
    assert len(told) == 2
    sea.advance(2)
    told.announce("b", "e", [message("b", 3)])
    assert len(told) == 1
    sea.brokers[0].interrupt()
    sea.advance(100)
    told.announce("c", "e", [message("c", 1)])
    assert len(told) == 2


def test_it_is_bounded_in_number_and_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOLD", 3)
    monkeypatch.setattr(module, "TOLD_CHARS", 1000)
    sea = Sea(1)
    told = Told(sea.world, sea.brokers[0])
    for name in "abcde":
        told.announce(name, "e", [message(name, 1)])
    assert list(told._recent) == ["c", "d", "e"]
    told.announce("d", "e", [message("d", 2, "x" * 999)])
    assert list(told._recent) == ["e", "d"]
    told.announce("e", "e", [message("e", 2, "xx")])
    assert list(told._recent) == ["e"]
    assert told._size == 2


def test_very_much_is_said_again_a_little_at_a_time() -> None:
    sea = Sea(1)
    said: list[str] = []
    sea.brokers[0].announce = lambda channel, _epoch, _messages: said.append(channel)  # type: ignore[method-assign]
    told = Told(sea.world, sea.brokers[0])
    for number in range(120):
        told.announce(f"room{number}", "e", [message("x", 1)])
    said.clear()
    told.tell_again()
    assert len(said) == 50
    sea.advance(1)
    assert said == [f"room{number}" for number in range(120)]
