"""Who is in a channel is the same on every node: counts, clean leaves, the grace of the lost, nodes that are killed."""

import signal

import pytest

from tests.scenarios.calling import WITH_KEY, call
from tests.scenarios.nodes import Nodes, until

GRACE = ("--set", "presence.leave_grace=400ms", "--set", "presence.lease=2s")


@pytest.fixture(scope="module")
def nodes(redis):
    with Nodes(2, redis, flags=(*GRACE, *WITH_KEY)) as nodes:
        yield nodes


@pytest.fixture
def pair(nodes, connect, room):
    """Ann on the first node and ben on the second, both in the channel."""
    ann = connect(nodes.servers[0], "ann", room)
    ben = connect(nodes.servers[1], "ben", room)
    assert ann.hear("presence", channel=room)["joined"] == ben.hear("presence", channel=room)["joined"] == ["ben"]
    return ann, ben


def names(talker, room):
    answer = talker.ask("presence", channel=room)
    assert answer["count"] == len(answer["users"])
    return set(answer["users"])


def test_a_user_counts_once_on_however_many_nodes(nodes, pair, connect, room):
    ann, ben = pair
    twin = connect(nodes.servers[1])
    joined = twin.join(room, "ann")
    assert (set(joined["users"]), joined["count"]) == ({"ann", "ben"}, 2)
    twin.ask("leave", channel=room)
    assert (names(ann, room), names(ben, room)) == ({"ann", "ben"}, {"ann", "ben"})
    assert ann.is_quiet()
    assert ben.is_quiet()


def test_a_clean_leave_shows_at_once_on_the_other_node(pair, room):
    ann, ben = pair
    ben.ask("leave", channel=room)
    left = ann.hear("presence", channel=room)
    assert (left["left"], left["count"]) == (["ben"], 1)
    assert names(ann, room) == {"ann"}


def test_a_clean_close_is_a_leave(pair, room):
    ann, ben = pair
    ben.close()
    assert ann.hear("presence", channel=room)["left"] == ["ben"]


def test_who_is_lost_has_the_grace_and_may_come_back_on_the_other_node_unannounced(nodes, pair, connect, room):
    ann, ben = pair
    ben.vanish()
    connect(nodes.servers[0], "ben", room)
    assert names(ann, room) == {"ann", "ben"}
    other = connect(nodes.servers[1], "cid", room)
    assert ann.hear("presence", channel=room)["joined"] == ["cid"]
    other.vanish()
    gone = ann.hear("presence", channel=room)
    assert (gone["left"], gone["count"]) == (["cid"], 2)
    assert ann.is_quiet()


def test_lists_of_the_api_are_of_all_nodes(nodes, pair, room):
    for server in nodes.servers:
        assert {"channel": room, "count": 2} in call(server, "channels")[1]["channels"]
        present = call(server, f"channels/{room}/presence")[1]
        assert (set(present["users"]), present["count"]) == ({"ann", "ben"}, 2)
        users = [connection["user"] for connection in call(server, "connections?limit=1000")[1]["connections"]]
        assert {"ann", "ben"} <= set(users)


def test_users_of_a_node_that_was_killed_leave_when_its_lease_is_over(nodes, connect, room):
    ann, ben = connect(nodes.servers[0], "ann", room), connect(nodes.servers[1], "ben", room)
    assert ann.hear("presence", channel=room)["joined"] == ["ben"]
    assert ben.ask("message", channel=room, text="last words")["seq"] == 1
    nodes.servers[1].end("SIGKILL")
    assert names(ann, room) == {"ann", "ben"}
    gone = ann.hear("presence", channel=room)
    assert (gone["left"], gone["count"]) == (["ben"], 1)
    nodes.restart(1)
    until(lambda: nodes.servers[1].get("/readyz")[0] == 200)
    assert connect(nodes.servers[1]).join(room, "cid")["count"] == 2
    assert ann.hear("message")["text"] == "last words"


def test_a_node_that_was_frozen_beyond_its_lease_is_believed_again_when_it_wakes(nodes, connect, room):
    ann, ben = connect(nodes.servers[0], "ann", room), connect(nodes.servers[1], "ben", room)
    assert ann.hear("presence", channel=room)["joined"] == ["ben"]
    nodes.servers[1].signal(signal.SIGSTOP)
    assert ann.hear("presence", channel=room)["left"] == ["ben"]
    assert ann.ask("message", channel=room, text="while you slept")["seq"] == 1
    nodes.servers[1].signal(signal.SIGCONT)
    assert ben.hear("message")["text"] == "while you slept"
    assert ann.hear("presence", channel=room)["joined"] == ["ben"]
    assert names(ann, room) == names(ben, room) == {"ann", "ben"}


def test_users_of_a_node_that_ends_in_order_are_gone_too(nodes, connect, room):
    ann = connect(nodes.servers[0], "ann", room)
    connect(nodes.servers[1], "ben", room)
    ann.hear("presence", channel=room, joined=["ben"])
    assert nodes.servers[1].end("SIGTERM") == 0
    gone = ann.hear("presence", channel=room)
    assert (gone["left"], gone["count"]) == (["ben"], 1)
    nodes.restart(1)
    until(lambda: nodes.servers[1].get("/readyz")[0] == 200)
