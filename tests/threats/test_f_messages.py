"""Chat messages that ask for too much, for what is not theirs, or twice: an error with a code, and the chat goes on."""

import json

import pytest

from tests.chat.fakes import World
from tests.threats.chatting import LET_TALK, ROOMS
from tests.websocket.frames_by_hand import frame
from wsserver.chat.names import name_fault
from wsserver.websocket.codes import BINARY, CLOSE, TEXT


@pytest.fixture(scope="module")
def flags():
    return LET_TALK


# -- 89 to 92: too many, unnameable, out of reach ----------------------------------------------------------------------


def test_f89_the_129th_channel_is_refused_until_one_is_left(people, room):
    mallory, _ = people
    for number in range(127):
        mallory.join(f"{room}-{number}", history=0)
    for number in (127, 128, 129):
        assert mallory.ask("join", channel=f"{room}-{number}")["code"] == "too_many_channels"
    assert mallory.join(f"{room}-5")["count"] == 1  # where it is already
    mallory.ask("leave", channel=f"{room}-5")
    assert mallory.join(f"{room}-127")["count"] == 1


def test_f89_a_channel_that_was_refused_does_not_come_into_being(people, room):
    mallory, ann = people
    before = ann.ask("request", method="stats")["result"]["channels"]
    for number in range(200):
        for type in ("message", "presence", "history", "leave"):
            mallory.ask(type, channel=f"{room}/{number}", **({"text": "x"} if type == "message" else {}))
        mallory.ask("join", channel=f"{room}*{number}")
    assert ann.ask("request", method="stats")["result"]["channels"] == before


def test_f89_the_129th_subscription_is_refused_until_one_is_taken_back(people):
    mallory, ann = people
    for number in range(128):
        assert mallory.ask("subscribe", topic="a" * (number + 1) + "*")["type"] == "subscribed"
    assert mallory.ask("subscribe", topic="b*")["code"] == "too_many_channels"
    mallory.ask("unsubscribe", topic="a*")
    assert mallory.ask("subscribe", topic="b*")["type"] == "subscribed"
    mallory.close()
    while ann.ask("request", method="stats")["result"]["subscriptions"]:
        pass


def test_f89_beyond_all_channels_those_that_rest_go_and_those_in_use_stay():
    world = World(channels=50, leave_grace_s=0.0)
    ann = world.connect("ann", "lobby")
    for number in range(500):
        passer = world.connect("passer", f"room-{number}")
        passer.gone(1000)
    assert len(world.router.channels._by_name) == 50
    assert ann.join("lobby")["count"] == 1
    for number in range(49):
        assert ann.join(f"mine-{number}")["count"] == 1
    error = ann.ask("join", channel="one more")
    assert (error["code"], error["retry"]) == ("too_many_channels", True)


