"""What members say: texts and binary messages, and what the server itself publishes."""

import pytest

from tests.chat.fakes import NOON_MS, World, ignore
from wsserver.chat import audience
from wsserver.chat.authority import ChannelRule
from wsserver.chat.errors import ChatError
from wsserver.chat.posting import Posted
from wsserver.websocket.codes import BINARY


def post(world: World, channel: str = "lobby", key: str | None = None) -> Posted | ChatError:
    """Publish as the server and return what became of it, which is known at once here."""
    heard: list[Posted | ChatError] = []
    world.router.posting.post(channel, "server", "news", key, heard.append)
    [posted] = heard
    return posted


def refuse_to_be_called(posted: Posted | ChatError) -> None:
    raise AssertionError(posted)


def test_a_message_reaches_all_members_the_sender_too() -> None:
    world = World()
    ann, bob, eve = world.connect("ann"), world.connect("bob"), world.connect("eve", "other")
    text = "hi <b>there</b> \u202e\x1b[31m"  # harmful to whoever shows it unescaped, and no business of ours
    ann.ask("message", channel="lobby", text=text)
    expected = {
        "type": "message", "channel": "lobby", "seq": 1, "user": "ann", "text": text, "ts": NOON_MS,
    }  # fmt: skip
    assert bob.hear() == [expected]
    assert eve.hear() == []
    assert ann.ask("message", channel="lobby", text="again")["seq"] == 2


def test_without_an_id_there_is_no_ack() -> None:
    ann = World().connect("ann")
    ann.say("message", channel="lobby", text="hi")
    ann.world.end_turn()
    assert [event["type"] for event in ann.hear()] == ["message"]


@pytest.mark.parametrize(("channel", "code"), [("other", "not_joined"), ("bad*", "bad_channel")])
def test_only_members_may_speak(channel: str, code: str) -> None:
    error = World().connect("ann").ask("message", channel=channel, text="hi", id=1)
    assert (error["code"], error["id"]) == (code, 1)


@pytest.mark.parametrize(("fields", "field"), [({"text": "a\0"}, "text"), ({"text": "a", "key": "k\0"}, "key")])
def test_what_a_database_cannot_keep_is_refused(fields: dict[str, str], field: str) -> None:
    world = World()
    error = world.connect("ann").ask("message", channel="lobby", **fields)
    assert error["code"] == "bad_message"
    assert f"`{field}`" in error["message"]
    assert world.store.head("lobby").seq == 0


def test_who_has_left_may_not_speak_and_does_not_hear() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    bob.ask("leave", channel="lobby")
    assert bob.ask("message", channel="lobby", text="hi")["code"] == "not_joined"
    ann.ask("message", channel="lobby", text="hi")
    assert bob.hear() == []


def test_a_binary_message_reaches_all_members_as_it_is_and_is_not_stored() -> None:
    world = World()
    ann, bob, eve = world.connect(), world.connect("bob"), world.connect("eve", "other")
    frame = ann.join("lobby")["cid"].to_bytes(4, "big") + b"\x00\xff\xfe"
    ann.raw(frame, BINARY)
    assert ann.hear_binary() == bob.hear_binary() == [frame]
    assert eve.hear_binary() == []
    assert world.store.head("lobby").seq == 0


def test_a_binary_message_of_the_number_alone_is_good() -> None:
    ann = World().connect()
    frame = ann.join("lobby")["cid"].to_bytes(4, "big")
    ann.raw(frame, BINARY)
    assert ann.hear_binary() == [frame]


@pytest.mark.parametrize("frame", [b"", b"\0", b"\0\0\1"])
def test_a_binary_message_without_a_whole_number_is_bad(frame: bytes) -> None:
    ann = World().connect("ann")
    ann.raw(frame, BINARY)
    assert ann.hear()[0]["code"] == "bad_message"


def test_a_binary_message_to_a_channel_of_others_or_of_nobody_is_not_joined() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect()
    other = bob.join("other")["cid"]
    for cid in (0, other, other + 1, 2**32 - 1):
        ann.raw(cid.to_bytes(4, "big") + b"x", BINARY)
        assert ann.hear()[0]["code"] == "not_joined"
    assert bob.hear_binary() == []


def test_a_binary_message_does_not_overtake_a_text_of_the_same_turn() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    cid = ann.join("lobby")["cid"]
    ann.say("message", channel="lobby", text="first")
    ann.raw(cid.to_bytes(4, "big"), BINARY)
    world.end_turn()
    assert [opcode for opcode, _ in bob.peer.sent] == [1, 2]


def test_the_server_may_publish_too_and_learns_what_became_of_it() -> None:
    world = World()
    ann = world.connect("ann")
    assert post(world, key="k") == Posted(1, NOON_MS, False, 1)
    assert [(event["user"], event["text"]) for event in ann.hear()] == [("server", "news")]
    assert post(world, key="k") == Posted(1, NOON_MS, True, 0)


def test_the_server_may_publish_where_nobody_is() -> None:
    world = World()
    assert post(world, "empty") == Posted(1, NOON_MS, False, 0)
    assert [event["text"] for event in world.connect().join("empty")["messages"]] == ["news"]


