"""What docs/protocol.md says of every message in both languages: ids, names, errors, keys, topics, binary messages."""

import time

import pytest

from tests.scenarios.languages import UNHURRIED, hears_no_more, in_both_languages, say_all

FLAGS = UNHURRIED
pytestmark = in_both_languages

EVERY_ANSWER = {
    "joined": ("join", {"channel": "here"}),
    "left": ("leave", {"channel": "there"}),
    "ack": ("message", {"channel": "here", "text": "x"}),
    "ack ": ("broadcast", {"text": "x"}),
    "ack  ": ("direct", {"to": "ann", "text": "x"}),
    "ack   ": ("multicast", {"to": ["ann"], "text": "x"}),
    "ack    ": ("publish", {"topic": "t", "data": 1}),
    "ack     ": ("auth", {"token": "x"}),
    "subscribed": ("subscribe", {"topic": "t"}),
    "unsubscribed": ("unsubscribe", {"topic": "t"}),
    "response": ("request", {"method": "time"}),
    "presence": ("presence", {"channel": "here"}),
    "history": ("history", {"channel": "here"}),
    "pong": ("ping", {}),
    "error": ("direct", {"to": "nobody", "text": "x"}),
    "error ": ("join", {"channel": "a*"}),
    "error  ": ("request", {"method": "nothing"}),
}


@pytest.fixture
def ann(server, connect):
    return connect(server, "ann", "here")


# -- answers and their ids ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["1", "é" * 64, "", " "])
def test_every_answer_carries_the_id_of_its_question(ann, id):
    for answer, (type, fields) in EVERY_ANSWER.items():
        ann.say(type, id=id, **fields)
        heard = ann._find(lambda event: "id" in event)
        assert (heard["type"], heard["id"]) == (answer.strip(), id)


def test_without_an_id_answers_have_none_and_what_is_only_acked_is_not(ann):
    for type, fields in EVERY_ANSWER.values():
        ann.say(type, **fields)
    ann.ask("ping")
    assert [event for event in ann.kept if "id" in event] == []
    answers = {event["type"] for event in ann.kept}
    assert answers >= {answer.strip() for answer in EVERY_ANSWER} - {"ack"}
    assert len([event for event in ann.kept if event["type"] == "ack"]) == 1  # that of `auth`


def test_an_id_that_is_too_long_is_bad_and_not_sent_back(ann):
    ann.say("ping", id="x" * 65)
    error = ann.hear("error")
    assert error["code"] == "bad_message"
    assert "`id`" in error["message"]
    assert "id" not in error


def test_an_error_carries_the_id_even_if_another_field_is_wrong(ann):
    for type, fields in (
        ("message", {"channel": "here", "text": ""}),
        ("message", {"channel": "here", "text": "x", "key": ""}),
        ("history", {"channel": "here", "limit": -1}),
        ("sing", {}),
    ):
        error = ann.ask(type, **fields)
        assert (error["type"], error["retry"]) == ("error", False)
        assert error["message"].endswith(".")
        ann.ask("ping")


def test_each_event_has_the_fields_that_it_must_have(server, connect, ann, room):
    bob = connect(server, "bob", room)
    joined = ann.join(room)
    assert joined.keys() >= {"channel", "cid", "epoch", "seq", "users", "count", "messages"}
    assert (joined["channel"], joined["seq"], joined["count"], joined["messages"]) == (room, 0, 2, [])
    assert sorted(joined["users"]) == ["ann", "bob"]
    assert ann.ask("message", channel=room, text="x").keys() >= {"channel", "seq", "ts", "duplicate"}
    assert bob.hear("message").keys() >= {"channel", "seq", "user", "text", "ts"}
    assert bob.hear("presence").keys() >= {"channel", "joined", "left", "count"}
    assert ann.ask("presence", channel=room).keys() >= {"channel", "users", "count"}
    assert ann.ask("history", channel=room).keys() >= {"channel", "messages", "more"}
    bob.ask("subscribe", topic=room)
    now_ms = time.time_ns() // 1_000_000
    for type, fields, heard in (
        ("broadcast", {"text": "x"}, {"user", "text", "ts"}),
        ("direct", {"to": "bob", "text": "x"}, {"user", "text", "ts"}),
        ("multicast", {"to": ["bob"], "text": "x"}, {"user", "text", "ts"}),
        ("publish", {"topic": room, "data": None}, {"topic", "data", "user", "ts"}),
    ):
        assert ann.ask(type, **fields)["delivered"] >= 1
        event = bob.hear("event" if type == "publish" else type)
        assert event.keys() >= heard
        assert event["user"] == "ann"
        assert isinstance(event["ts"], int)
        assert abs(event["ts"] - now_ms) < 60_000


