"""Who is where, by what workers tell."""

from wsserver.brokers.hub_rosters import HubRosters
from wsserver.chat.broker import Move


def test_roster_of_a_channel_leaves_out_who_asks_and_who_went():
    rosters = HubRosters()
    for node, user in (("n1", "ann"), ("n1", "bob"), ("n2", "ann"), ("n3", "cid"), ("n3", "dan")):
        rosters.move(node, "a", user, Move.ENTER)
    rosters.move("n1", "b", "eve", Move.ENTER)
    rosters.move("n3", "a", "cid", Move.LEAVE)
    rosters.move("n1", "a", "bob", Move.LOSE)
    assert rosters.of("a", but="n2") == {"n1": ["ann"], "n3": ["dan"]}
    assert rosters.of("b", but="n1") == {}


def test_who_was_not_there_may_leave():
    rosters = HubRosters()
    rosters.move("n1", "a", "ann", Move.LEAVE)
    assert rosters.of("a", but="") == {}


def test_dropped_node_is_nowhere_and_nothing_is_left_of_those_who_went():
    rosters = HubRosters()
    rosters.move("n1", "a", "ann", Move.ENTER)
    rosters.move("n1", "b", "ann", Move.ENTER)
    rosters.move("n2", "a", "bob", Move.ENTER)
    assert list(rosters.drop("n1")) == [("a", "ann"), ("b", "ann")]
    assert list(rosters.drop("n1")) == []
    rosters.move("n2", "a", "bob", Move.LOSE)
    assert rosters._users == {}
