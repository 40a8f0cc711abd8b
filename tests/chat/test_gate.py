"""Token mode: who is let in, how long one may stay, and what the others may not even see."""

import pytest

from tests.chat.fakes import Client, World
from wsserver.chat.gate import LOCKED_MESSAGE, LOOK_AGAIN_S
from wsserver.chat.vocabulary import COMMAND_TYPES
from wsserver.websocket.codes import BINARY

EXAMPLES = {
    "join": {"channel": "lobby"},
    "leave": {"channel": "lobby"},
    "message": {"channel": "lobby", "text": "hi"},
    "broadcast": {"text": "hi"},
    "direct": {"to": "ann", "text": "hi"},
    "multicast": {"to": ["ann"], "text": "hi"},
    "subscribe": {"topic": "t"},
    "unsubscribe": {"topic": "t"},
    "publish": {"topic": "t", "data": 1},
    "request": {"method": "stats"},
    "presence": {"channel": "lobby"},
    "history": {"channel": "lobby"},
}


@pytest.fixture
def world() -> World:
    return World(token_mode=True)


def admitted(world: World, token: str = "ann 3600") -> Client:
    client = world.connect()
    assert client.ask("auth", token=token)["type"] == "ack"
    return client


def close_of(client: Client) -> tuple[int, str] | None:
    return client.peer.closed


def test_the_examples_are_all_commands_but_those_that_a_locked_client_may_say() -> None:
    assert set(EXAMPLES) | {"auth", "ping"} == COMMAND_TYPES


@pytest.mark.parametrize("type", EXAMPLES)
def test_before_a_token_every_command_is_answered_auth_required(world: World, type: str) -> None:
    error = world.connect().ask(type, id=7, **EXAMPLES[type])
    assert (error["code"], error["id"], error["retry"]) == ("auth_required", 7, False)


def test_before_a_token_a_ping_is_answered_and_a_binary_message_is_not_relayed(world: World) -> None:
    member, stranger = admitted(world), world.connect()
    cid = member.join("lobby")["cid"]
    assert stranger.ask("ping", id=1)["type"] == "pong"
    stranger.raw(cid.to_bytes(4, "big") + b"x", BINARY)
    assert stranger.hear()[0]["code"] == "auth_required"
    assert member.hear_binary() == []


def test_a_client_without_a_token_is_nowhere(world: World) -> None:
    stranger, member = world.connect(), admitted(world)
    assert member.ask("broadcast", text="hi", id=1)["delivered"] == 1
    stats = member.ask("request", method="stats")["result"]
    assert (stats["clients"], stats["users"]) == (1, 1)
    assert stranger.hear() == []


def test_a_token_names_its_client_and_opens_everything(world: World) -> None:
    client = world.connect()
    assert client.ask("auth", token="ann 60", id="a1") == {"type": "ack", "id": "a1"}
    assert client.join("lobby")["users"] == ["ann"]
    assert client.ask("request", method="whoami")["result"]["user"] == "ann"
    assert world.doorman is not None
    assert world.doorman.asked == [("ann 60", client.peer.address)]


def test_who_has_a_token_hears_broadcasts_and_direct_messages_at_once(world: World) -> None:
    ann, bob = admitted(world, "ann 60"), admitted(world, "bob 60")
    assert bob.ask("direct", to="ann", text="hi", id=1)["delivered"] == 1
    assert bob.ask("broadcast", text="hi", id=2)["delivered"] == 2
    assert [event["type"] for event in ann.hear()] == ["direct", "broadcast"]


def test_a_token_in_the_upgrade_is_as_good_and_the_welcome_says_whose_it_is(world: World) -> None:
    client = world.arrive("ann 60")
    world.router.on_open(client.peer)
    welcome = client.hear()
    assert [(event["type"], event["user"]) for event in welcome] == [("welcome", "ann")]
    assert client.join("lobby")["users"] == ["ann"]


def test_a_bad_token_in_the_upgrade_is_welcomed_and_closed(world: World) -> None:
    client = world.arrive("ann 0")
    world.router.on_open(client.peer)
    assert [event["user"] for event in client.hear()] == [None]
    assert close_of(client) == (4501, "the token has expired")


def test_a_bad_token_ends_the_connection_with_4501_and_no_answer(world: World) -> None:
    client = world.connect()
    client.say("auth", token="ann 0", id=1)
    assert client.hear() == []
    assert close_of(client) == (4501, "the token has expired")


def test_an_address_with_too_many_bad_tokens_is_told_to_come_back_later(world: World) -> None:
    client = world.connect()
    client.say("auth", token="flood 1")
    assert close_of(client) == (4029, "too many bad tokens from your address")


def test_who_shows_no_token_in_ten_seconds_has_to_go(world: World) -> None:
    client = world.connect()
    world.advance(9.9)
    client.ask("ping")
    assert close_of(client) is None
    world.advance(0.2)
    assert close_of(client) == (4501, "no token was shown in time")


def test_how_long_one_may_stay_without_a_token_is_a_setting() -> None:
    world = World(token_mode=True, auth_timeout_s=2.0)
    client = world.connect()
    world.advance(2)
    assert close_of(client) is not None


def test_who_has_shown_a_token_may_stay_until_it_expires_to_the_second(world: World) -> None:
    client = admitted(world, "ann 100")
    world.advance(99.9)
    assert close_of(client) is None
    assert client.ask("ping")["type"] == "pong"
    world.advance(0.2)
    assert close_of(client) == (4501, "the token has expired")


