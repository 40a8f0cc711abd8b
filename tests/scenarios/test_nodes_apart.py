"""What people and programs are told while one node of two is cut off from Redis or the database, and that all is exact
again afterwards: rosters, streams, questions, channels that were joined meanwhile."""

import random

import pytest

from tests.scenarios.calling import WITH_KEY, Stream, call, publish
from tests.scenarios.nodes import HEALING_S, Nodes, until

QUICK = ("--set", "presence.leave_grace=200ms")


@pytest.fixture(scope="module")
def nodes(redis, postgres):
    with Nodes(2, redis, postgres, (*WITH_KEY, *QUICK), proxied=True) as nodes:
        yield nodes


@pytest.fixture
def break_way(nodes):
    """Break a way of the second node, so that it knows: break_way("redis"). Behind the test all is well again."""
    second, ways = nodes.servers[1], nodes.ways[1]

    def break_one(name):
        ways[name].refuse()
        ways[name].sever()
        until(lambda: second.get("/readyz")[0] == 503)
        return second.get("/readyz")[2].decode()

    def heal():
        for way in ways.values():
            way.heal()
        until(lambda: second.get("/readyz")[0] == 200, lambda: second.log, HEALING_S)

    break_one.heal = heal
    yield break_one
    heal()


def test_without_redis_a_channel_goes_on_and_what_only_others_know_is_said_to_be_unknown(
    nodes, connect, break_way, room
):
    ann, ben = connect(nodes.servers[0], f"ann of {room}", room), connect(nodes.servers[1], f"ben of {room}", room)
    assert "broker: " in break_way("redis")
    assert nodes.servers[1].get("/livez")[0] == 200
    assert nodes.servers[0].get("/readyz")[0] == 200
    assert ben.ask("message", channel=room, text="one")["seq"] == 1
    refused = ben.ask("direct", to=f"ann of {room}", text="psst")
    assert (refused["type"], refused["code"], refused["retry"]) == ("error", "broker_unavailable", True)
    assert ben.ask("direct", to=f"ben of {room}", text="psst")["delivered"] == 1
    assert publish(nodes.servers[1], "two", room)["seq"] == 2
    status, answer = call(nodes.servers[1], "disconnect", {"user": f"ann of {room}"})
    assert (status, answer["code"]) == (503, "broker_unavailable")
    assert ann.ask("message", channel=room, text="three")["seq"] == 3
    break_way.heal()
    for talker in (ann, ben):
        assert [talker.hear("message")["text"] for _ in range(3)] == ["one", "two", "three"]
    assert ben.ask("direct", to=f"ann of {room}", text="psst")["delivered"] == 1


def test_without_the_database_messages_and_unknown_channels_are_refused_and_the_rest_goes_on(
    nodes, connect, break_way, room
):
    ann, ben = connect(nodes.servers[0], f"ann of {room}", room), connect(nodes.servers[1], f"ben of {room}", room)
    assert ben.ask("message", channel=room, text="before")["seq"] == 1
    stream = Stream(nodes.servers[1], room)
    assert "store: " in break_way("postgres")
    assert ann.ask("message", channel=room, text="while")["seq"] == 2
    assert [ben.hear("message")["text"] for _ in range(2)] == ["before", "while"]
    assert stream.texts(1) == ["while"]
    for asked in (
        {"type": "message", "channel": room, "text": "x"},
        {"type": "join", "channel": f"never seen: {room}"},
    ):
        refused = ben.ask(**asked)
        assert (refused["type"], refused["code"], refused["retry"]) == ("error", "store_unavailable", True)
    status, answer = call(nodes.servers[1], "publish", {"channel": room, "text": "x"})
    assert (status, answer["code"]) == (503, "store_unavailable")
    assert ben.ask("history", channel=room)["messages"][-1]["text"] == "while"
    late = connect(nodes.servers[1])
    assert [message["text"] for message in late.join(room, "late")["messages"]] == ["before", "while"]
    assert ben.ask("direct", to=f"ann of {room}", text="psst")["delivered"] == 1
    break_way.heal()
    assert ben.ask("message", channel=room, text="after")["seq"] == 3
    until(lambda: ben.ask("join", channel=f"never seen: {room}")["type"] == "joined")
    assert stream.texts(1) == ["after"]
    stream.close()


