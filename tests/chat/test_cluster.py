"""What is said to all, to one, to some: on every node, and counted over all of them."""

import pytest

from tests.chat.cluster_rig import Sea
from wsserver.chat.broker import Count, CountHearers, Incomplete, Kick, ListChannels, SayOnTopic, SayToAll
from wsserver.websocket.codes import BINARY


def test_a_broadcast_reaches_every_client_everywhere() -> None:
    sea = Sea(3)
    clients = [sea.nodes[number % 3].connect(f"u{number}") for number in range(7)]
    for client in clients:
        client.hear()
    clients[0].say("broadcast", text="to all", id=1)
    sea.settle()
    assert [len(client.hear_type("broadcast")) for client in clients[1:]] == [1] * 6
    broadcast, ack = (event for event in clients[0].hear() if event["type"] in ("broadcast", "ack"))
    assert broadcast["user"] == "u0"
    assert (ack["id"], ack["delivered"]) == (1, 7)


def test_a_direct_message_reaches_every_client_of_a_user_wherever_it_is() -> None:
    sea = Sea(3)
    ann = sea.nodes[0].connect("ann")
    bobs = [sea.nodes[number].connect("bob") for number in (0, 1, 1, 2)]
    ann.say("direct", to="bob", text="psst", id=1)
    sea.settle()
    assert [client.hear_type("direct")[0]["text"] for client in bobs] == ["psst"] * 4
    assert ann.hear_type("ack")[0]["delivered"] == 4


def test_nobody_has_the_name_only_if_nobody_has_it_anywhere() -> None:
    sea = Sea(2)
    ann = sea.nodes[0].connect("ann")
    sea.nodes[1].connect("bob")
    ann.say("direct", to="bob", text="x", id=1)
    ann.say("direct", to="nobody", text="x", id=2)
    ann.say("direct", to="nobody", text="x")
    sea.settle()
    events = [event for event in ann.hear() if event["type"] in ("ack", "error")]
    assert [(event["type"], event.get("id")) for event in events] == [("ack", 1), ("error", 2), ("error", None)]
    assert {event["code"] for event in events if event["type"] == "error"} == {"no_such_user"}


def test_without_the_other_nodes_a_direct_message_reaches_who_is_here_and_says_when_nobody_knows() -> None:
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[0].connect("bob")
    sea.brokers[0].interrupt()
    ann.say("direct", to="bob", text="x", id=1)
    ann.say("direct", to="cat", text="x", id=2)
    ann.say("broadcast", text="x", id=3)
    sea.settle()
    events = [event for event in ann.hear() if event["type"] in ("ack", "error")]
    assert [(event["type"], event["id"]) for event in events] == [("ack", 1), ("error", 2), ("ack", 3)]
    assert (events[1]["code"], events[1]["retry"]) == ("broker_unavailable", True)
    assert events[2]["delivered"] == 2
    assert len(bob.hear_type("direct")) == 1


def test_nobody_is_said_not_to_be_there_while_a_node_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    sea = Sea(2)
    ann = sea.nodes[0].connect("ann")
    monkeypatch.setattr(sea.brokers[0], "ask", lambda _, done: done(Incomplete([0])))
    ann.say("direct", to="bob", text="x", id=1)
    ann.say("multicast", to=["bob", "ann"], text="x", id=2)
    sea.settle()
    events = {event["type"]: event for event in ann.hear()}
    assert events["error"]["code"] == "broker_unavailable"
    assert events["ack"]["delivered"] == 1


def test_a_multicast_reaches_some_users_everywhere() -> None:
    sea = Sea(2)
    ann, bob, cat = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob"), sea.nodes[1].connect("cat")
    ann.say("multicast", to=["ann", "bob", "nobody"], text="x", id=1)
    sea.settle()
    assert ann.hear_type("ack")[0]["delivered"] == 2
    assert len(bob.hear_type("multicast")) == 1
    assert cat.hear_type("multicast") == []