def test_a_clock_that_is_set_forward_is_noticed_within_a_minute(world: World) -> None:
    client = admitted(world, "ann 7200")
    shift = 7200 * 1000
    original = world.surroundings.wall_ms
    world.surroundings.wall_ms = lambda: original() + shift  # type: ignore[method-assign]
    world.advance(LOOK_AGAIN_S)
    assert close_of(client) == (4501, "the token has expired")


def test_a_newer_token_of_the_same_user_prolongs_the_stay_and_the_old_end_means_nothing(world: World) -> None:
    client = admitted(world, "ann 30")
    client.join("lobby")
    world.advance(20)
    assert client.ask("auth", token="ann 30", id=2) == {"type": "ack", "id": 2}
    world.advance(29)
    assert close_of(client) is None
    assert client.ask("presence", channel="lobby")["users"] == ["ann"]
    world.advance(2)
    assert close_of(client) == (4501, "the token has expired")


def test_a_newer_token_may_also_shorten_the_stay(world: World) -> None:
    client = admitted(world, "ann 3600")
    client.ask("auth", token="ann 5")
    world.advance(5.1)
    assert close_of(client) is not None


def test_a_token_of_somebody_else_is_name_taken_and_the_old_one_stays(world: World) -> None:
    client = admitted(world, "ann 30")
    error = client.ask("auth", token="bob 3600", id=2)
    assert (error["code"], error["id"]) == ("name_taken", 2)
    assert client.ask("request", method="whoami")["result"]["user"] == "ann"
    world.advance(31)
    assert close_of(client) == (4501, "the token has expired")


def test_a_bad_token_ends_also_a_connection_that_had_a_good_one(world: World) -> None:
    client = admitted(world)
    client.say("auth", token="ann 0")
    assert close_of(client) == (4501, "the token has expired")


def test_a_join_under_another_name_than_the_token_s_is_name_taken(world: World) -> None:
    client = admitted(world, "ann 60")
    assert client.join("lobby", "bob", id=3)["code"] == "name_taken"
    assert client.join("lobby", "ann")["type"] == "joined"
    assert client.join("other", "bob")["code"] == "name_taken"


def test_channels_beyond_the_token_are_forbidden_and_so_is_asking_about_them(world: World) -> None:
    client = admitted(world, "ann 60 news:* lobby")
    assert client.join("news:art")["type"] == "joined"
    assert client.join("lobby")["type"] == "joined"
    for type in ("join", "message", "presence", "history"):
        fields = {"text": "hi"} if type == "message" else {}
        assert client.ask(type, channel="lobby2", **fields)["code"] == "forbidden"
    assert client.ask("message", channel="news:sport", text="hi")["code"] == "not_joined"
    assert client.ask("join", channel="a*")["code"] == "bad_channel"


def test_a_channel_that_somebody_was_forbidden_to_join_is_not_made(world: World) -> None:
    client = admitted(world, "ann 60 lobby")
    client.join("secret")
    assert world.router.channels.find("secret") is None


def test_a_narrower_token_leaves_what_it_does_not_cover_and_others_are_told(world: World) -> None:
    ann, bob = admitted(world, "ann 60"), admitted(world, "bob 60")
    for channel in ("lobby", "news:art", "news:sport"):
        ann.join(channel)
        bob.join(channel)
    world.advance(1)
    ann.hear(), bob.hear()
    ann.say("auth", token="ann 60 news:*", id=5)
    world.end_turn()
    heard = ann.hear()
    assert [(event["type"], event.get("channel"), event.get("code")) for event in heard] == [
        ("error", None, "forbidden"), ("left", "lobby", None), ("ack", None, None),
    ]  # fmt: skip
    assert "'lobby'" in heard[0]["message"]
    world.advance(1)
    assert [event["left"] for event in bob.hear_type("presence")] == [["ann"]]
    bob.ask("message", channel="lobby", text="is she gone?")
    assert ann.hear() == []
    assert ann.ask("history", channel="lobby")["code"] == "forbidden"
    assert ann.ask("message", channel="news:art", text="hi", id=1)["type"] == "ack"


def test_until_a_token_is_shown_messages_are_small(world: World) -> None:
    client = world.connect()
    assert client.peer.max_message == LOCKED_MESSAGE
    client.ask("auth", token="ann 60")
    assert client.peer.max_message == 64 * 1024


def test_where_all_messages_are_smaller_they_stay_so(world: World) -> None:
    client = World(token_mode=True, max_message=1000).connect()
    assert client.peer.max_message == 1000


def test_nothing_is_left_of_a_client_that_is_gone(world: World) -> None:
    stranger, member = world.connect(), admitted(world)
    member.ask("auth", token="ann 1800")
    assert len(world.surroundings.armed()) == 2
    stranger.gone()
    member.gone()
    assert world.surroundings.armed() == []


def test_five_bad_messages_in_a_row_end_a_locked_client_too(world: World) -> None:
    client = world.connect()
    for _ in range(5):
        client.raw(b"{")
    closed = close_of(client)
    assert closed is not None
    assert closed[0] == 1008


def test_in_open_mode_nobody_has_to_show_anything_and_nothing_is_timed() -> None:
    world = World()
    client = world.connect()
    assert client.peer.max_message is None
    assert world.surroundings.armed() == []
    world.advance(3600)
    assert client.join("lobby", "ann")["type"] == "joined"