def test_rosters_are_exact_again_whatever_happened_meanwhile(nodes, connect, break_way, room):
    luck = random.Random(7)
    watchers = [connect(server, f"watcher {number}", room) for number, server in enumerate(nodes.servers)]
    here = [[], []]

    def bustle():
        for _ in range(40):
            number = luck.randrange(2)
            if here[number] and luck.random() < 0.45:
                leaver = here[number].pop(luck.randrange(len(here[number])))[1]
                if luck.random() < 0.5:
                    leaver.ask("leave", channel=room)
                else:
                    leaver.vanish()
            else:
                user = f"user {luck.randrange(12)}"
                here[number].append((user, connect(nodes.servers[number], user, room)))
        return {user for some in here for user, _ in some} | {"watcher 0", "watcher 1"}

    def agree(expected):
        def agreed():
            answers = [watcher.ask("presence", channel=room) for watcher in watchers]
            return all((set(answer["users"]), answer["count"]) == (expected, len(expected)) for answer in answers)

        until(agreed, lambda: [watcher.ask("presence", channel=room) for watcher in watchers] + [sorted(expected)])

    agree(bustle())
    break_way("redis")
    expected = bustle()
    break_way.heal()
    agree(expected)
    agree(bustle())


def test_a_channel_that_was_joined_while_redis_was_away_is_one_with_that_of_the_others(nodes, connect, break_way, room):
    ann = connect(nodes.servers[0], "ann", room)
    assert ann.ask("message", channel=room, text="one")["seq"] == 1
    break_way("redis")
    ben = connect(nodes.servers[1])
    assert [message["text"] for message in ben.join(room, "ben")["messages"]] == ["one"]
    assert ben.ask("message", channel=room, text="two")["seq"] == 2
    break_way.heal()
    assert [ann.hear("message")["text"] for _ in range(2)] == ["one", "two"]
    assert ann.ask("message", channel=room, text="three")["seq"] == 3
    assert [ben.hear("message")["text"] for _ in range(2)] == ["two", "three"]
    until(lambda: {talker.ask("presence", channel=room)["count"] for talker in (ann, ben)} == {2})


def test_a_stream_misses_nothing_while_the_way_of_its_node_breaks(redis, connect, room):
    with Nodes(2, redis, proxied=True) as nodes:
        ann = connect(nodes.servers[0], "ann", room)
        stream = Stream(nodes.servers[1], room)
        assert ann.ask("message", channel=room, text="one")["seq"] == 1
        assert stream.texts(1) == ["one"]
        nodes.ways[1]["redis"].sever()
        assert ann.ask("message", channel=room, text="two")["seq"] == 2
        assert stream.texts(1) == ["two"]
        stream.close()


def test_who_comes_to_a_node_that_is_behind_goes_on_where_he_was_and_takes_the_others_along(
    nodes, connect, break_way, room
):
    ann, ben = connect(nodes.servers[0], "ann", room), connect(nodes.servers[1], "ben", room)
    break_way("redis")
    first = Stream(nodes.servers[0], room)
    for number in range(1, 6):
        assert ann.ask("message", channel=room, text=str(number))["seq"] == number
    assert first.texts(4) == list("1234")
    first.close()
    epoch = first.last_id.partition(":")[0]
    back = connect(nodes.servers[1]).join(room, "cid", since=4, epoch=epoch)
    assert (back["recovered"], [message["text"] for message in back["messages"]]) == (True, ["5"])
    assert [ben.hear("message")["text"] for _ in range(5)] == list("12345")
    assert ann.ask("message", channel=room, text="6")["seq"] == 6
    second = Stream(nodes.servers[1], room, last_id=f"{epoch}:6")
    assert publish(nodes.servers[1], "7", room)["seq"] == 7
    assert second.texts(1) == ["7"]
    second.close()
    assert connect(nodes.servers[1]).join(room, "dan", since=99, epoch=epoch)["recovered"] is False
