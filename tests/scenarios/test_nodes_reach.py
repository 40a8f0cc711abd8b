"""What is said on one node reaches who is on another: people, groups, topics, streams, programs, and who comes back."""

import threading

import pytest

from tests.scenarios.calling import WITH_KEY, Stream, call, publish
from tests.scenarios.nodes import Nodes


@pytest.fixture(scope="module", params=["with a database", "with Redis alone"])
def nodes(request, redis):
    postgres = request.getfixturevalue("postgres") if request.param == "with a database" else None
    with Nodes(2, redis, postgres, (*WITH_KEY, "--set", "chat.recovery_limit=500")) as nodes:
        yield nodes


@pytest.fixture
def pair(nodes, connect, room):
    """Ann on the first node and ben on the second, both in the channel; names are the test's own."""
    first, second = nodes.servers
    return [connect(first, f"ann of {room}", room), connect(second, f"ben of {room}", room)]


def test_a_direct_message_reaches_every_client_of_a_user_on_every_node(nodes, pair, connect, room):
    ann, ben = pair
    twin = connect(nodes.servers[0], f"ben of {room}", room)
    assert ann.ask("direct", to=f"ben of {room}", text="psst")["delivered"] == 2
    assert ben.hear("direct")["user"] == twin.hear("direct")["user"] == f"ann of {room}"
    refused = ann.ask("direct", to=f"nobody of {room}", text="psst")
    assert (refused["type"], refused["code"]) == ("error", "no_such_user")


def test_a_multicast_reaches_its_group_and_skips_who_is_not_there(pair, room):
    ann, ben = pair
    group = [f"ann of {room}", f"ben of {room}", f"nobody of {room}"]
    assert ann.ask("multicast", to=group, text="you")["delivered"] == 2
    assert ann.hear("multicast")["text"] == ben.hear("multicast")["text"] == "you"
    assert ann.ask("multicast", to=group[2:], text="you")["delivered"] == 0


def test_a_broadcast_reaches_everybody(pair):
    ann, ben = pair
    assert ann.ask("broadcast", text="all")["delivered"] >= 2
    assert ann.hear("broadcast")["text"] == ben.hear("broadcast")["text"] == "all"


def test_a_topic_reaches_its_subscribers_once_and_counts_them(pair, room):
    ann, ben = pair
    for topic in (f"{room}.*", f"{room}.tea"):
        ben.ask("subscribe", topic=topic)
    assert ann.ask("publish", topic=f"{room}.tea", data={"a": [1, None]})["delivered"] == 1
    assert ben.hear("event")["data"] == {"a": [1, None]}
    ben.ask("unsubscribe", topic=f"{room}.*")
    assert ann.ask("publish", topic=f"{room}.milk", data=1)["delivered"] == 0
    assert ben.is_quiet()


def test_binary_messages_reach_members_elsewhere_by_the_number_that_the_channel_has_there(nodes, connect, room):
    connect(nodes.servers[0], "first", f"only here: {room}")  # so that numbers differ
    ann, ben = connect(nodes.servers[0]), connect(nodes.servers[1])
    cids = [talker.join(room, name)["cid"] for talker, name in ((ann, "ann"), (ben, "ben"))]
    ann.say_binary(cids[0], b"\0\xff bytes")
    heard = [talker.hear("binary")["payload"] for talker in (ann, ben)]
    assert heard == [cid.to_bytes(4, "big") + b"\0\xff bytes" for cid in cids]


def test_who_was_on_one_node_recovers_on_the_other_and_what_is_too_much_is_said_to_be(nodes, pair, connect, room):
    ann, ben = pair
    for number in range(450):
        ann.say("message", channel=room, text=str(number))
    ben.hear("message", seq=450)
    epoch = ben.join(room)["epoch"]
    ben.close()
    for since, recovered in ((0, True), (449, True), (450, True), (451, False)):
        back = connect(nodes.servers[0]).join(room, f"ben of {room}", since=since, epoch=epoch)
        assert back["recovered"] is recovered
        assert back["epoch"] == epoch
    assert connect(nodes.servers[0]).join(room, "x", since=450, epoch="another")["recovered"] is False
    late = connect(nodes.servers[1])
    first = late.join(room, "late", since=0, epoch=epoch)
    seqs = [message["seq"] for message in first["messages"]]
    while not seqs or seqs[-1] < 450:
        seqs.append(late.hear("message")["seq"])
    assert seqs == list(range(1, 451))
    for number in range(60):
        ann.say("message", channel=room, text=str(number))
    late.hear("message", seq=510)
    assert connect(nodes.servers[1]).join(room, "y", since=0, epoch=epoch)["recovered"] is False


