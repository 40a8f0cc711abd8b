"""Who is handed to another worker with its first `join`, who stays, and what is left of neither here."""

import json
import sys

import pytest

from tests.chat.cluster_rig import Sea
from tests.chat.fakes import Client
from tests.chat.moving_rig import MovingPeer, Town, cross, handed
from wsserver.chat import audience as audience_module
from wsserver.chat import waiting as waiting_module
from wsserver.chat.authority import ChannelRule
from wsserver.chat.homes import LARGE, Homes, size_for
from wsserver.chat.moving import Elsewhere, Luggage, decode_luggage, encode_luggage
from wsserver.chat.router import ChatRouter
from wsserver.chat.settings import ChatSettings
from wsserver.websocket.codes import BINARY, TEXT, UNAUTHENTICATED

JOINED = "joined"


@pytest.fixture
def town():
    return Town()


@pytest.fixture
def away(town):
    """A channel that is at home in the other worker."""
    return town.at_home(town.there)


# -- who goes ---------------------------------------------------------------------------------------------------------


def test_whose_first_word_is_join_is_handed_over_with_it_and_is_told_nothing(town, away):
    client = town.here.connect()
    client.say("join", channel=away, user="ann", id=1)
    assert handed(client) == 0, "more of it may have come in this turn"
    town.here.end_turn()
    ((worker, payload, opcode, luggage),) = client.peer.handed
    assert (worker, json.loads(payload)["id"], opcode) == (1, 1, TEXT)
    assert decode_luggage(luggage) == Luggage(None)
    assert client.hear() == []
    assert client.peer.closed is None


def test_nothing_of_it_stays_here_not_even_a_reference(town, away):
    client = town.here.connect()
    session = client.peer.context
    client.say("join", channel=away, user="ann")
    town.here.end_turn()
    assert sys.getrefcount(session) == 2, "this test's, and that of the question"
    assert client.peer.context is None
    assert town.here.is_empty
    assert town.surroundings.armed() == []


def test_over_there_it_is_a_member_and_hears_what_everybody_hears(town, away):
    client = town.here.connect()
    client.say("join", channel=away, user="ann", id="j")
    town.here.end_turn()
    moved = town.there.take(client)
    town.there.end_turn()
    (joined,) = moved.hear()
    assert (joined["type"], joined["id"], joined["users"]) == (JOINED, "j", ["ann"])
    assert moved.ask("message", channel=away, text="hi", id=2)["seq"] == 1
    moved.hear()
    other = town.there.connect()
    other.say("broadcast", text="all")
    town.there.end_turn()
    assert [event["type"] for event in moved.hear()] == ["broadcast"]


def test_who_joins_what_is_at_home_here_stays_for_good(town, away):
    client = town.here.connect()
    assert client.join(town.at_home(town.here), "ann")["type"] == JOINED
    assert client.join(away)["type"] == JOINED
    assert handed(client) == 0


def test_who_was_handed_over_is_not_handed_on(town, away):
    client = town.here.connect()
    client.say("join", channel=away, user="ann")
    town.here.end_turn()
    moved = town.there.take(client)
    town.there.end_turn()
    moved.ask("leave", channel=away)
    assert moved.join(town.at_home(town.here))["type"] == JOINED
    assert handed(moved) == 0


@pytest.mark.parametrize("words", [[("ping", {})], [("auth", {"token": "any"})], [("ping", {}), ("ping", {})]])
def test_pings_and_tokens_are_no_first_word(town, away, words):
    client = town.here.connect()
    for type, fields in words:
        client.ask(type, id=1, **fields)
    client.say("join", channel=away, user="ann")
    town.here.end_turn()
    assert handed(client) == 1


def test_what_is_no_command_is_no_first_word(town, away):
    client = town.here.connect()
    client.raw(b"{")
    client.raw(b'{"type": "dance"}')
    client.raw(b"\0", BINARY)
    client.say("join", channel=away, user="ann")
    town.here.end_turn()
    assert handed(client) == 1


