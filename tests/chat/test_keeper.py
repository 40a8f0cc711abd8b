"""Order among nodes: whatever is lost, doubled, late or cut, a member hears each message once, in the log's order."""

from random import Random
from typing import Any

import pytest

from tests.chat.cluster_rig import Sea
from tests.chat.storm import CHANNELS, Member, Stranger, calm, storm, truth
from wsserver.chat.tails import Tails


@pytest.mark.parametrize("announces", [True, False], ids=["log-announces", "chat-announces"])
@pytest.mark.parametrize("seed", range(12))
def test_each_member_hears_each_message_once_and_in_order_whatever_happens(seed: int, announces: bool) -> None:
    sea = Sea(3, seed, announces=announces)
    if seed % 2:
        for node in sea.nodes:
            node.replicas.keeper.tails = Tails(2000)  # so little that most has to be read
    random = Random(seed)
    members = [Member(sea.nodes[number % 3], f"user{number}") for number in range(6)]
    for member in members:
        for channel in CHANNELS:
            member.join(channel)
    calm(sea)
    sea.wild = True
    storm(sea, members, random, 300)
    calm(sea)
    stored = truth(sea)
    for member in members:
        member.read(stored)
        for channel, seq in member.seq.items():
            assert seq == len(stored[channel]), f"{member.user} missed the end of {channel}"
        assert member.asked == {}, "somebody waits for an answer"
        assert member.client.peer.closed is None
    for channel in CHANNELS:
        here = {member.user for member in members if channel in member.seq}
        for node in sea.nodes:
            found = node.router.channels.find(channel)
            if found is not None and found.held:
                assert set(found.roster.first_names(100).names) == here
    for member in members:
        member.client.gone(1000)
    sea.advance(100)
    for node in sea.nodes:
        assert len(node.replicas.copies) == 0
        assert len(node.router._waiting) == 0
        assert len(node.replicas._errands) == 0
        assert node.replicas._reading == 0
        assert node.router.cluster is not None
        assert len(node.router.cluster.neighbours) == 0
        assert node.broker.channels == set()
        assert len(node.router.channels) == 0
    assert sea.world.armed() == []


@pytest.mark.parametrize("history", [10_000, 20, 0])
@pytest.mark.parametrize("seed", range(4))
def test_a_log_that_becomes_another_one_now_and_then_ends_in_the_same_place_for_everybody(
    seed: int, history: int
) -> None:
    sea = Sea(3, seed, history=history, announces=seed % 2 == 0)
    random = Random(seed)
    members = [Stranger(sea.nodes[number % 3], f"user{number}") for number in range(6)]
    for member in members:
        for channel in CHANNELS:
            member.join(channel)
    sea.advance(1)
    for _ in range(8):
        storm(sea, [*members], random, 30)
        channel = random.choice(CHANNELS)
        lost = sea.store.head(channel).epoch
        sea.store.release(channel)
        assert sea.store.head(channel).epoch != lost
    calm(sea)
    for member in members:
        member.read({})
        assert member.asked == {}
        for channel, seq in member.seq.items():
            head = sea.store.head(channel)
            assert (member.epochs[channel], seq) == (head.epoch, head.seq)
        for (channel, epoch, seq), text in member.texts.items():
            if epoch == sea.store.head(channel).epoch and history == 10_000:
                assert sea.store.after(channel, seq - 1, 1)[0].text == text
    assert sum(member.starts for member in members) > 0


def test_a_gap_is_read_when_nobody_closes_it() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.mute = True
    for number in range(5):
        ann.say("message", channel="lobby", text=str(number))
        sea.settle()
    assert bob.hear_type("message") == []
    sea.mute = False
    ann.say("message", channel="lobby", text="5")
    sea.settle()
    assert bob.hear_type("message") == []
    sea.advance(0.05)
    assert [event["seq"] for event in bob.hear_type("message")] == [1, 2, 3, 4, 5, 6]
    assert sea.nodes[1].log.asked[-1] == ("read", "lobby", 1, 5)
    assert sea.nodes[1].replicas.keeper.gaps_filled == 1


def test_a_link_that_is_back_makes_a_node_look_for_what_it_missed() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.brokers[1].interrupt()
    for number in range(700):
        ann.say("message", channel="lobby", text=str(number))
    sea.advance(1)
    assert bob.hear_type("message") == []
    sea.brokers[1].restore()
    sea.advance(2)
    assert [event["seq"] for event in bob.hear_type("message")] == list(range(1, 701))