def test_a_topic_has_subscribers_on_every_node() -> None:
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    bob.say("subscribe", topic="news.*")
    ann.say("publish", topic="news.today", data={"a": [1, None]}, id=1)
    sea.settle()
    (event,) = bob.hear_type("event")
    assert (event["topic"], event["data"], event["user"]) == ("news.today", {"a": [1, None]}, "ann")
    assert ann.hear_type("ack")[0]["delivered"] == 1


def test_a_binary_message_goes_by_the_name_of_the_channel_for_numbers_differ() -> None:
    sea = Sea(2)
    sea.nodes[1].connect("other", "den")
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    numbers = [node.router.channels.find("lobby").cid for node in sea.nodes]  # type: ignore[union-attr]
    assert numbers[0] != numbers[1]
    ann.raw(numbers[0].to_bytes(4, "big") + b"\x00\xff", BINARY)
    sea.settle()
    assert ann.hear_binary() == [numbers[0].to_bytes(4, "big") + b"\x00\xff"]
    assert bob.hear_binary() == [numbers[1].to_bytes(4, "big") + b"\x00\xff"]


def test_stats_and_channels_are_those_of_all_nodes() -> None:
    sea = Sea(2)
    ann, _, _ = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob"), sea.nodes[1].connect("cat", "den")
    ann.say("request", method="stats", id=1)
    ann.say("request", method="channels", id=2)
    sea.settle()
    stats, channels = ann.hear_type("response")
    assert stats["id"] == 1
    assert [stats["result"][name] for name in ("clients", "users", "channels")] == [3, 3, 2]
    assert channels["result"] == {
        "channels": [{"channel": "lobby", "count": 2}, {"channel": "den", "count": 1}], "more": 0,
    }  # fmt: skip


def test_a_question_does_on_a_node_what_it_says_for_its_own_clients() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    ann = node.connect("ann")
    ann.say("subscribe", topic="t")
    cluster = node.router.cluster
    assert cluster is not None
    assert cluster.answer(CountHearers("lobby")) == 1
    assert cluster.answer(CountHearers("nowhere")) == 0
    assert cluster.answer(Count())["clients"] == 1
    assert cluster.answer(ListChannels()) == [("lobby", 1)]
    assert cluster.answer(SayOnTopic("eve", "t", 1, 0)) == 1
    assert cluster.answer(Kick("ann", "bye")) == 1
    assert ann.peer.closed == (4503, "bye")
    assert cluster.answer(object()) == 0  # type: ignore[arg-type]


def test_what_this_node_cannot_do_reaches_nobody_and_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    sea = Sea(1)
    ann = sea.nodes[0].connect("ann")
    cluster = sea.nodes[0].router.cluster
    assert cluster is not None
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    ann.say("subscribe", topic="t")
    ann.hear()
    assert cluster.answer(SayOnTopic("eve", "t", deep, 0)) == 0
    assert cluster.answer(SayToAll("eve", "x", 0)) == 1
    assert [event["type"] for event in ann.hear()] == ["broadcast"]
    cluster.answer_with(Count, lambda _: 1 / 0)
    assert cluster.answer(Count()) == 0
    assert "ZeroDivisionError" in caplog.text


def test_a_member_that_is_still_catching_up_is_given_the_new_start_too() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    ann = node.connect("ann")
    for number in range(700):
        ann.say("message", channel="lobby", text="x" * 1000, id=number)
        if number % 50 == 49:
            sea.settle()
    epoch = sea.store.head("lobby").epoch
    bob = node.connect()
    bob.say("join", channel="lobby", user="bob", since=0, epoch=epoch)
    sea.settle()
    sea.settle()
    assert len(node.copy().channel.catching_up) == 1
    sea.store.release("lobby")
    node.copy().looked_at = -100.0  # long ago
    sea.brokers[0].known.on_restored()
    sea.advance(3)
    joined = bob.hear_type("joined")
    assert [event["recovered"] for event in joined] == [True, False]
    assert len(node.copy().channel.catching_up) == 0
    ann.say("message", channel="lobby", text="on")
    sea.settle()
    assert [event["seq"] for event in bob.hear_type("message")] == [1]
