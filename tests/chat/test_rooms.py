"""Coming into a channel, looking around, reading, and going."""

import pytest

from tests.chat.fakes import NOON_MS, Json, World, ignore
from wsserver.chat.authority import ChannelRule


def texts(messages: list[Json]) -> list[str]:
    return [message["text"] for message in messages]


def fill(world: World, count: int, channel: str = "lobby") -> None:
    """Let the server say `count` messages "1", "2", ..."""
    for number in range(count):
        world.router.posting.post(channel, "server", str(number + 1), None, ignore)


def test_joined_tells_all_there_is_to_know() -> None:
    world = World()
    world.connect("ann")
    fill(world, 2)
    joined = world.connect().join("lobby", "bob", id="j")
    epoch = joined.pop("epoch")
    assert ":" not in epoch
    assert epoch
    assert joined == {
        "type": "joined", "id": "j", "channel": "lobby", "cid": 1, "seq": 2, "users": ["ann", "bob"], "count": 2,
        "messages": [
            {"type": "message", "channel": "lobby", "seq": 1, "user": "server", "text": "1", "ts": NOON_MS},
            {"type": "message", "channel": "lobby", "seq": 2, "user": "server", "text": "2", "ts": NOON_MS},
        ],
    }  # fmt: skip


def test_everybody_gets_the_same_number_and_epoch_of_a_channel() -> None:
    world = World()
    ann, bob = world.connect().join("lobby", "ann"), world.connect().join("lobby", "bob")
    other = world.connect().join("other", "cid")
    assert (ann["cid"], ann["epoch"]) == (bob["cid"], bob["epoch"])
    assert (other["cid"], other["epoch"]) != (ann["cid"], ann["epoch"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, 50), ({"history": 3}, 3), ({"history": 0}, 0), ({"history": 250}, 250), ({"history": 10_000}, 300)],
)
def test_the_newest_messages_come_along_as_many_as_wanted(fields: Json, expected: int) -> None:
    world = World()
    fill(world, 400)
    messages = world.connect().join("lobby", **fields)["messages"]
    assert [message["seq"] for message in messages] == list(range(401 - expected, 401))


@pytest.mark.parametrize("name", ["", "a*", " a", "a\n", "x" * 256])
def test_a_bad_channel_name_is_refused_and_names_nobody(name: str) -> None:
    client = World().connect()
    assert client.join(name, "ann")["code"] == "bad_channel"
    assert client.join("lobby", "bob")["users"] == ["bob"]


def test_joining_again_answers_joined_afresh_and_changes_nothing() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    world.advance(1)
    ann.hear()
    again = bob.join("lobby", id=5)
    assert (again["type"], again["count"], again["id"]) == ("joined", 2, 5)
    world.advance(1)
    assert ann.hear() == []
    ann.ask("message", channel="lobby", text="hi")
    assert texts(bob.hear()) == ["hi"]
    bob.ask("leave", channel="lobby")
    assert ann.ask("presence", channel="lobby")["count"] == 1


def test_a_client_may_be_in_so_many_channels_and_in_one_more_after_a_leave() -> None:
    client = World(channels_per_client=2).connect()
    client.join("one", "ann")
    client.join("two")
    assert client.join("three", id=3)["code"] == "too_many_channels"
    assert client.join("two")["type"] == "joined"
    client.ask("leave", channel="one")
    assert client.join("three")["type"] == "joined"


def test_a_server_with_too_many_channels_forgets_a_resting_one_and_its_log() -> None:
    world = World(channels=1)
    first = world.connect()
    epoch = first.join("one", "ann")["epoch"]
    fill(world, 1, "one")
    assert world.connect().join("two", "bob")["code"] == "too_many_channels"
    first.ask("leave", channel="one")
    assert world.connect().join("two", "bob")["type"] == "joined"
    assert world.store.head("one").epoch != epoch


def test_leave_is_answered_whether_or_not_one_was_there() -> None:
    world = World()
    ann = world.connect("ann")
    assert ann.ask("leave", channel="lobby", id=1) == {"type": "left", "channel": "lobby", "id": 1}
    assert ann.ask("leave", channel="lobby", id=2) == {"type": "left", "channel": "lobby", "id": 2}
    assert ann.ask("leave", channel="bad*")["code"] == "bad_channel"


def test_who_leaves_still_hears_what_was_said_before_in_that_turn_and_is_acked() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    bob.say("message", channel="lobby", text="one")
    ann.say("message", channel="lobby", text="two", id="m")
    ann.say("leave", channel="lobby", id="l")
    bob.say("message", channel="lobby", text="three")
    world.end_turn()
    heard = [event for event in ann.hear() if event["type"] != "presence"]
    assert [event["type"] for event in heard] == ["message", "message", "ack", "left"]
    assert texts(bob.hear_type("message")) == ["one", "two", "three"]


def test_who_joins_reads_what_was_said_before_in_that_turn_and_hears_the_rest_once() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect()
    ann.say("message", channel="lobby", text="before")
    bob.say("join", channel="lobby", user="bob")
    ann.say("message", channel="lobby", text="after")
    world.end_turn()
    joined, message = bob.hear()
    assert (texts(joined["messages"]), joined["seq"]) == (["before"], 1)
    assert (message["text"], message["seq"]) == ("after", 2)


def test_history_read_in_the_turn_of_a_message_has_it() -> None:
    world = World()
    ann = world.connect("ann")
    ann.say("message", channel="lobby", text="now", id=1)
    ann.say("history", channel="lobby", id=2)
    message, ack, history = ann.hear()
    assert (message["type"], ack["type"]) == ("message", "ack")
    assert texts(history["messages"]) == ["now"]


