"""Three people chat through real sockets, with every command of docs/protocol.md, in both languages."""

import struct
import time

import pytest

from tests.scenarios.talking import Talker
from tests.scenarios.talking_protobuf import SUBPROTOCOL, ProtobufTalker


@pytest.fixture(params=[Talker, ProtobufTalker], ids=["json", "protobuf"])
def language(request):
    """Every test of this file is made twice, but for those that look at JSON itself."""
    return request.param


only_json = pytest.mark.parametrize("language", [Talker], ids=["json"])


@pytest.fixture
def three(server, connect, request):
    """Ann, Bob and Cid in a channel of their own; everybody knows that everybody is there."""
    names = [f"{name}-{request.node.name}"[:40] for name in ("ann", "bob", "cid")]
    talkers = [connect(server, user, request.node.name) for user in names]
    for talker, user in zip(talkers, names, strict=True):
        talker.user, talker.channel = user, request.node.name
    talkers[0].hear("presence", count=3)  # the announcements are over
    for talker in talkers:
        talker.ask("ping")
        talker.kept.clear()
    return talkers


def test_welcome_says_what_a_client_has_to_know(server, connect):
    first, second = connect(server), connect(server)
    welcome = first.welcome
    assert welcome["client"] != second.welcome["client"]
    assert welcome["user"] is None
    assert welcome["heartbeat"] == 25
    assert welcome["max_message"] == 65536
    assert isinstance(welcome["server"], str)


@only_json
@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(None, None), (["wsserver.v1.json"], "wsserver.v1.json"), (["soap", "wsserver.v1.json"], "wsserver.v1.json")],
)
def test_the_subprotocol_is_chosen_among_those_offered(server, connect, offered, chosen):
    talker = connect(server, subprotocols=offered)
    assert talker.socket.getsubprotocol() == chosen
    assert talker.ask("ping")["type"] == "pong"


def test_messages_reach_everybody_in_the_order_of_their_numbers(three):
    for round_ in range(10):
        for talker in three:
            talker.say("message", channel=talker.channel, text=f"{talker.user} {round_}")
    heard = [[talker.hear("message") for _ in range(30)] for talker in three]
    assert heard[0] == heard[1] == heard[2]
    assert [message["seq"] for message in heard[0]] == list(range(1, 31))
    for talker in three:
        own = [message["text"] for message in heard[0] if message["user"] == talker.user]
        assert own == [f"{talker.user} {round_}" for round_ in range(10)]
        assert talker.is_quiet()


def test_the_ack_has_the_number_and_comes_with_the_message(three):
    ann, bob, _ = three
    before_ms = time.time_ns() // 1_000_000
    ack = ann.ask("message", channel=ann.channel, text="hi", key="k1")
    message = bob.hear("message")
    assert ack["type"] == "ack"
    assert (ack["channel"], ack["seq"], ack["duplicate"]) == (ann.channel, 1, False)
    assert message == {
        "type": "message", "channel": ann.channel, "seq": 1, "user": ann.user, "text": "hi", "ts": ack["ts"],
    }  # fmt: skip
    assert before_ms - 1000 <= ack["ts"] <= before_ms + 60_000
    again = ann.ask("message", channel=ann.channel, text="hi", key="k1")
    assert (again["seq"], again["duplicate"]) == (1, True)
    assert bob.is_quiet()


def test_a_late_comer_gets_the_history_and_then_the_live_stream(three, server, connect):
    ann, *_ = three
    for number in range(60):
        ann.ask("message", channel=ann.channel, text=str(number + 1))
    late = connect(server)
    joined = late.join(ann.channel, "dora")
    assert (joined["seq"], joined["count"]) == (60, 4)
    assert [message["seq"] for message in joined["messages"]] == list(range(11, 61))
    ann.say("message", channel=ann.channel, text="live")
    assert late.hear("message")["seq"] == 61
    assert len(connect(server).join(ann.channel, "eve", history=3)["messages"]) == 3


def test_who_comes_back_gets_exactly_what_was_missed(three, server, connect):
    ann, bob, _ = three
    ann.ask("message", channel=ann.channel, text="one")
    epoch = bob.join(bob.channel)["epoch"]
    bob.vanish()
    for text in ("two", "three"):
        ann.ask("message", channel=ann.channel, text=text)
    again = connect(server).join(bob.channel, bob.user, since=1, epoch=epoch)
    assert again["recovered"] is True
    assert [message["text"] for message in again["messages"]] == ["two", "three"]
    stranger = connect(server).join(bob.channel, "stranger", since=1, epoch="another")
    assert stranger["recovered"] is False


