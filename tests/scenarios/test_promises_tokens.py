"""Who may speak where tokens are asked for and rules are set (docs/protocol.md), in both languages."""

import time

import jwt
import pytest

from tests.scenarios.languages import in_both_languages

SECRET = "a secret that nobody has to keep, in tests"

FLAGS = (
    "--set", "auth.mode=token", "--set", f"auth.secret={SECRET}",
    "--set", "channels.staff.join=ann", "--set", "channels.news.send=ann",
)  # fmt: skip

pytestmark = in_both_languages

LOCKED = {
    "join": {"channel": "lobby"},
    "leave": {"channel": "lobby"},
    "message": {"channel": "lobby", "text": "x"},
    "broadcast": {"text": "x"},
    "direct": {"to": "ann", "text": "x"},
    "multicast": {"to": ["ann"], "text": "x"},
    "subscribe": {"topic": "t"},
    "unsubscribe": {"topic": "t"},
    "publish": {"topic": "t", "data": 1},
    "request": {"method": "time"},
    "presence": {"channel": "lobby"},
    "history": {"channel": "lobby"},
}


def token(user, expires_s=3600, **claims):
    return jwt.encode({"sub": user, "exp": time.time() + expires_s, **claims}, SECRET, "HS256")


@pytest.fixture
def enter(server, connect):
    """Make a client that has shown a token: enter("ann", channels=["news"])."""

    def enter_one(user, **claims):
        talker = connect(server)
        assert talker.ask("auth", token=token(user, **claims))["type"] == "ack"
        return talker

    return enter_one


def test_before_a_token_nothing_is_done_but_auth_and_ping(server, connect):
    talker = connect(server)
    assert talker.welcome["user"] is None
    for type, fields in LOCKED.items():
        error = talker.ask(type, **fields)
        assert (error["type"], error["code"]) == ("error", "auth_required")
    assert talker.ask("ping")["type"] == "pong"
    assert talker.ask("auth", token=token("ann"))["type"] == "ack"
    assert talker.join("lobby")["users"] == ["ann"]


def test_who_has_shown_no_token_hears_nothing(server, connect, enter):
    silent, ann = connect(server), enter("ann")
    assert ann.ask("broadcast", text="x")["delivered"] >= 1
    assert silent.is_quiet()


FORGED = jwt.encode({"sub": "ann", "exp": 4e9}, SECRET + "!", "HS256")


@pytest.mark.parametrize("bad", ["", "nonsense", "a.b.c", FORGED])
def test_a_bad_token_is_4501_and_no_answer(server, connect, bad):
    talker = connect(server)
    talker.say("auth", token=bad)
    assert talker.hear_close()[0] == 4501


def test_a_bad_token_ends_who_had_a_good_one(enter):
    talker = enter("ann")
    talker.say("auth", token=token("ann", expires_s=-1))
    assert talker.hear_close()[0] == 4501


def test_the_name_is_that_of_the_token(enter):
    ann = enter("ann")
    assert ann.ask("join", channel="lobby", user="bob")["code"] == "name_taken"
    assert ann.ask("auth", token=token("bob"))["code"] == "name_taken"
    assert ann.join("lobby", "ann")["users"] == ["ann"]
    assert ann.ask("auth", token=token("ann"))["type"] == "ack"


def test_a_token_and_the_rules_say_where_one_may_be_and_speak(enter):
    ann, bob, narrow = enter("ann"), enter("bob"), enter("ann", channels=["new*"])
    assert bob.ask("join", channel="staff")["code"] == "forbidden"
    assert narrow.ask("join", channel="staff")["code"] == "forbidden"
    number = ann.join("news")["cid"]
    for talker in (bob, narrow):
        talker.join("news")
    assert bob.ask("message", channel="news", text="no")["code"] == "forbidden"
    bob.say_binary(number, b"no")
    assert bob.hear("error")["code"] == "forbidden"
    assert narrow.ask("message", channel="news", text="yes")["type"] == "ack"
    assert bob.hear("message")["text"] == "yes"