def test_errors_other_than_bad_messages_neither_count_in_the_row_nor_end_it(server, connect):
    ann = connect(server)
    for _ in range(10):
        assert ann.ask("presence", channel="elsewhere")["code"] == "not_joined"
    for _ in range(4):
        assert ann.ask("direct", to="", text="")["code"] == "bad_message"
        ann.ask("sing")
    ann.say("direct", to="", text="")
    assert ann.hear_close()[0] == 1008


def test_a_good_message_ends_the_row(server, connect):
    ann = connect(server)
    for _ in range(3):
        for _ in range(4):
            assert ann.ask("direct", to="", text="")["code"] == "bad_message"
        assert ann.ask("ping")["type"] == "pong"


# -- names -------------------------------------------------------------------------------------------------------------


def test_the_first_name_holds_for_the_connection(server, connect, room):
    ann = connect(server)
    assert ann.join(room, "ann")["users"] == ["ann"]
    assert ann.join(room + "-b")["users"] == ["ann"]
    assert ann.join(room + "-c", "ann")["users"] == ["ann"]
    error = ann.ask("join", channel=room + "-d", user="bob")
    assert error["code"] == "bad_message"
    assert "`user`" in error["message"]
    assert ann.ask("request", method="whoami")["result"]["user"] == "ann"


def test_who_speaks_before_having_a_name_is_a_guest_from_then_on(server, connect, room):
    guest, bob = connect(server), connect(server, "bob", room)
    assert guest.ask("direct", to="bob", text="hello")["delivered"] == 1
    name = bob.hear("direct")["user"]
    assert name.startswith("guest-")
    assert len(name) == len("guest-") + 4
    assert name in guest.join(room)["users"]


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127 + "x", "a b", "#lobby", "ann@example.org", "🦜"])
def test_a_good_name_may_be_a_channel_a_user_and_a_topic(server, connect, room, name):
    ann = connect(server)
    assert ann.join(name, name)["users"] == [name]
    assert ann.ask("subscribe", topic=name)["topic"] == name
    assert ann.ask("publish", topic=name, data=1)["delivered"] == 1


@pytest.mark.parametrize("name", ["", "x" * 256, "é" * 128, " a", "a ", "a\n", "a\x7f", "a*"])
def test_a_bad_name_is_none_of_them(server, connect, room, name):
    ann = connect(server)
    assert ann.ask("join", channel=name)["code"] == "bad_channel"
    assert ann.ask("join", channel=room, user=name)["code"] == "bad_message"
    assert ann.ask("request", method="whoami")["result"]["user"] is None
    assert ann.ask("publish", topic=name, data=1)["code"] == "bad_message"
    if not name.endswith("*"):
        assert ann.ask("subscribe", topic=name)["code"] == "bad_message"


# -- members only ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("was_there", [False, True], ids=["a stranger", "who has left"])
def test_only_members_look_read_and_speak(server, connect, ann, room, was_there):
    number = ann.join(room)["cid"]
    stranger = connect(server, "bob", room if was_there else None)
    if was_there:
        assert stranger.ask("leave", channel=room)["type"] == "left"
    for type, fields in (("presence", {}), ("history", {}), ("message", {"text": "x"})):
        assert stranger.ask(type, channel=room, **fields)["code"] == "not_joined"
    stranger.say_binary(number, b"x")
    assert stranger.hear("error")["code"] == "not_joined"
    assert stranger.ask("leave", channel=room)["type"] == "left"
    assert hears_no_more(ann, "binary")
    assert ann.join(room)["seq"] == 0


