"""Topics as clients use them. What matches what is tested with `topics`."""

import pytest

from tests.chat.fakes import NOON_MS, World


def test_what_is_published_reaches_the_subscribers_and_nobody_needs_to_be_a_member() -> None:
    world = World()
    ann, bob, eve = world.connect("ann"), world.connect(), world.connect()
    assert bob.ask("subscribe", topic="news.*", id=1) == {"type": "subscribed", "topic": "news.*", "id": 1}
    eve.ask("subscribe", topic="weather")
    eve.hear()
    data = {"goals": [1, 2.5, None, True, "x"]}
    assert ann.ask("publish", topic="news.sport", data=data, id=2) == {"type": "ack", "delivered": 1, "id": 2}
    assert bob.hear() == [{"type": "event", "topic": "news.sport", "data": data, "user": "ann", "ts": NOON_MS}]
    assert eve.hear() == []


def test_a_publisher_who_subscribed_hears_it_too_before_the_ack() -> None:
    client = World().connect("ann")
    client.ask("subscribe", topic="t")
    client.say("publish", topic="t", data=0, id=1)
    assert [event["type"] for event in client.hear()] == ["event", "ack"]


def test_a_topic_that_matches_two_patterns_of_one_client_arrives_once() -> None:
    world = World()
    client = world.connect("ann")
    for topic in ("news", "new*", "*"):
        client.say("subscribe", topic=topic)
    client.hear()
    client.say("publish", topic="news", data=None, id=1)
    event, ack = client.hear()
    assert (event["data"], ack["delivered"]) == (None, 1)


def test_after_an_unsubscribe_nothing_arrives() -> None:
    client = World().connect("ann")
    client.ask("subscribe", topic="t")
    assert client.ask("unsubscribe", topic="t", id=1) == {"type": "unsubscribed", "topic": "t", "id": 1}
    assert client.ask("publish", topic="t", data=1, id=2)["delivered"] == 0
    assert client.ask("unsubscribe", topic="t", id=3)["type"] == "unsubscribed"


def test_subscribing_twice_is_answered_twice() -> None:
    client = World().connect()
    assert client.ask("subscribe", topic="t", id=1)["type"] == "subscribed"
    assert client.ask("subscribe", topic="t", id=2)["id"] == 2


@pytest.mark.parametrize("topic", ["", "a*b", " t", "**", "\n"])
@pytest.mark.parametrize("type", ["subscribe", "unsubscribe", "publish"])
def test_a_bad_topic_is_bad_message(type: str, topic: str) -> None:
    error = World().connect().ask(type, topic=topic, data=1)
    assert error["code"] == "bad_message"
    assert "`topic`" in error["message"]


def test_one_does_not_publish_on_a_pattern() -> None:
    assert World().connect().ask("publish", topic="news.*", data=1)["code"] == "bad_message"


def test_a_client_has_so_many_subscriptions_and_no_more() -> None:
    client = World(channels_per_client=2).connect()
    client.ask("subscribe", topic="a")
    client.ask("subscribe", topic="b*")
    assert client.ask("subscribe", topic="c")["code"] == "too_many_channels"
    assert client.ask("subscribe", topic="a")["type"] == "subscribed"
    client.ask("unsubscribe", topic="a")
    assert client.ask("subscribe", topic="c")["type"] == "subscribed"


def test_who_is_gone_is_not_counted() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect()
    bob.ask("subscribe", topic="*")
    bob.gone()
    assert ann.ask("publish", topic="t", data=1, id=1)["delivered"] == 0


def test_the_server_itself_may_publish() -> None:
    world = World()
    ann = world.connect("ann")
    ann.ask("subscribe", topic="t")
    reached: list[int] = []
    world.router.pubsub.say_on_topic("server", "t", [1], lambda count, _: reached.append(count))
    assert reached == [1]
    assert [(event["user"], event["data"]) for event in ann.hear()] == [("server", [1])]