FIRST_WORDS = {
    "message": {"channel": "x", "text": "hi"},
    "leave": {"channel": "x"},
    "presence": {"channel": "x"},
    "history": {"channel": "x"},
    "broadcast": {"text": "hi"},
    "direct": {"to": "ben", "text": "hi"},
    "multicast": {"to": ["ben"], "text": "hi"},
    "subscribe": {"topic": "news"},
    "unsubscribe": {"topic": "news"},
    "publish": {"topic": "news", "data": 1},
    "request": {"method": "time"},
}


@pytest.mark.parametrize("type", FIRST_WORDS)
@pytest.mark.parametrize("token_mode", [False, True], ids=["open", "token"])
def test_who_has_said_anything_else_before_stays(type, token_mode):
    town = Town(token_mode=token_mode)
    client = town.here.connect(token="ann 60" if token_mode else None)
    client.say(type, id=1, **FIRST_WORDS[type])
    town.here.end_turn()
    assert client.join(town.at_home(town.there), id=2)["type"] == JOINED
    assert handed(client) == 0


def test_an_answer_that_needs_the_other_nodes_still_comes():
    sea = Sea()
    memory = memoryview(bytearray(size_for(2)))
    homes = [Homes(memory, 2, index) for index in range(2)]
    for one in homes:
        one.serve(True)
    node = sea.nodes[0]
    node.router = ChatRouter(ChatSettings(), node.replicas, broker=node.broker, homes=homes[0])
    node.router.attach(sea.world)
    away = next(name for name in map(str, range(100)) if homes[0].elsewhere(name) == 1)
    client = Client(node, MovingPeer("peer-1"))
    node.router.on_open(client.peer)
    client.hear()
    client.say("request", method="stats", id="s")
    client.say("join", channel=away, user="ann", id="j")
    sea.settle()
    assert {event["id"]: event["type"] for event in client.hear() if "id" in event} == {"s": "response", "j": JOINED}
    assert handed(client) == 0


# -- who stays after all ----------------------------------------------------------------------------------------------


def test_who_says_more_in_the_same_turn_is_answered_here_and_in_order(town, away):
    client = town.here.connect()
    client.say("join", channel=away, user="ann", id=1)
    client.say("message", channel=away, text="one", id=2)
    client.say("message", channel=away, text="two", id=3)
    town.advance(0)
    town.advance(0)
    heard = client.hear()
    assert [event["id"] for event in heard if "id" in event] == [1, 2, 3]
    assert [event["text"] for event in heard if event["type"] == "message"] == ["one", "two"]
    assert handed(client) == 0
    assert len(town.here.router._waiting) == 0


@pytest.mark.parametrize("takes", [False, RuntimeError("a bug")], ids=["refused", "crashed"])
def test_who_is_not_taken_joins_here_and_is_not_offered_again(town, away, takes):
    client = town.here.connect()
    client.peer.takes = takes
    client.say("join", channel=away, user="ann", id=1)
    if takes:
        with pytest.raises(RuntimeError):
            town.here.end_turn()
    town.advance(0)
    (joined,) = client.hear()
    assert (joined["type"], joined["id"]) == (JOINED, 1)
    assert client.join(town.at_home(town.there, 2)[1])["type"] == JOINED
    assert handed(client) == 1
    client.say("broadcast", text="all", id=2)
    town.here.end_turn()
    assert [event["type"] for event in client.hear()] == ["broadcast", "ack"]
    client.gone()
    town.advance(60)
    assert town.here.is_empty


def test_who_goes_while_it_waits_is_gone_and_not_handed_over(town, away):
    client = town.here.connect()
    client.say("join", channel=away, user="ann")
    client.gone(1000)
    town.advance(0)
    assert handed(client) == 0
    town.advance(60)
    assert town.here.is_empty