def test_a_link_that_is_back_does_not_make_a_node_look_at_everything_in_one_moment() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    ann = node.connect()
    for number in range(1000):
        ann.say("join", channel=f"room{number}", user="ann")
        if number % 100 == 99:
            sea.advance(0.05)
            ann = node.connect()
    sea.advance(5)
    node.log.asked.clear()
    node.broker.interrupt()
    node.broker.restore()
    sea.advance(0.02)
    assert 50 <= len(node.log.asked) <= 300
    sea.advance(2)
    assert len(node.log.asked) == len(node.replicas.copies) == 1000


def test_the_tails_of_channels_are_counted_and_let_go_with_them() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    ann = node.connect("ann")
    for number in range(400):
        ann.say("message", channel="lobby", text=str(number))
    sea.settle()
    assert node.replicas.keeper.tails.size == node.copy().replica.size > 0
    ann.gone(1000)
    sea.advance(40)
    assert (node.replicas.keeper.tails.size, len(node.replicas.keeper.tails)) == (0, 0)


def test_an_ack_waits_for_the_messages_of_others_that_come_first() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.mute = True
    ann.say("message", channel="lobby", text="first")
    sea.settle()
    bob.say("message", channel="lobby", text="second", id=1)
    sea.settle()
    assert bob.hear() == []
    sea.advance(0.05)
    assert [(event["type"], event["seq"]) for event in bob.hear()] == [("message", 1), ("message", 2), ("ack", 2)]


def test_an_ack_waits_a_second_at_most() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.mute = True
    ann.say("message", channel="lobby", text="first")
    sea.settle()
    bob.say("message", channel="lobby", text="second", id=1)
    sea.settle()
    sea.nodes[1].log.trouble = "down"
    sea.advance(0.9)
    assert [event["type"] for event in bob.hear()] == ["presence"]
    sea.advance(0.2)
    assert [(event["type"], event["seq"]) for event in bob.hear()] == [("ack", 2)]
    sea.nodes[1].log.trouble = None
    sea.advance(6)
    assert [(event["type"], event["seq"]) for event in bob.hear()] == [("message", 1), ("message", 2)]


def test_who_leaves_behind_a_message_hears_it_first() -> None:
    sea = Sea()
    bob = sea.nodes[1].connect("bob")
    bob.say("message", channel="lobby", text="bye", id=1)
    bob.say("leave", channel="lobby", id=2)
    sea.settle()
    assert [event["type"] for event in bob.hear()] == ["message", "ack", "left"]


def test_a_log_that_is_another_one_gives_every_member_a_new_start(caplog: pytest.LogCaptureFixture) -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    ann.say("message", channel="lobby", text="old")
    sea.settle()
    old = sea.store.head("lobby").epoch
    ann.hear(), bob.hear()
    sea.store.release("lobby")
    ann.say("message", channel="lobby", text="new", id=7)
    sea.advance(3)
    for client in (ann, bob):
        events = client.hear()
        joined = next(event for event in events if event["type"] == "joined")
        assert joined["epoch"] != old
        assert joined["recovered"] is False
        assert "id" not in joined
        assert [message["text"] for message in joined["messages"]] == ["new"]
        assert sorted(joined["users"]) == ["ann", "bob"]
    ann.say("message", channel="lobby", text="on")
    sea.settle()
    assert [event["seq"] for event in bob.hear_type("message")] == [2]
    assert [node.replicas.keeper.new_starts for node in sea.nodes] == [1, 1]
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "lobby" in caplog.text


def test_what_nobody_keeps_cannot_be_read_so_a_hole_in_it_is_a_new_start() -> None:
    sea = Sea(history=0)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.mute = True
    ann.say("message", channel="lobby", text="lost")
    sea.settle()
    sea.mute = False
    ann.say("message", channel="lobby", text="heard")
    sea.advance(3)
    (event,) = bob.hear_type("joined")
    assert (event["type"], event["seq"], event["messages"], event["recovered"]) == ("joined", 2, [], False)
    ann.say("message", channel="lobby", text="next")
    sea.settle()
    assert [event["seq"] for event in bob.hear_type("message")] == [3]


def test_a_node_that_says_what_the_log_does_not_say_is_not_believed() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    ann.say("message", channel="lobby", text="true")
    sea.settle()
    assert bob.hear_type("message")
    message = sea.store.after("lobby", 0, 1)[0]
    sea.brokers[1].known.on_announced("lobby", "", [type(message)("lobby", 1, "eve", "false", 0)])
    sea.brokers[1].known.on_announced("lobby", "another", [type(message)("lobby", 1, "eve", "false", 0)])
    sea.advance(3)
    assert [event["type"] for event in bob.hear()] == ["presence"]
    assert sea.nodes[1].replicas.keeper.new_starts == 0
    assert [question[0] for question in sea.nodes[1].log.asked].count("glance") == 2, "one look for both"