def test_a_client_may_be_in_128_channels(server, connect, room):
    ann = connect(server)
    for number in range(128):
        ann.join(f"{room}-{number}", history=0)
    error = ann.ask("join", channel=f"{room}-one-more")
    assert (error["type"], error["code"]) == ("error", "too_many_channels")
    assert ann.join(f"{room}-0")["count"] == 1
    ann.ask("leave", channel=f"{room}-0")
    ann.join(f"{room}-one-more")


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_key_that_was_seen_is_acked_as_the_first_time_and_not_delivered_again(server, connect, ann, room):
    ann.join(room)
    again, bob = connect(server, "ann", room), connect(server, "bob", room)
    key = "k" * 128
    first = ann.ask("message", channel=room, text="pay", key=key)
    second = again.ask("message", channel=room, text="pay, again", key=key)
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert (second["channel"], second["seq"], second["ts"]) == (room, first["seq"], first["ts"])
    assert bob.ask("message", channel=room, text="mine", key=key)["duplicate"] is False
    ann.join(room + "-b")
    assert ann.ask("message", channel=room + "-b", text="there", key=key)["duplicate"] is False
    assert [bob.hear("message")["text"] for _ in range(2)] == ["pay", "mine"]
    assert hears_no_more(bob)


def test_a_key_twice_in_one_breath_is_stored_once(ann, room):
    ann.join(room)
    for number in range(5):
        ann.say("message", channel=room, text="x", key="k", id=str(number))
    acks = [ann.hear("ack") for _ in range(5)]
    assert [(ack["seq"], ack["duplicate"]) for ack in acks] == [(1, False)] + [(1, True)] * 4
    assert say_all(ann, room, "y")["seq"] == 2


def test_a_key_has_1_to_128_characters_and_a_text_at_least_one(ann):
    for fields in ({"key": ""}, {"key": "k" * 129}, {"text": ""}):
        assert ann.ask("message", **{"channel": "here", "text": "x", **fields})["code"] == "bad_message"
        ann.ask("ping")


# -- to all, to one, to some -------------------------------------------------------------------------------------------


def test_one_may_write_to_oneself_and_whoever_is_named_twice_hears_it_once(server, connect, ann, room):
    bob = connect(server, "bob-" + room, room)
    assert bob.ask("direct", to="bob-" + room, text="note")["delivered"] == 1
    assert bob.hear("direct")["text"] == "note"
    assert ann.ask("multicast", to=["bob-" + room] * 3 + ["nobody"], text="x")["delivered"] == 1
    assert bob.hear("multicast")["text"] == "x"
    assert hears_no_more(bob, "multicast")
    assert ann.ask("multicast", to=[], text="x")["delivered"] == 0


def test_a_broadcast_reaches_who_is_in_no_channel_and_has_no_name(server, connect, ann):
    nameless = connect(server)
    reached = ann.ask("broadcast", text="all")["delivered"]
    assert reached >= 2
    assert nameless.hear("broadcast")["text"] == ann.hear("broadcast")["text"] == "all"


# -- topics ------------------------------------------------------------------------------------------------------------


def test_nobody_has_to_be_a_member_to_publish_and_a_publisher_may_listen(server, connect, room):
    ann = connect(server)
    assert ann.ask("publish", topic=room, data={"a": [1, None, "é", True, 1.5]})["delivered"] == 0
    ann.ask("subscribe", topic=room)
    ann.ask("subscribe", topic=room)
    assert ann.ask("publish", topic=room, data={"a": [1, None, "é", True, 1.5]})["delivered"] == 1
    assert ann.hear("event")["data"] == {"a": [1, None, "é", True, 1.5]}
    assert hears_no_more(ann, "event")


