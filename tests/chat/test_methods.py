"""The methods that come with the chat."""

import pytest

from tests.chat.cluster_rig import Sea
from tests.chat.fakes import NOON_MS, Client, World
from wsserver.chat import methods
from wsserver.chat.authority import ChannelRule
from wsserver.chat.broker import Asked


def call(client: Client, method: str, **fields: object) -> object:
    return client.ask("request", method=method, id=1, **fields)["result"]


@pytest.mark.parametrize("params", [None, 0, "", [], {"a": [1, {"b": None}]}, "text"])
def test_echo_gives_back_what_it_got(params: object) -> None:
    assert call(World().connect(), "echo", params=params) == params


def test_time_is_milliseconds() -> None:
    assert call(World().connect(), "time") == {"ts": NOON_MS}


def test_whoami_knows_the_client_and_its_name_once_it_has_one() -> None:
    client = World().connect()
    assert call(client, "whoami") == {"client": client.peer.id, "user": None, "address": client.peer.address}
    client.join("lobby", "ann")
    assert call(client, "whoami") == {"client": client.peer.id, "user": "ann", "address": client.peer.address}


def test_channels_are_listed_the_fullest_first() -> None:
    world = World()
    client = world.connect("ann", "small")
    for user in ("ann", "bob"):
        world.connect(user, "large")
    world.connect("cid", "deserted").gone(1000)
    assert call(client, "channels") == {
        "channels": [{"channel": "large", "count": 2}, {"channel": "small", "count": 1}],
        "more": 0,
    }


def test_a_long_list_of_channels_is_cut_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "LISTED", 1)
    world = World()
    client = world.connect("ann", "one")
    client.join("two")
    assert call(client, "channels") == {"channels": [{"channel": "one", "count": 1}], "more": 1}


def test_stats_count() -> None:
    world = World()
    client = world.connect("ann")
    world.connect("ann", "other")
    world.connect().ask("subscribe", topic="t*")
    world.advance(90)
    assert call(client, "stats") == {"clients": 3, "users": 1, "channels": 2, "subscriptions": 1, "uptime": 90}


def test_of_channels_that_one_may_not_join_nothing_is_told() -> None:
    world = World(token_mode=True, rules={"staff": ChannelRule(join=frozenset({"ann"}))})
    ann, bob = world.connect(), world.connect()
    ann.ask("auth", token="ann 60")
    bob.ask("auth", token="bob 60 lobby news:* staff")
    for channel in ("lobby", "staff", "news:art", "secret"):
        assert ann.join(channel)["type"] == "joined"
    told = bob.ask("request", method="channels")["result"]
    assert sorted(entry["channel"] for entry in told["channels"]) == ["lobby", "news:art"]
    assert told["more"] == 0
    assert len(ann.ask("request", method="channels")["result"]["channels"]) == 4


def test_a_long_list_of_channels_is_made_once_a_second_however_often_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(methods, "MANY", 2)
    made: list[int] = []
    plain = methods.list_fullest
    monkeypatch.setattr(methods, "list_fullest", lambda counts: made.append(len(counts)) or plain(counts))
    world = World()
    ann, bob = world.connect("ann", "one"), world.connect("bob", "two")
    first = call(ann, "channels")
    bob.join("three")
    assert [call(ann, "channels") for _ in range(5)] == [first] * 5
    assert call(bob, "channels") == first
    assert made == [2, 2]  # one for each of them: they may be allowed to see different ones
    world.advance(methods.FRESH_S)
    assert [entry["channel"] for entry in call(ann, "channels")["channels"]] == ["one", "two", "three"]  # type: ignore[index]


def test_a_long_list_of_all_nodes_is_asked_for_once_by_all_who_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "MANY", 2)
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann", "one"), sea.nodes[0].connect("bob", "two")
    asked: list[Asked] = []
    ask = sea.brokers[0].ask
    monkeypatch.setattr(sea.brokers[0], "ask", lambda question, done: (asked.append(question), ask(question, done)))
    for times in (1, 1, 1):  # known to be long after the first
        for client in (ann, bob) * 5:
            client.say("request", method="channels", id=times)
        sea.settle()
        sea.advance(methods.FRESH_S)
    answers = [event["result"] for client in (ann, bob) for event in client.hear_type("response")]
    assert len(answers) == 30
    assert all(answer == answers[0] for answer in answers)
    assert len(asked) == 10 + 1 + 1