def test_history_answers_with_a_page() -> None:
    world = World()
    ann = world.connect("ann")
    fill(world, 5)
    page = ann.ask("history", channel="lobby", before=4, limit=2, id="h")
    assert (page["type"], page["id"], page["channel"], page["more"]) == ("history", "h", "lobby", True)
    assert texts(page["messages"]) == ["2", "3"]


@pytest.mark.parametrize("type", ["presence", "history"])
def test_strangers_may_neither_look_nor_read(type: str) -> None:
    world = World()
    world.connect("ann")
    stranger = world.connect("bob", "other")
    assert stranger.ask(type, channel="lobby", id=1)["code"] == "not_joined"
    assert stranger.ask(type, channel="*", id=1)["code"] == "bad_channel"


def test_presence_is_answered_with_names_and_an_exact_count() -> None:
    world = World(names=2)
    ann = world.connect("ann")
    for user in ("bob", "cid", "bob"):
        world.connect(user)
    assert ann.ask("presence", channel="lobby", id=3) == {
        "type": "presence", "id": 3, "channel": "lobby", "users": ["ann", "bob"], "count": 3, "more": 1,
    }  # fmt: skip


def test_recovery_gives_exactly_what_was_missed() -> None:
    world = World()
    ann = world.connect()
    joined = ann.join("lobby", "ann")
    fill(world, 3)
    ann.gone()
    fill(world, 4)
    back = world.connect().join("lobby", "ann", since=3, epoch=joined["epoch"])
    assert back["recovered"] is True
    assert [message["seq"] for message in back["messages"]] == [4, 5, 6, 7]


def test_recovery_of_nothing_is_recovered() -> None:
    world = World()
    epoch = world.connect().join("lobby", "ann")["epoch"]
    back = world.connect().join("lobby", since=0, epoch=epoch)
    assert (back["recovered"], back["messages"]) == (True, [])


def test_without_since_nothing_is_said_about_recovery() -> None:
    assert "recovered" not in World().connect().join("lobby", epoch="whatever")


def test_history_and_live_stream_meet_without_gap_or_repeat() -> None:
    world = World()
    ann = world.connect("ann")
    epoch = ann.join("lobby")["epoch"]
    ann.say("message", channel="lobby", text="1")
    world.end_turn()
    ann.say("message", channel="lobby", text="2")
    bob = world.connect()
    bob.say("join", channel="lobby", since=0, epoch=epoch)
    ann.say("message", channel="lobby", text="3")
    world.end_turn()
    joined, *live = bob.hear()
    assert texts(joined["messages"]) == ["1", "2"]
    assert texts(live) == ["3"]


def test_an_eviction_from_memory_is_a_new_epoch_and_no_recovery() -> None:
    world = World()
    ann = world.connect()
    old = ann.join("lobby", "ann")
    fill(world, 3)
    ann.gone(1000)
    world.store.release("lobby")
    back = world.connect().join("lobby", "ann", since=3, epoch=old["epoch"])
    assert (back["recovered"], back["seq"], back["messages"]) == (False, 0, [])


def test_a_channel_without_history_has_an_epoch_and_recovers_only_when_nothing_was_missed() -> None:
    world = World(history=0)
    ann = world.connect("ann")
    joined = ann.join("lobby")
    assert ann.ask("message", channel="lobby", text="gone", id=1)["seq"] == 1
    same = world.connect().join("lobby", since=1, epoch=joined["epoch"])
    late = world.connect().join("lobby", since=0, epoch=joined["epoch"])
    assert (same["recovered"], same["messages"], same["seq"]) == (True, [], 1)
    assert (late["recovered"], late["messages"]) == (False, [])
    assert ann.ask("history", channel="lobby")["messages"] == []


def test_a_join_that_the_store_cannot_serve_changes_nothing() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect()
    world.store.broken = True
    assert bob.join("lobby", "bob", id=9)["code"] == "store_unavailable"
    world.store.broken = False
    world.advance(1)
    assert ann.ask("presence", channel="lobby")["users"] == ["ann"]
    assert bob.ask("message", channel="lobby", text="hi")["code"] == "not_joined"
    assert bob.join("lobby", "bob")["count"] == 2


def test_a_lost_client_leaves_every_channel() -> None:
    world = World(leave_grace_s=0.0)
    ann = world.connect("ann", "one")
    ann.join("two")
    watcher = world.connect("bob", "one")
    watcher.join("two")
    ann.gone(1006)
    world.advance(1)
    for channel in ("one", "two"):
        assert watcher.ask("presence", channel=channel)["users"] == ["bob"]


def test_a_channel_for_some_users_is_forbidden_to_others_and_to_guests() -> None:
    world = World(rules={"staff": ChannelRule(join=frozenset({"ann"}))})
    ann, bob, guest = world.connect(), world.connect(), world.connect()
    assert ann.join("staff", "ann")["type"] == "joined"
    assert bob.join("staff", "bob", id=3)["code"] == "forbidden"
    assert guest.join("staff")["code"] == "forbidden"
    assert guest.join("lobby", "carl")["users"] == ["carl"]  # being refused has named nobody
    assert bob.ask("presence", channel="staff")["code"] == "not_joined"


def test_a_channel_for_nobody_is_not_even_made() -> None:
    world = World(rules={"closed": ChannelRule(join=frozenset())})
    assert world.connect("ann").join("closed")["code"] == "forbidden"
    assert world.router.channels.find("closed") is None


def test_another_name_is_bad_message_before_a_channel_is_forbidden() -> None:
    world = World(rules={"staff": ChannelRule(join=frozenset({"bob"}))})
    assert world.connect("ann").join("staff", "bob")["code"] == "bad_message"
