"""When it is read who is in a channel elsewhere, and what is told then."""

import pytest

from tests.brokers.redis_rig import FakeNode
from tests.reactor.fakes import fake_reactor, turn
from wsserver.brokers import redis_rosters
from wsserver.brokers.redis_rosters import Rosters
from wsserver.chat.broker import BrokerUnavailable, Move


class Desk:
    def __init__(self):
        self.reactor = fake_reactor()
        self.asked = []  # (channels, done)
        self.failed = []
        self.rosters = Rosters(self.reactor, lambda *asked: self.asked.append(asked), lambda: self.failed.append(1))
        self.node = FakeNode("n")
        self.rosters.attach(self.node)

    def turn(self):
        turn(self.reactor)


@pytest.fixture
def desk():
    desk = Desk()
    yield desk
    desk.reactor.close()


def test_a_channel_is_open_when_its_roster_is_there(desk):
    told = []
    desk.rosters.open("c", told.append, None)
    desk.rosters.want("c")
    desk.turn()
    [(channels, done)] = desk.asked
    assert channels == ["c"] and told == []
    done("c", {"n2": ["ann"]})
    assert told == [None] and desk.node.users_in() == ["ann"]


def test_only_the_last_of_several_readings_counts_and_moves_are_told_again_behind_it(desk):
    desk.rosters.open("c", lambda _trouble: None, None)
    for _ in range(2):
        desk.rosters.want("c")
        desk.turn()
    desk.rosters.on_moved("n2", "c", "bob", Move.ENTER)
    desk.asked[0][1]("c", {})
    assert desk.node.users_in() == ["bob"]
    desk.asked[1][1]("c", {"n2": ["ann"]})
    assert desk.node.users_in() == ["ann", "bob"]


def test_a_loss_tells_those_who_wait_and_what_was_asked_before_it_is_nothing(desk):
    told = []
    desk.rosters.open("c", told.append, None)
    desk.rosters.want("c")
    desk.turn()
    desk.rosters.fail(BrokerUnavailable("gone"))
    desk.asked[0][1]("c", {"n2": ["ann"]})
    assert [str(one) for one in told] == ["gone"] and desk.node.users_in() == []
    desk.rosters.want_all()
    desk.turn()
    desk.asked[1][1]("c", {"n2": ["bob"]})
    assert len(told) == 1 and desk.node.users_in() == ["bob"]


def test_a_channel_that_was_closed_is_told_nothing(desk):
    desk.rosters.open("c", lambda _trouble: None, None)
    desk.rosters.want("c")
    desk.turn()
    desk.rosters.close("c")
    desk.asked[0][1]("c", {"n2": ["ann"]})
    desk.rosters.want("c")
    desk.turn()
    assert desk.node.heard == [] and len(desk.asked) == 1 and len(desk.rosters) == 0


def test_many_are_read_in_portions(desk, monkeypatch):
    monkeypatch.setattr(redis_rosters, "READ_AT_ONCE", 2)
    for channel in "abcde":
        desk.rosters.open(channel, lambda _trouble: None, None)
    desk.rosters.want_all()
    for _ in range(4):
        desk.turn()
    assert [channels for channels, _ in desk.asked] == [["a", "b"]]
    desk.asked[0][1]("a", {})
    desk.turn()
    desk.asked[0][1]("b", {})
    desk.asked[1][1]("c", {})
    desk.turn()
    assert [channels for channels, _ in desk.asked] == [["a", "b"], ["c"], ["d", "e"]]


def test_what_was_on_its_way_when_the_link_broke_holds_nothing_up(desk, monkeypatch):
    monkeypatch.setattr(redis_rosters, "READ_AT_ONCE", 1)
    desk.rosters.open("a", lambda _trouble: None, None)
    desk.rosters.want("a")
    desk.turn()
    desk.rosters.fail(BrokerUnavailable("down"))
    desk.rosters.want("a")
    desk.turn()
    desk.asked[0][1]("a", {"n2": ["old"]})
    desk.asked[1][1]("a", {"n2": ["ann"]})
    assert desk.node.users_in("a") == ["ann"]
    desk.rosters.want("a")
    desk.turn()
    assert len(desk.asked) == 3


def test_a_roster_that_cannot_be_read_is_reported(desk):
    desk.rosters.open("c", lambda _trouble: None, None)
    desk.rosters.want("c")
    desk.turn()
    desk.asked[0][1]("c", ValueError("no list"))
    assert desk.failed == [1]