def test_history_is_read_page_by_page(three):
    ann, *_ = three
    for number in range(10):
        ann.ask("message", channel=ann.channel, text=str(number + 1))

    def page(**where):
        answer = ann.ask("history", channel=ann.channel, limit=4, **where)
        assert answer["type"] == "history"
        return [message["seq"] for message in answer["messages"]], answer["more"]

    assert page() == ([7, 8, 9, 10], True)
    assert page(before=7) == ([3, 4, 5, 6], True)
    assert page(before=3) == ([1, 2], False)
    assert page(after=8) == ([9, 10], False)
    assert page(after=1) == ([2, 3, 4, 5], True)
    assert ann.ask("history", channel=ann.channel, before=3, after=1)["code"] == "bad_message"


def test_broadcast_reaches_every_client_the_sender_and_strangers_too(three, server, connect):
    ann, bob, cid = three
    stranger = connect(server)
    assert ann.ask("broadcast", text="all of you")["type"] == "ack"
    for talker in (ann, bob, cid, stranger):
        assert talker.hear("broadcast", user=ann.user)["text"] == "all of you"


def test_direct_reaches_every_client_of_one_user(three, server, connect):
    ann, bob, cid = three
    second = connect(server, bob.user, "elsewhere")
    ack = ann.ask("direct", to=bob.user, text="psst")
    assert (ack["type"], ack["delivered"]) == ("ack", 2)
    for talker in (bob, second):
        heard = talker.hear("direct")
        assert (heard["user"], heard["text"]) == (ann.user, "psst")
    assert cid.is_quiet()
    assert ann.ask("direct", to="nobody", text="psst")["code"] == "no_such_user"


def test_multicast_reaches_those_named_who_are_there(three):
    ann, bob, cid = three
    ack = ann.ask("multicast", to=[bob.user, cid.user, "nobody"], text="you two")
    assert ack["delivered"] == 2
    for talker in (bob, cid):
        assert talker.hear("multicast", user=ann.user)["text"] == "you two"
    assert ann.is_quiet()
    assert ann.ask("multicast", to=["nobody"], text="?")["delivered"] == 0


def test_topics_reach_subscribers_once_however_many_patterns_match(three):
    ann, bob, cid = three
    assert bob.ask("subscribe", topic="news.sport")["type"] == "subscribed"
    assert bob.ask("subscribe", topic="news.*")["topic"] == "news.*"
    cid.ask("subscribe", topic="news.art")
    assert ann.ask("publish", topic="news.sport", data={"goals": [1, None, "ü"]})["delivered"] == 1
    event = bob.hear("event")
    assert (event["topic"], event["data"], event["user"]) == ("news.sport", {"goals": [1, None, "ü"]}, ann.user)
    assert bob.is_quiet()
    assert cid.is_quiet()
    assert bob.ask("unsubscribe", topic="news.*")["type"] == "unsubscribed"
    bob.ask("unsubscribe", topic="news.sport")
    assert ann.ask("publish", topic="news.sport", data=1)["delivered"] == 0