def test_where_no_more_may_wait_it_stays(town, away, monkeypatch):
    monkeypatch.setattr(waiting_module, "WAITING_LIMIT", 0)
    client = town.here.connect()
    client.say("join", channel=away, user="ann", id=1)
    town.here.end_turn()
    assert [(event["type"], event["id"]) for event in client.hear()] == [(JOINED, 1)]
    assert handed(client) == 0


def test_a_name_that_no_channel_has_is_refused_here(town, away):
    client = town.here.connect()
    assert client.ask("join", channel="no*", user="ann", id=1)["code"] == "bad_channel"
    assert client.join(away, "ann")["type"] == JOINED
    assert handed(client) == 0


def test_what_is_wrong_with_a_join_besides_is_said_over_there_and_it_lives_on():
    town = Town(rules={name: ChannelRule(join=frozenset({"boss"})) for name in map("room-{}".format, range(100))})
    away = town.at_home(town.there)
    client = town.here.connect()
    client.say("join", channel=away, user="ann", id=1)
    town.here.end_turn()
    moved = town.there.take(client)
    town.there.end_turn()
    (error,) = moved.hear()
    assert (error["type"], error["code"], error["id"]) == ("error", "forbidden", 1)
    assert moved.join("elsewhere", "ann")["type"] == JOINED
    assert moved.ask("ping")["type"] == "pong"


def test_a_bad_name_is_refused_over_there(town, away):
    client = town.here.connect()
    client.say("join", channel=away, user=" ann ", id=1)
    town.here.end_turn()
    moved = town.there.take(client)
    assert moved.hear()[0]["code"] == "bad_message"
    assert moved.join(away, "ann")["users"] == ["ann"]


# -- what it was told of before ---------------------------------------------------------------------------------------


def test_who_still_misses_something_gets_it_before_it_goes_and_its_count_is_its_own(town, away, monkeypatch):
    monkeypatch.setattr(audience_module, "MANY", 3)
    others = [town.here.connect() for _ in range(4)]
    client = town.here.connect()
    others[0].say("broadcast", text="all")
    assert client.hear() == [], "it is given out in rounds"
    client.say("join", channel=away, user="ann")
    town.here.end_turn()
    assert client.peer.told_before == 1
    assert [event["text"] for event in client.hear()] == ["all"]
    assert client.peer.messages_out == 0, "as a fake counts nothing, and what all were told was taken out again"
    town.surroundings.serve()
    assert client.hear() == [], "not a second time"
    assert [len(other.hear_type("broadcast")) for other in others] == [1] * 4


def test_a_broadcast_behind_it_does_not_reach_who_has_left(town, away):
    client, other = town.here.connect(), town.here.connect()
    client.say("join", channel=away, user="ann")
    town.here.end_turn()
    assert other.ask("broadcast", text="all", id=1)["delivered"] == 1
    assert client.hear() == []


# -- tokens -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded():
    return Town(token_mode=True)


def test_the_token_is_shown_once_and_holds_over_there_until_it_ends(guarded):
    away = guarded.at_home(guarded.there)
    client = guarded.here.connect(token="ann 60")
    moved = cross(guarded, client, away)
    assert guarded.there.doorman.asked == []
    (joined,) = moved.hear()
    assert (joined["type"], joined["users"]) == (JOINED, ["ann"])
    assert guarded.here.is_empty
    guarded.advance(59)
    assert moved.peer.closed is None
    guarded.advance(2)
    assert moved.peer.closed[0] == UNAUTHENTICATED
    assert client.peer.closed is None


def test_it_reaches_as_far_over_there_as_it_did_here(guarded):
    here, far = guarded.at_home(guarded.there, 2)
    client = guarded.here.connect(token=f"ann 60 {here}")
    moved = cross(guarded, client, here)
    assert moved.hear()[0]["type"] == JOINED
    assert moved.ask("join", channel=far, id=1)["code"] == "forbidden"
    client = guarded.here.connect(token=f"ann 60 {here}")
    moved = cross(guarded, client, far)
    assert moved.hear()[0]["code"] == "forbidden"


