"""What is listened to, and what was confirmed."""

import hiredis
import pytest

from tests.reactor.fakes import fake_reactor, turn
from wsserver.brokers import redis_ear
from wsserver.brokers.redis_ear import Ear


class FakeLink:
    def __init__(self):
        self.up = True
        self.sent = []

    def send(self, *command):
        self.sent.append(command)

    def drop(self, sentence):
        self.sent.append(sentence)


class Hearer:
    def __init__(self):
        self.heard = []

    def on_hearing(self):
        self.heard.append("hearing")

    def on_deaf(self, sentence):
        self.heard.append(sentence)

    def on_subscribed(self, name):
        self.heard.append(name)

    def on_said(self, name, payload):
        self.heard.append((name, payload))


@pytest.fixture
def ear():
    reactor = fake_reactor()
    ear = Ear(reactor, Hearer())
    ear.link = FakeLink()
    ear.heard = ear._hearer.heard
    ear.turn = lambda: turn(reactor)
    yield ear
    reactor.close()


def confirm(ear, name, kind=b"subscribe"):
    ear.on_reply([kind, name.encode(), 1])


def test_what_a_turn_wants_is_one_command_and_only_the_end_of_the_turn_counts(ear):
    for name in ("a", "b", "c"):
        ear.subscribe(name)
    ear.unsubscribe("b")
    ear.turn()
    assert ear.link.sent == [("SUBSCRIBE", "a", "c"), ("UNSUBSCRIBE", "b")]


def test_many_names_are_several_commands(ear, monkeypatch):
    monkeypatch.setattr(redis_ear, "NAMES_AT_ONCE", 2)
    for name in "abcde":
        ear.subscribe(name)
    ear.turn()
    assert [len(command) - 1 for command in ear.link.sent] == [2, 2, 1]


def test_the_last_confirmation_of_all_makes_it_hear(ear):
    ear.subscribe("a")
    ear.subscribe("b")
    ear.turn()
    confirm(ear, "a")
    assert ear.heard == ["a"] and not ear.hearing
    confirm(ear, "b")
    assert ear.heard == ["a", "b", "hearing"] and ear.hearing


def test_a_name_that_was_given_up_and_wanted_again_waits_for_the_last_confirmation(ear):
    for change in (ear.subscribe, ear.unsubscribe, ear.subscribe):
        change("a")
        ear.turn()
    confirm(ear, "a")
    confirm(ear, "a", b"unsubscribe")
    assert ear.heard == []
    confirm(ear, "a")
    assert ear.heard == ["a", "hearing"]


def test_after_a_loss_everything_wanted_is_subscribed_to_again(ear):
    ear.subscribe("a")
    ear.turn()
    ear.link.up = False
    ear.on_down("gone")
    ear.subscribe("b")
    ear.turn()
    ear.link.up, ear.link.sent = True, []
    ear.on_up()
    assert ear.link.sent == [("SUBSCRIBE", "a", "b")]
    assert ear.heard == ["gone"]


def test_messages_and_pongs_are_taken_and_anything_else_ends_the_connection(ear):
    ear.on_reply([b"message", b"a", b"\x00"])
    ear.on_reply(b"PONG")
    ear.on_reply([b"pong", b""])
    assert ear.heard == [("a", b"\x00")] and ear.link.sent == []
    for reply in ([b"message", b"a"], b"OK", 5, None, [b"message", b"a", 5], hiredis.ReplyError("NOPERM no")):
        ear.on_reply(reply)
    assert len(ear.link.sent) == 6 and all(type(sentence) is str for sentence in ear.link.sent)