def test_requests_are_answered(three):
    ann, *_ = three

    def call(method, params=None):
        answer = ann.ask("request", method=method, params=params)
        assert answer["type"] == "response"
        return answer["result"]

    assert call("echo", {"a": [1, 2]}) == {"a": [1, 2]}
    assert abs(call("time")["ts"] - time.time_ns() // 1_000_000) < 60_000
    whoami = call("whoami")
    assert (whoami["user"], whoami["client"]) == (ann.user, ann.welcome["client"])
    assert {"channel": ann.channel, "count": 3} in call("channels")["channels"]
    assert call("stats")["clients"] >= 3
    assert ann.ask("request", method="nonsense")["code"] == "unknown_method"


def test_presence_counts_users_and_a_clean_leave_shows_at_once(three, server, connect):
    ann, bob, cid = three
    second = connect(server, bob.user, ann.channel)
    presence = ann.ask("presence", channel=ann.channel)
    assert (presence["type"], presence["count"]) == ("presence", 3)
    assert set(presence["users"]) == {ann.user, bob.user, cid.user}
    left = cid.ask("leave", channel=cid.channel)
    assert (left["type"], left["channel"]) == ("left", cid.channel)
    change = ann.hear("presence")
    assert (change["joined"], change["left"], change["count"]) == ([], [cid.user], 2)
    bob.close()
    second.close()
    change = ann.hear("presence")
    assert (change["left"], change["count"]) == ([bob.user], 1)


def test_binary_goes_to_the_members_of_the_channel_with_that_number(three, server, connect):
    ann, bob, cid = three
    stranger = connect(server, "stranger", "elsewhere")
    number = ann.join(ann.channel)["cid"]
    frame = struct.pack("!I", number) + bytes(range(256))
    ann.say_binary(number, bytes(range(256)))
    for talker in (ann, bob, cid):
        assert talker.hear("binary")["payload"] == frame
    assert stranger.is_quiet()
    ann.say_binary(999_999, b"")
    assert ann.hear("error")["code"] == "not_joined"


@only_json
def test_a_binary_message_without_a_number_is_bad(server, connect):
    ann = connect(server)
    ann.socket.send_binary(b"abc")
    assert ann.hear("error")["code"] == "bad_message"


def test_both_languages_share_a_channel(server):
    ann, bob = Talker(server.ws()), ProtobufTalker(server.ws())
    try:
        assert bob.socket.getsubprotocol() == SUBPROTOCOL
        ann.join("both", "ann")
        number = bob.join("both", "bob")["cid"]
        ann.ask("message", channel="both", text="from json")
        bob.ask("message", channel="both", text="from protobuf")
        bob.say_binary(number, b"bytes")
        heard = [[talker.hear("message") for _ in range(2)] + [talker.hear("binary")] for talker in (ann, bob)]
        assert heard[0] == heard[1]
        assert [message["user"] for message in heard[0][:2]] == ["ann", "bob"]
        assert bob.ask("history", channel="both")["messages"] == ann.ask("history", channel="both")["messages"]
    finally:
        ann.socket.shutdown()
        bob.socket.shutdown()


@pytest.mark.parametrize(
    ("type", "fields", "code"),
    [
        ("sing", {}, "unknown_type"),
        ("message", {"channel": "not mine", "text": "x"}, "not_joined"),
        ("presence", {"channel": "not mine"}, "not_joined"),
        ("history", {"channel": "not mine"}, "not_joined"),
        ("join", {"channel": "a*"}, "bad_channel"),
        ("join", {"channel": " a"}, "bad_channel"),
        ("message", {"channel": "x", "text": ""}, "bad_message"),
        ("direct", {"to": "x"}, "bad_message"),
    ],
)
def test_an_error_says_what_to_do_and_keeps_the_connection(server, connect, type, fields, code):
    talker = connect(server)
    error = talker.ask(type, **fields)
    assert (error["type"], error["code"]) == ("error", code)
    assert error["message"].endswith(".")
    assert error["retry"] is False
    assert talker.ask("ping")["type"] == "pong"


@only_json
def test_a_field_of_the_wrong_kind_is_named(server, connect):
    error = connect(server).ask("message", channel="x", text=5)
    assert error["code"] == "bad_message"
    assert "`text`" in error["message"]


def test_ping_is_answered_and_auth_is_welcome_in_open_mode(server, connect):
    talker = connect(server)
    assert abs(talker.ask("ping")["ts"] - time.time_ns() // 1_000_000) < 60_000
    assert talker.ask("auth", token="whatever")["type"] == "ack"


@only_json
def test_five_bad_messages_in_a_row_close_with_1008(server, connect):
    talker = connect(server)
    for _ in range(4):
        talker.socket.send("no JSON")
        assert talker.hear("error")["code"] == "bad_json"
    talker.ask("ping")
    for _ in range(5):
        talker.socket.send("no JSON")
    assert talker.hear_close()[0] == 1008


def test_a_name_is_given_once_and_those_without_one_are_guests(server, connect, request):
    talker, channel = connect(server), request.node.name
    [guest] = [user for user in talker.join(channel)["users"] if user.startswith("guest-")]
    assert len(guest) == len("guest-") + 4
    assert talker.ask("join", channel=channel, user="ann")["code"] == "bad_message"


def test_who_sends_too_fast_is_told_so(start, connect):
    server = start("--set", "limits.rate=5")
    talker = connect(server)
    for _ in range(12):
        talker.say("ping")
    assert [talker._next()["type"] for _ in range(12)] == ["pong"] * 10 + ["error"] * 2


def test_a_client_that_resets_is_gone_after_the_grace_and_the_others_chat_on(start):
    server = start("--set", "presence.leave_grace=100ms")
    ann, bob = Talker(server.ws()), Talker(server.ws())
    try:
        ann.join("lobby", "ann")
        bob.join("lobby", "bob")
        ann.hear("presence", joined=["bob"])
        bob.socket.sock.sendall(b"\x81\xfe\x10\x00half a message")
        bob.vanish()
        assert ann.hear("presence", left=["bob"])["count"] == 1
        assert ann.ask("message", channel="lobby", text="still here")["seq"] == 1
    finally:
        ann.socket.shutdown()
        bob.socket.shutdown()
