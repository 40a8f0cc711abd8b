"""To all, to one, to some."""

import pytest

from tests.chat.fakes import NOON_MS, World
from wsserver.chat import audience


def test_a_broadcast_reaches_every_client_the_sender_and_the_nameless_too() -> None:
    world = World()
    ann, bob, nameless = world.connect("ann"), world.connect("bob", "other"), world.connect()
    ann.say("broadcast", text="hear me", id="b")
    heard = {"type": "broadcast", "user": "ann", "text": "hear me", "ts": NOON_MS}
    assert bob.hear() == nameless.hear() == [heard]
    assert ann.hear() == [heard, {"type": "ack", "delivered": 3, "id": "b"}]


def test_who_is_gone_is_not_reached() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    bob.gone()
    assert ann.ask("broadcast", text="hi", id=1)["delivered"] == 1
    assert ann.ask("direct", to="bob", text="hi", id=2)["code"] == "no_such_user"


def test_a_direct_message_reaches_every_client_of_the_user_and_nobody_else() -> None:
    world = World()
    ann, bob, bob2, eve = (world.connect(user) for user in ("ann", "bob", "bob", "eve"))
    assert ann.ask("direct", to="bob", text="psst", id=1) == {"type": "ack", "delivered": 2, "id": 1}
    assert bob.hear() == bob2.hear() == [{"type": "direct", "user": "ann", "text": "psst", "ts": NOON_MS}]
    assert eve.hear() == []


def test_one_may_talk_to_oneself() -> None:
    ann = World().connect("ann")
    ann.say("direct", to="ann", text="note", id=1)
    assert [event["type"] for event in ann.hear()] == ["direct", "ack"]


def test_nobody_of_that_name_is_an_error_with_the_id() -> None:
    error = World().connect("ann").ask("direct", to="nobody", text="hi", id="d")
    assert (error["code"], error["id"]) == ("no_such_user", "d")


@pytest.mark.parametrize("to", ["", "a*", " bob"])
def test_a_name_that_cannot_be_is_bad_message(to: str) -> None:
    error = World().connect("ann").ask("direct", to=to, text="hi")
    assert error["code"] == "bad_message"
    assert "`to`" in error["message"]


def test_a_multicast_reaches_each_client_once_and_skips_who_is_not_there() -> None:
    world = World()
    ann, bob, bob2, eve = (world.connect(user) for user in ("ann", "bob", "bob", "eve"))
    ack = ann.ask("multicast", to=["bob", "nobody", "bob", "ann", "*"], text="you", id=1)
    assert ack == {"type": "ack", "delivered": 3, "id": 1}
    assert bob.hear() == bob2.hear() == [{"type": "multicast", "user": "ann", "text": "you", "ts": NOON_MS}]
    assert eve.hear() == []


@pytest.mark.parametrize("to", [[], ["nobody"]])
def test_a_multicast_to_nobody_is_delivered_to_none(to: list[str]) -> None:
    assert World().connect("ann").ask("multicast", to=to, text="hi", id=1)["delivered"] == 0


@pytest.mark.parametrize(
    ("type", "fields"), [("broadcast", {}), ("direct", {"to": "ann"}), ("multicast", {"to": ["ann"]})]
)
def test_without_an_id_there_is_no_ack(type: str, fields: dict[str, object]) -> None:
    ann = World().connect("ann")
    ann.say(type, text="hi", **fields)
    assert [event["type"] for event in ann.hear()] == [type]


@pytest.mark.parametrize(
    ("type", "fields"), [("broadcast", {}), ("direct", {"to": "ann"}), ("multicast", {"to": ["ann"]})]
)
def test_a_text_that_no_store_could_keep_is_refused_here_too(type: str, fields: dict[str, object]) -> None:
    ann = World().connect("ann")
    assert ann.ask(type, text="a\0", **fields)["code"] == "bad_message"


def test_a_sender_without_a_name_becomes_a_guest() -> None:
    world = World()
    client = world.connect()
    client.say("broadcast", text="hi")
    (event,) = client.hear()
    assert event["user"].startswith("guest-")
    assert client.join("lobby")["users"] == [event["user"]]


def test_the_server_itself_may_speak() -> None:
    world = World()
    ann = world.connect("ann")
    messaging = world.router.messaging
    reached: list[int] = []
    messaging.say_to_all("server", "hi", lambda count, _: reached.append(count))
    messaging.say_to_one("server", "ann", "hi", lambda count, _: reached.append(count))
    messaging.say_to_one("server", "bob", "hi", lambda count, _: reached.append(count))
    messaging.say_to_some("server", ["ann", "bob"], "hi", lambda count, _: reached.append(count))
    assert reached == [1, 1, 0, 1]
    assert [event["type"] for event in ann.hear()] == ["broadcast", "direct", "multicast"]


def test_a_broadcast_to_very_many_is_given_out_in_slices_and_its_sender_hears_it_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audience, "MANY", 2)
    monkeypatch.setattr(audience, "BACKLOG", 10)
    world = World()
    others = [world.connect() for _ in range(3)]
    ann = world.connect("ann")
    ann.say("broadcast", text="to all", id=1)
    world.end_turn()
    assert [(event["type"], event.get("delivered")) for event in ann.hear()] == [("broadcast", None), ("ack", 4)]
    assert [other.hear() for other in others] == [[]] * 3
    assert ann.ask("broadcast", text="more", id=2)["code"] == "rate_limited"
    world.surroundings.serve()
    assert [[event["type"] for event in other.hear()] for other in others] == [["broadcast"]] * 3
    assert ann.hear() == []