def test_what_members_said_first_in_a_turn_comes_before_what_the_server_says() -> None:
    world = World()
    ann = world.connect("ann")
    ann.say("message", channel="lobby", text="mine", id=1)
    assert post(world) == Posted(2, NOON_MS, False, 1)
    assert [event["type"] for event in ann.hear()] == ["message", "message", "ack"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("bad*", "u", "t", None), "bad_channel"),
        (("c", "", "t", None), "bad_message"),
        (("c", "u", "", None), "bad_message"),
        (("c", "u", "\0", None), "bad_message"),
        (("c", "u", "t", ""), "bad_message"),
        (("c", "u", "t", "k" * 129), "bad_message"),
        (("c", "u", "t", "\0"), "bad_message"),
    ],
)
def test_the_server_is_held_to_the_same_rules(arguments: tuple[str, str, str, str | None], code: str) -> None:
    with pytest.raises(ChatError) as caught:
        World().router.posting.post(*arguments, refuse_to_be_called)
    assert caught.value.code == code


def test_the_server_is_told_when_the_store_is_not_there() -> None:
    world = World()
    post(world)
    world.store.broken = True
    error = post(world)
    assert isinstance(error, ChatError)
    assert error.code == "store_unavailable"


def test_the_server_hears_later_from_a_store_that_takes_its_time() -> None:
    world = World()
    ann = world.connect("ann")
    world.store.late = True
    heard: list[Posted | ChatError] = []
    world.router.posting.post("lobby", "server", "news", None, heard.append)
    assert heard == ann.hear() == []
    world.store.answer()
    assert heard == [Posted(1, NOON_MS, False, 1)]
    assert [event["text"] for event in ann.hear()] == ["news"]


def test_in_a_channel_where_some_may_send_the_others_read() -> None:
    world = World(rules={"news": ChannelRule(send=frozenset({"ann"}))})
    ann, bob = world.connect("ann", "news"), world.connect("bob", "news")
    assert bob.ask("message", channel="news", text="me too", id=1)["code"] == "forbidden"
    assert ann.ask("message", channel="news", text="hello", id=1)["seq"] == 1
    assert [event["text"] for event in bob.hear_type("message")] == ["hello"]


def test_who_may_not_send_may_not_send_binary_messages_either() -> None:
    world = World(rules={"news": ChannelRule(send=frozenset({"ann"}))})
    ann, bob = world.connect("ann", "news"), world.connect("bob", "news")
    cid = bob.join("news")["cid"].to_bytes(4, "big")
    bob.raw(cid + b"no", BINARY)
    assert bob.hear()[-1]["code"] == "forbidden"
    assert ann.hear_binary() == []
    ann.raw(cid + b"yes", BINARY)
    assert bob.hear_binary() == [cid + b"yes"]


def test_the_server_itself_may_send_everywhere() -> None:
    world = World(rules={"news": ChannelRule(send=frozenset())})
    ann = world.connect("ann", "news")
    world.router.posting.post("news", "server", "hello", None, lambda _posted: None)
    assert [event["text"] for event in ann.hear_type("message")] == ["hello"]


def test_all_that_is_said_in_a_channel_with_a_queue_policy_carries_it_and_nothing_else_does() -> None:
    world = World(rules={"news": ChannelRule(queue_policy="drop-oldest")})
    ann = world.connect("ann", "news")
    cid = ann.join("news")["cid"]
    ann.join("lobby")
    world.connect("bob", "news").join("lobby")
    world.advance(10)
    channel = world.router.channels.find("news")
    assert channel is not None
    streams = world.surroundings.streams
    assert set(streams) == {channel.notices, None}
    streams.clear()
    ann.ask("message", channel="news", text="hi")
    ann.raw(cid.to_bytes(4, "big"), BINARY)
    assert streams == [channel.stream] * 2
    streams.clear()
    ann.ask("message", channel="lobby", text="hi")
    ann.ask("broadcast", text="hi")
    assert streams == [None] * 2


def test_where_more_is_said_than_can_be_told_to_so_many_it_is_refused_until_they_have_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audience, "MANY", 1)
    monkeypatch.setattr(audience, "BACKLOG", 100)
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    cid = ann.join()["cid"]
    ann.hear()
    assert ann.ask("message", channel="lobby", text="x" * 100, id=1)["type"] == "ack"
    refused = ann.ask("message", channel="lobby", text="more", id=2)
    assert (refused["code"], refused["retry"], refused["id"]) == ("rate_limited", True, 2)
    ann.raw(cid.to_bytes(4, "big") + b"raw", BINARY)
    assert ann.hear()[-1]["code"] == "rate_limited"
    with pytest.raises(ChatError, match="try again in a moment"):
        world.router.posting.post("lobby", "server", "news", None, ignore)
    world.surroundings.serve()
    assert ann.ask("message", channel="lobby", text="more", id=3)["seq"] == 2
    world.surroundings.serve()
    assert [event["text"] for event in bob.hear_type("message")] == ["x" * 100, "more"]


def test_who_is_answered_has_heard_it_first_though_others_have_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "MANY", 1)
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    ann.hear()
    ann.say("message", channel="lobby", text="hello", id=1)
    world.end_turn()
    assert [event["type"] for event in ann.hear()] == ["message", "ack"]
    assert bob.hear() == []
    world.surroundings.serve()
    assert [event["type"] for event in bob.hear()] == ["message"]
    assert ann.hear() == []