def test_a_pattern_means_what_begins_so_and_a_star_alone_means_all(server, connect, room):
    prefix, everything, exact = connect(server), connect(server), connect(server)
    prefix.ask("subscribe", topic=room + ".*")
    everything.ask("subscribe", topic="*")
    everything.ask("subscribe", topic=room + ".a*")
    exact.ask("subscribe", topic=room)
    delivered = [exact.ask("publish", topic=room + end, data=end)["delivered"] for end in ("", ".", ".abc", "x")]
    assert delivered == [2, 2, 2, 1]
    assert [prefix.hear("event")["data"] for _ in range(2)] == [".", ".abc"]
    assert [everything.hear("event")["data"] for _ in range(4)] == ["", ".", ".abc", "x"]
    assert exact.hear("event")["data"] == ""
    for talker in (prefix, everything, exact):
        assert hears_no_more(talker, "event")


def test_each_pattern_is_taken_back_by_itself(server, connect, room):
    ann = connect(server)
    for pattern in (room, room + "*"):
        ann.ask("subscribe", topic=pattern)
    for pattern, delivered in ((room + "*", 1), (room, 0), (room, 0)):
        answer = ann.ask("unsubscribe", topic=pattern)
        assert (answer["type"], answer["topic"]) == ("unsubscribed", pattern)
        assert ann.ask("publish", topic=room, data=1)["delivered"] == delivered


def test_a_subscription_ends_with_its_connection(server, connect, ann, room):
    bob = connect(server)
    bob.ask("subscribe", topic=room)
    bob.close()
    while ann.ask("publish", topic=room, data=1)["delivered"]:
        pass


# -- requests ----------------------------------------------------------------------------------------------------------


def test_a_request_gets_a_result_or_an_error(ann):
    for params in (None, [], {"a": {"b": [1.5, "é"]}}, "text", 0, False):
        assert ann.ask("request", method="echo", params=params)["result"] == params
    assert "result" in ann.ask("request", method="echo")
    error = ann.ask("request", method="nothing", params={})
    assert (error["type"], error["code"]) == ("error", "unknown_method")


# -- binary messages ---------------------------------------------------------------------------------------------------


def test_a_binary_message_reaches_all_members_as_it_is_and_is_not_stored(server, connect, ann, room):
    number = ann.join(room)["cid"]
    bob = connect(server)
    assert bob.join(room, "bob")["cid"] == number
    for payload in (b"", b"\x00\xff" * 1000, bytes(range(256))):
        ann.say_binary(number, payload)
        for talker in (ann, bob):
            assert talker.hear("binary")["payload"] == number.to_bytes(4, "big") + payload
    assert ann.join(room)["seq"] == 0


def test_texts_and_binary_messages_of_one_sender_keep_their_order(server, connect, ann, room):
    number = ann.join(room)["cid"]
    bob = connect(server, "bob", room)
    for _ in range(20):
        ann.say("message", channel=room, text="x")
        ann.say_binary(number, b"y")
    heard = []
    while len(heard) < 40:
        event = bob._next()
        heard += [event["type"]] if event["type"] in ("message", "binary") else []
    assert heard == ["message", "binary"] * 20


def test_no_two_channels_have_one_number_and_each_keeps_its_own(server, connect, ann, room):
    numbers = [ann.join(f"{room}-{index}")["cid"] for index in range(20)]
    assert len(set(numbers)) == 20
    for index in range(20):
        ann.ask("leave", channel=f"{room}-{index}")
    assert [connect(server).join(f"{room}-{index}")["cid"] for index in (0, 19)] == [numbers[0], numbers[19]]


def test_a_number_that_no_channel_has_is_not_joined(ann):
    for number in (0, 2**32 - 1):
        ann.say_binary(number, b"x")
        assert ann.hear("error")["code"] == "not_joined"