def test_history_has_the_same_pages_on_every_node(pair, room):
    ann, ben = pair
    for number in range(400):
        (ann, ben)[number % 2].say("message", channel=room, text=str(number))
    for talker in pair:
        talker.hear("message", seq=400)
    for wish in ({}, {"before": 50, "limit": 20}, {"after": 10, "limit": 300}, {"before": 2}, {"after": 399}):
        pages = [talker.ask("history", channel=room, **wish) for talker in pair]
        assert [page.pop("id") for page in pages]
        assert pages[0] == pages[1]
        assert pages[0]["messages"]


def test_a_stream_goes_on_at_the_other_node_where_it_was_cut(nodes, room):
    first = Stream(nodes.servers[0], room)
    for number in range(10):
        publish(nodes.servers[1], str(number), room)
    assert first.texts(5) == list("01234")
    first.close()
    second = Stream(nodes.servers[1], room, last_id=first.last_id)
    assert second.texts(5) == list("56789")
    publish(nodes.servers[0], "live", room)
    assert second.texts(1) == ["live"]
    second.close()
    reset = Stream(nodes.servers[0], room, last_id="another:3")
    assert reset.next()[0] == "reset"
    reset.close()


def test_the_api_of_one_node_reaches_who_is_on_the_other(nodes, pair, room):
    ann, ben = pair
    answer = publish(nodes.servers[0], "from a program", room, key="k")
    assert (answer["seq"], answer["delivered"], answer["duplicate"]) == (1, 2, False)
    again = publish(nodes.servers[1], "from a program", room, key="k")
    assert (again["seq"], again["epoch"], again["duplicate"]) == (1, answer["epoch"], True)
    assert ann.hear("message")["text"] == ben.hear("message")["text"] == "from a program"
    assert call(nodes.servers[0], "direct", {"to": f"ben of {room}", "text": "psst"}) == (200, {"delivered": 1})
    assert ben.hear("direct")["text"] == "psst"
    history = call(nodes.servers[1], f"channels/{room}/history")[1]
    assert [message["text"] for message in history["messages"]] == ["from a program"]
    assert call(nodes.servers[0], "disconnect", {"user": f"ben of {room}"}) == (200, {"disconnected": 1})
    assert ben.hear_close()[0] == 4503


def test_one_key_at_both_nodes_at_once_is_stored_once(nodes, connect, room):
    twins = [connect(server, "twin", room) for server in nodes.servers]
    for number in range(50):
        for twin in twins:
            twin.say("message", channel=room, text=f"text {number}", key=f"key {number}", id=number)
    acks = [{ack["id"]: ack for ack in (twin.hear("ack") for _ in range(50))} for twin in twins]
    for number in range(50):
        one, other = (by_id[number] for by_id in acks)
        assert (one["seq"], one["ts"]) == (other["seq"], other["ts"])
        assert {one["duplicate"], other["duplicate"]} == {False, True}
    for twin in twins:
        texts = [twin.hear("message")["text"] for _ in range(50)]
        assert sorted(texts) == sorted(f"text {number}" for number in range(50))
        assert twin.is_quiet()


def test_a_channel_without_history_knows_keys_of_the_other_node(redis, postgres, connect):
    with Nodes(2, redis, postgres, ("--set", "chat.history=0")) as nodes:
        first, second = (connect(server, "twin", "passing") for server in nodes.servers)
        ack = first.ask("message", channel="passing", text="once", key="k")
        again = second.ask("message", channel="passing", text="once", key="k")
        assert (ack["seq"], ack["duplicate"], again["seq"], again["duplicate"]) == (1, False, 1, True)
        threads = [threading.Thread(target=talker.ask, args=("message",), kwargs={"channel": "passing", "text": "x"})
                   for talker in (first, second)]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [second.hear("message")["seq"] for _ in range(3)] == [1, 2, 3]
        assert nodes.stored("passing") == []