def test_a_message_that_was_announced_and_is_not_in_the_log_holds_nobody_up() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    ann.say("message", channel="lobby", text="1")
    sea.settle()
    message = sea.store.after("lobby", 0, 1)[0]
    sea.brokers[1].known.on_announced("lobby", "", [type(message)("lobby", 9, "eve", "false", 0)])
    sea.advance(3)
    ann.say("message", channel="lobby", text="2")
    sea.settle()
    assert [event["seq"] for event in bob.hear_type("message")] == [1, 2]


def test_a_log_that_refuses_a_batch_refuses_its_senders_alone() -> None:
    sea = Sea()
    ann = sea.nodes[0].connect("ann")
    sea.nodes[0].log.trouble = "down"
    ann.say("message", channel="lobby", text="x", id=1)
    sea.settle()
    (error,) = ann.hear()
    assert (error["code"], error["id"]) == ("store_unavailable", 1)
    assert ann.peer.closed is None


def test_a_stored_message_that_no_member_can_be_told_fails_loudly_and_keeps_no_other_channel_waiting() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    ann, bob = node.connect("ann", "one"), node.connect("bob", "two")

    class Broken:
        def hear(self, messages: object) -> None:
            raise RuntimeError("broken")

        def begin_anew(self, head: object) -> None: ...

    channel = node.router.channels.find("one")
    assert channel is not None
    channel.listener = Broken()
    ann.say("message", channel="one", text="x", id=1)
    bob.say("message", channel="two", text="y", id=2)
    with pytest.raises(RuntimeError):
        sea.settle()
    sea.settle()
    assert [event["type"] for event in bob.hear()] == ["message", "ack"]
    assert [event["type"] for event in ann.hear()] == ["message", "ack"]


def come_from_elsewhere(sea: Sea, since: int, wait_s: float = 3.0) -> dict[str, Any]:
    """Join at the second node with what was seen at the first."""
    client = sea.nodes[1].connect()
    client.say("join", channel="lobby", user="cat", since=since, epoch=sea.store.head("lobby").epoch, id=1)
    sea.advance(wait_s)
    [answer] = [event for event in client.hear() if event.get("id") == 1]
    return answer


@pytest.fixture
def behind() -> Sea:
    """The second node, where bob is, has not heard of five messages of the first."""
    sea = Sea()
    ann, _bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.brokers[1].interrupt()
    for number in range(5):
        ann.say("message", channel="lobby", text=str(number))
    sea.settle()
    assert sea.nodes[1].copy().replica.seq == 0
    return sea


@pytest.mark.parametrize("since", [3, 5])
def test_who_has_seen_more_elsewhere_recovers_and_everybody_here_gets_it(behind: Sea, since: int) -> None:
    answer = come_from_elsewhere(behind, since)
    assert answer["recovered"] is True
    assert [message["seq"] for message in answer["messages"]] == list(range(since + 1, 6))
    assert behind.nodes[1].copy().replica.seq == 5
    assert len(behind.nodes[1].copy().sought) == 0


def test_who_has_seen_what_never_was_is_given_the_newest(behind: Sea) -> None:
    answer = come_from_elsewhere(behind, 6)
    assert (answer["recovered"], answer["seq"]) == (False, 5)


def test_what_somebody_has_seen_elsewhere_cannot_be_judged_without_the_log(behind: Sea) -> None:
    behind.nodes[1].log.trouble = "down"
    answer = come_from_elsewhere(behind, 5, 2.0)
    assert (answer["type"], answer["code"], answer["retry"]) == ("error", "store_unavailable", True)
    again = come_from_elsewhere(behind, 4, 0.01)
    assert again["code"] == "store_unavailable", "a log that is known not to answer is not waited for"
    behind.nodes[1].log.trouble = None
    behind.advance(6)
    assert come_from_elsewhere(behind, 5)["recovered"] is True


def test_nonsense_makes_the_log_be_asked_once_a_second(behind: Sea, monkeypatch: pytest.MonkeyPatch) -> None:
    glance, asked = behind.nodes[1].log.glance, []

    def counted(channel: str, limit: int, done: Any) -> None:
        asked.append(channel)
        glance(channel, limit, done)

    monkeypatch.setattr(behind.nodes[1].log, "glance", counted)
    clients = [behind.nodes[1].connect() for _ in range(20)]
    epoch = behind.store.head("lobby").epoch
    for number, client in enumerate(clients):
        client.say("join", channel="lobby", since=1000 + number, epoch=epoch, id=1)
        behind.advance(0.1)
    behind.advance(2)
    for client in clients:
        [answer] = [event for event in client.hear() if event.get("id") == 1]
        assert answer["recovered"] is False
    assert len(asked) <= 6