BAD_NAMES = [
    "", " ", "a ", " a", "\ta", "a\n", "a\rb", "a\0b", "a\x1bb", "a\x7fb", "a\x85b", "a*", "*", "a*b",
    "\u2003a", "a\u00a0", "x" * 256, "é" * 128, "😀" * 64,
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_f90_a_bad_name_names_nothing(people, name):
    mallory, _ = people
    for type, fields in (
        ("join", {"channel": name}),
        ("leave", {"channel": name}),
        ("message", {"channel": name, "text": "x"}),
        ("presence", {"channel": name}),
        ("history", {"channel": name}),
    ):
        assert mallory.ask(type, **fields)["code"] == "bad_channel"
        mallory.ask("ping")
    assert mallory.ask("publish", topic=name, data=1)["code"] == "bad_message"
    assert mallory.ask("direct", to=name, text="x")["code"] in ("bad_message", "no_such_user")


@pytest.mark.parametrize("name", ["a?[b]", "{tag}", "../..", "a/b", "%00", "'; DROP TABLE x;--", "x" * 255, "é" * 127])
def test_f90_what_other_systems_give_a_meaning_is_only_a_name(people, name):
    mallory, ann = people
    assert mallory.join(name)["channel"] == name
    assert ann.join(name)["count"] == 2
    mallory.say("message", channel=name, text="x")
    assert ann.hear("message")["channel"] == name


@pytest.mark.parametrize(
    ("one", "other"),
    [("caf\u00e9", "cafe\u0301"), ("lobby", "Lobby"), ("a\u200bb", "ab"), ("\u0430dmin", "admin"), ("\uff41", "a")],
    ids=["composed or not", "case", "a space of no width", "cyrillic", "full width"],
)
def test_f90_names_that_look_alike_are_different_names(people, room, one, other):
    mallory, ann = people
    mallory.join(f"{room}-{one}")
    assert ann.join(f"{room}-{other}")["count"] == 1
    mallory.say("message", channel=f"{room}-{one}", text="secret")
    mallory.ask("ping")
    ann.ask("ping")
    assert [event for event in ann.kept if event["type"] == "message"] == []


def test_f91_who_is_no_member_reads_and_says_nothing(server, connect, people, room):
    _, ann = people
    cid = ann.join(room)["cid"]
    ann.ask("message", channel=room, text="among us")
    stranger = connect(server)
    for attempt in range(2):  # a stranger, then somebody who has left
        assert stranger.ask("message", channel=room, text="x")["code"] == "not_joined"
        assert stranger.ask("presence", channel=room)["code"] == "not_joined"
        assert stranger.ask("history", channel=room)["code"] == "not_joined"
        stranger.socket.send_binary(cid.to_bytes(4, "big") + b"x")
        assert stranger.hear("error")["code"] == "not_joined"
        if not attempt:
            stranger.join(room, "stranger")
            stranger.ask("leave", channel=room)
    ann.say("message", channel=room, text="still among us")
    ann.hear("message", text="still among us")
    stranger.ask("ping")
    assert [event for event in stranger.kept if event["type"] in ("message", "binary")] == []


@pytest.mark.parametrize("cid", [0, 2**32 - 1, 999_999])
def test_f91_numbers_of_channels_cannot_be_guessed_into(people, cid):
    mallory, _ = people
    mallory.socket.send_binary(cid.to_bytes(4, "big"))
    assert mallory.hear("error")["code"] == "not_joined"


OUT_OF_RANGE = [-1, 0, 10**6, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**20, -(10**20)]


@pytest.mark.parametrize("seq", OUT_OF_RANGE)
def test_f92_positions_that_no_channel_has_are_clamped(people, room, seq):
    mallory, _ = people
    for number in range(3):
        mallory.ask("message", channel=room, text=str(number))
    for field, all_of_them in (("after", seq <= 0), ("before", seq > 3)):
        answer = mallory.ask("history", channel=room, **{field: seq})
        assert [event["seq"] for event in answer["messages"]] == ([1, 2, 3] if all_of_them else [])


@pytest.mark.parametrize("seq", [-1, 4, *OUT_OF_RANGE[2:]])
def test_f92_a_position_that_the_channel_never_had_recovers_nothing(server, connect, people, room, seq):
    mallory, _ = people
    for number in range(3):
        epoch = mallory.join(room)["epoch"]
        mallory.ask("message", channel=room, text=str(number))
    late = connect(server)
    joined = late.join(room, "late", since=seq, epoch=epoch)
    assert joined["recovered"] is False
    assert [event["seq"] for event in joined["messages"]] == [1, 2, 3]


@pytest.mark.parametrize("epoch", ["", "x", "0" * 16, "x" * 10_000, "'; --", None])
def test_f92_another_epoch_recovers_nothing(server, connect, people, room, epoch):
    mallory, _ = people
    mallory.ask("message", channel=room, text="x")
    late = connect(server)
    assert late.join(room, "late", since=1, epoch=epoch)["recovered"] is False


def test_f92_pages_are_of_300_messages_whatever_is_asked_for(people, room):
    mallory, _ = people
    talk = [json.dumps({"type": "message", "channel": room, "text": "x"}).encode() for _ in range(320)]
    mallory.socket.sock.sendall(b"".join(frame(TEXT, raw) for raw in talk))
    while mallory.hear("message")["seq"] < 320:
        pass
    for limit in (301, 10**9, 10**20):
        assert len(mallory.ask("history", channel=room, limit=limit)["messages"]) == 300
        assert len(mallory.ask("join", channel=room, history=limit)["messages"]) == 300
    assert mallory.ask("history", channel=room, limit=0)["messages"] == []
    assert mallory.ask("history", channel=room, limit=-1)["code"] == "bad_message"
    assert mallory.ask("history", channel=room, before=5, after=1)["code"] == "bad_message"


# -- 93 to 96: twice, strange, unfinished, and mistakes of our own -----------------------------------------------------


def test_f93_the_same_key_twice_is_stored_once_whoever_of_the_user_sends_it(server, connect, people, room):
    mallory, ann = people
    again = connect(server, "mallory", room)
    answers = [who.ask("message", channel=room, text="pay", key="k1") for who in (mallory, mallory, again)]
    assert [answer["duplicate"] for answer in answers] == [False, True, True]
    assert [(answer["seq"], answer["ts"]) for answer in answers] == [(answers[0]["seq"], answers[0]["ts"])] * 3
    ann.ask("ping")
    assert len([event for event in ann.kept if event["type"] == "message"]) == 1
    assert len(ann.ask("history", channel=room)["messages"]) == 1


def test_f93_a_thousand_copies_in_one_segment_are_stored_once(people, room):
    mallory, _ = people
    raw = json.dumps({"type": "message", "channel": room, "text": "x", "key": "k"}).encode()
    mallory.socket.sock.sendall(frame(TEXT, raw) * 1000)
    assert mallory.ask("message", channel=room, text="last")["seq"] == 2


def test_f93_a_key_holds_for_its_user_and_its_channel_alone(people, room):
    mallory, ann = people
    other = next(ROOMS)
    mallory.join(other)
    assert mallory.ask("message", channel=room, text="a", key="k")["duplicate"] is False
    assert ann.ask("message", channel=room, text="b", key="k")["duplicate"] is False
    assert mallory.ask("message", channel=other, text="c", key="k")["duplicate"] is False
    texts = [message["text"] for message in ann.ask("history", channel=room)["messages"]]
    assert texts == ["a", "b"]


STRANGE = [
    "<script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe",
    "a\u200bb\ufeffc",
    "__proto__",
    "constructor",
    "{{7*7}} ${7*7} %s %n",
    "</textarea>' onmouseover='x",
    "\u2028\u2029\x7f\x01",
    "e\u0301" * 1000,
]


@pytest.mark.parametrize("text", STRANGE)
def test_f94_a_strange_text_arrives_as_it_was_sent_now_and_later(server, people, room, text):
    mallory, ann = people
    mallory.ask("message", channel=room, text=text)
    assert ann.hear("message")["text"] == text
    assert ann.ask("history", channel=room)["messages"][0]["text"] == text
    assert "\x1b" not in server.log


@pytest.mark.parametrize("name", [text for text in STRANGE if text.isprintable() and not name_fault(text)])
def test_f94_a_strange_name_is_a_name_like_any_other(server, connect, people, name):
    _, ann = people
    other = connect(server)
    assert other.join(name, name)["users"] == [name]
    assert ann.ask("direct", to=name, text="hello")["delivered"] == 1
    assert other.hear("direct")["user"] == "ann"
    assert ann.ask("request", method=name)["code"] == "unknown_method"
    assert other.ask("subscribe", topic=name)["topic"] == name
    assert ann.ask("publish", topic=name, data={name: name})["delivered"] == 1
    assert other.hear("event")["data"] == {name: name}


def test_f95_messages_that_are_never_finished_are_freed_with_their_connections(server, attacker):
    half = frame(BINARY, b"x" * 30_000, fin=False) + frame(0, b"x" * 30_000)[:-1]

    def leave_unfinished(how):
        everyone = [attacker() for _ in range(100)]
        for one in everyone:
            one.open("/echo")
            one.send(half)
        for one in everyone:
            getattr(one, how)()

    leave_unfinished("reset")
    before = server.resident_bytes()
    for _ in range(5):
        leave_unfinished("reset")
        leave_unfinished("close")
    assert server.resident_bytes() - before < 10 * 100 * 60_000 / 3


class Mistake(Exception):
    """Something that nobody thought of."""


MISTAKES = [Mistake(), ValueError(), KeyError("x"), RecursionError(), StopIteration(), UnicodeError(), OSError()]


@pytest.mark.parametrize("mistake", [*MISTAKES, AssertionError("x"), MemoryError()], ids=repr)
@pytest.mark.parametrize("when", ["open", "message", "limited", "close"])
def test_f96_whatever_a_router_raises_only_that_client_pays(make_house, expect_errors, when, mistake):
    house = make_house(rate=1.0)

    def react(what, peer, *rest):
        if what == when and peer is not honest.client:
            raise mistake

    honest = house.open("/echo")
    house.router.react = react
    victim = house.open()
    for _ in range(3):
        victim.send_frame(TEXT, b"x")
    victim.send_frame(CLOSE)
    frames = victim.frames()
    assert frames[-1][0] == CLOSE
    assert frames[-1][1][:2] in (b"", (1011).to_bytes(2, "big"))
    assert (frames[-1][1] == b"") is (when == "close")
    assert mistake in expect_errors(house)
    honest.send_frame(TEXT, b"here")
    assert honest.frames() == [(TEXT, b"here")]


@pytest.mark.parametrize("mistake", MISTAKES, ids=repr)
def test_f96_whatever_a_method_raises_is_answered_with_internal(mistake, caplog):
    def fail(_caller, _params):
        raise mistake

    world = World()
    world.router.requests.register("fail", fail)
    world.router.requests.register("unwritable", lambda _caller, _params: {1: object()})
    ann = world.connect("ann")
    for method in ("fail", "unwritable"):
        error = ann.ask("request", id=5, method=method)
        assert (error["type"], error["code"], error["id"]) == ("error", "internal", 5)
    assert ann.ask("ping")["type"] == "pong"
    assert ann.peer.closed is None
    assert len(caplog.records) == 2