def test_a_newer_token_is_good_over_there_too_and_one_of_somebody_else_is_not(guarded):
    moved = cross(guarded, guarded.here.connect(token="ann 60"), guarded.at_home(guarded.there))
    moved.hear()
    assert moved.ask("auth", token="ben 100", id=1)["code"] == "name_taken"
    assert moved.ask("auth", token="ann 100", id=2)["type"] == "ack"
    guarded.advance(90)
    assert moved.peer.closed is None
    assert moved.join(guarded.at_home(guarded.here))["type"] == JOINED
    assert handed(moved) == 0
    guarded.advance(20)
    assert moved.peer.closed[0] == UNAUTHENTICATED


def test_a_token_that_ends_on_the_way_has_ended_when_it_arrives(guarded):
    client = guarded.here.connect(token="ann 1")
    client.say("join", channel=guarded.at_home(guarded.there))
    guarded.here.end_turn()
    guarded.advance(5)
    moved = guarded.there.take(client)
    guarded.advance(0)
    assert moved.peer.closed == (UNAUTHENTICATED, "the token has expired")


def test_who_has_shown_no_token_is_not_handed_over_and_who_shows_one_later_is(guarded):
    away = guarded.at_home(guarded.there)
    client = guarded.here.connect()
    assert client.ask("join", channel=away, id=1)["code"] == "auth_required"
    assert handed(client) == 0
    client.ask("auth", token="ann 60")
    moved = cross(guarded, client, away)
    assert moved.hear()[0]["type"] == JOINED


def test_luggage_without_a_token_opens_nothing(guarded):
    peer = MovingPeer("peer-1")
    guarded.there.router.on_take_over(peer, encode_luggage(Luggage()))
    client = Client(guarded.there, peer)
    assert client.ask("join", channel="lobby", id=1)["code"] == "auth_required"
    assert len(guarded.there.everyone) == 0
    guarded.advance(3600)
    assert peer.closed[0] == UNAUTHENTICATED


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_it_is_written_to_over_there_as_it_has_asked(town, away):
    client = town.here.connect(subprotocol="other")
    client.say("join", channel=away, user="ann")
    town.here.end_turn()
    moved = town.there.take(client)
    assert moved.peer.context.codec is town.there.codecs["other"]


def test_members_count_where_their_channel_is_at_home_and_a_large_one_is_left_where_it_grows(town, away):
    members = []
    for number in range(LARGE):
        client = town.here.connect()
        client.say("join", channel=away, user=f"user-{number}")
        town.here.end_turn()
        assert handed(client) == 1
        members.append(town.there.take(client))
        town.there.end_turn()
    stays = town.here.connect()
    assert stays.join(away, "late")["type"] == JOINED
    members[0].gone(1000)
    goes = town.here.connect()
    goes.say("join", channel=away, user="later")
    town.here.end_turn()
    assert (handed(stays), handed(goes)) == (0, 1)


def test_without_homes_nobody_is_handed_over(away):
    town = Town()
    router = ChatRouter(ChatSettings(), town.store)
    router.attach(town.surroundings)
    town.here.router = router
    client = town.here.connect()
    assert client.join(away, "ann")["type"] == JOINED
    assert handed(client) == 0


def test_whoever_waits_for_another_worker_can_be_told_to_stay_before_anybody_listens():
    until = Elsewhere(1)
    until.stay()
    assert until.worker == 1


def test_luggage_is_packed_and_unpacked_whole():
    town = Town(token_mode=True)
    grant = town.here.doorman.judge("ünsal 60 news:* lobby", "")
    assert decode_luggage(encode_luggage(Luggage(grant))) == Luggage(grant)
