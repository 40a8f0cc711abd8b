"""What the server is told to do: said to whom, answered how, and when."""

import pytest

from tests.api.fakes import Office, branches
from tests.chat.fakes import NOON_MS
from wsserver.api.calls import SERVER
from wsserver.chat.log import StoreUnavailable


@pytest.fixture
def office():
    return Office()


def test_a_message_is_stored_and_delivered_and_answered(office):
    ann, bob = office.world.connect("ann"), office.world.connect("bob")
    visit = office.call("publish", {"channel": "lobby", "text": "news"})
    assert visit.status == 200
    assert visit.json == {"seq": 1, "epoch": office.epoch, "ts": NOON_MS, "delivered": 2, "duplicate": False}
    for client in (ann, bob):
        [event] = client.hear_type("message")
        assert (event["user"], event["text"], event["seq"]) == (SERVER, "news", 1)


def test_a_message_may_be_said_under_another_name(office):
    ann = office.world.connect("ann")
    office.call("publish", {"channel": "lobby", "text": "news", "user": "bot"})
    assert ann.hear_type("message")[0]["user"] == "bot"


def test_where_nobody_is_it_is_stored_and_reaches_nobody(office):
    assert office.call("publish", {"channel": "empty", "text": "x"}).json["delivered"] == 0
    assert [event["text"] for event in office.world.connect().join("empty")["messages"]] == ["x"]


def test_the_same_key_is_stored_once_and_answered_with_the_first(office):
    ann = office.world.connect("ann")
    body = {"channel": "lobby", "text": "news", "key": "k"}
    first, second = office.call("publish", body).json, office.call("publish", body).json
    assert (first["seq"], first["duplicate"]) == (1, False)
    assert (second["seq"], second["duplicate"], second["delivered"]) == (1, True, 0)
    assert len(ann.hear_type("message")) == 1


def test_the_server_may_speak_where_only_some_may(office):
    assert office.call("publish", {"channel": "lobby", "text": "x"}).status == 200


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"channel": "bad*", "text": "t"}, "bad_channel", "channel"),
        ({"channel": "", "text": "t"}, "bad_channel", "channel"),
        ({"channel": "c", "text": "\0"}, "bad_message", "text"),
        ({"channel": "c", "text": "t", "user": " x"}, "bad_message", "user"),
        ({"channel": "c", "text": "t", "key": "\0"}, "bad_message", "key"),
    ],
)
def test_the_server_is_held_to_the_rules_of_names(office, body, code, field):
    visit = office.call("publish", body)
    assert (visit.status, visit.json["code"], visit.json["field"]) == (400, code, field)


def test_a_store_that_is_not_there_is_told(office):
    office.world.store.broken = True
    visit = office.call("publish", {"channel": "lobby", "text": "x"})
    assert (visit.status, visit.json["code"], visit.json["retry"]) == (503, "store_unavailable", True)


def test_an_answer_comes_when_the_store_has_it(office):
    ann = office.world.connect("ann")
    office.world.store.late = True
    visit = office.call("publish", {"channel": "lobby", "text": "x"})
    assert visit.response is None
    assert (visit.late.status, ann.hear_type("message")) == (503, [])
    assert b"store_unavailable" in visit.late.body
    office.world.store.answer()
    assert (visit.status, visit.json["delivered"]) == (200, 1)


def test_a_store_that_fails_late_is_told_late(office):
    office.world.store.late = True
    visit = office.call("publish", {"channel": "lobby", "text": "x"})
    office.world.store.answer(StoreUnavailable("the disk is full"))
    assert (visit.status, visit.json["code"]) == (503, "store_unavailable")


def test_a_message_whose_epoch_cannot_be_read_is_not_said_to_be_stored(office, monkeypatch):
    def unreadable(channel):
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(office.world.store, "head", unreadable)
    visit = office.call("publish", {"channel": "lobby", "text": "x", "key": "k"})
    assert (visit.status, visit.json["retry"]) == (503, True)


def test_a_mistake_of_the_store_is_a_500_told_once(office, caplog):
    office.world.store.wrong = True
    visit = office.call("publish", {"channel": "lobby", "text": "x"})
    assert (visit.status, visit.json["code"]) == (500, "internal")
    assert [record.message for record in caplog.records] == ["publishing failed"]


def test_everybody_hears_a_broadcast(office):
    ann, bob = office.world.connect("ann"), office.world.connect()
    assert office.call("broadcast", {"text": "all"}).json == {"delivered": 2}
    for client in (ann, bob):
        [event] = client.hear_type("broadcast")
        assert (event["user"], event["text"]) == (SERVER, "all")


def test_one_user_hears_a_direct_message_on_every_connection(office):
    first, second, bob = office.world.connect("ann"), office.world.connect("ann"), office.world.connect("bob")
    assert office.call("direct", {"to": "ann", "text": "you", "user": "bot"}).json == {"delivered": 2}
    assert [client.hear_type("direct")[0]["user"] for client in (first, second)] == ["bot", "bot"]
    assert bob.hear_type("direct") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("broadcast", {"text": "x"}),
        ("direct", {"to": "nobody", "text": "x"}),
        ("topics/publish", {"topic": "t", "data": 1}),
    ],
)
def test_nobody_there_is_no_error(office, path, body):
    visit = office.call(path, body)
    assert (visit.status, visit.json) == (200, {"delivered": 0})


def test_subscribers_hear_what_is_published_on_a_topic(office):
    ann = office.world.connect("ann")
    ann.ask("subscribe", topic="news.*")
    assert office.call("topics/publish", {"topic": "news.art", "data": {"n": [1, None]}}).json == {"delivered": 1}
    [event] = ann.hear_type("event")
    assert (event["topic"], event["data"], event["user"]) == ("news.art", {"n": [1, None]}, SERVER)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("broadcast", {"text": "\0"}, "text"),
        ("broadcast", {"text": "x", "user": "*"}, "user"),
        ("direct", {"to": "", "text": "x"}, "to"),
        ("topics/publish", {"topic": "news.*", "data": 1}, "topic"),
        ("disconnect", {"user": "a\nb"}, "user"),
    ],
)
def test_bad_names_and_texts_are_refused_everywhere(office, path, body, field):
    visit = office.call(path, body)
    assert (visit.status, visit.json["field"]) == (400, field)


def test_a_user_is_disconnected_from_everywhere(office):
    first, second, bob = office.world.connect("ann"), office.world.connect("ann"), office.world.connect("bob")
    assert office.call("disconnect", {"user": "ann"}).json == {"disconnected": 2}
    assert first.peer.closed == second.peer.closed == (4503, "kicked")
    assert bob.peer.closed is None
    assert office.call("disconnect", {"user": "nobody"}).json == {"disconnected": 0}


def test_streams_that_read_with_a_token_of_the_user_are_disconnected_too():
    office = Office(token_mode=True)
    streams = [office.listen("channel=lobby", ("Authorization", f"Bearer {user} 60")) for user in ("ann", "bob")]
    assert office.call("disconnect", {"user": "ann"}).json == {"disconnected": 1}
    assert [visit.over for visit in streams] == [True, False]


def test_what_is_said_on_one_node_is_heard_and_counted_on_all():
    here, there = branches()
    clients = [here.world.connect("ann"), there.world.connect("bob"), there.world.connect("bob")]
    clients[1].say("subscribe", topic="t")
    assert here.hear_from("publish", {"channel": "lobby", "text": "x"}).json["delivered"] == 3
    assert here.hear_from("broadcast", {"text": "x"}).json == {"delivered": 3}
    assert here.hear_from("direct", {"to": "bob", "text": "x"}).json == {"delivered": 2}
    assert here.hear_from("direct", {"to": "nobody", "text": "x"}).json == {"delivered": 0}
    assert here.hear_from("topics/publish", {"topic": "t", "data": 1}).json == {"delivered": 1}
    assert here.hear_from("disconnect", {"user": "bob"}).json == {"disconnected": 2}
    assert [client.peer.closed for client in clients] == [None, (4503, "kicked"), (4503, "kicked")]


def test_a_message_in_a_channel_that_nobody_here_is_in_is_published_with_the_epoch_of_its_log():
    here, _ = branches()
    visit = here.hear_from("publish", {"channel": "elsewhere", "text": "x", "key": "k"})
    epoch = here.world.sea.store.head("elsewhere").epoch
    assert (visit.json["seq"], visit.json["epoch"], visit.json["delivered"]) == (1, epoch, 0)
    again = here.call("publish", {"channel": "elsewhere", "text": "x", "key": "k"})
    here.world.sea.advance(0.1)
    assert (again.json["seq"], again.json["duplicate"]) == (1, True)


def test_when_it_cannot_be_known_which_log_has_a_message_the_answer_is_that_of_a_store_in_trouble():
    here, _ = branches()
    visit = here.call("publish", {"channel": "elsewhere", "text": "x"})
    here.world.sea.advance(0.002)
    here.world.log.trouble = "down"
    here.world.sea.advance(0.1)
    assert (visit.status, visit.json["code"]) == (503, "store_unavailable")


def test_without_the_other_nodes_a_call_reaches_who_is_here():
    here, there = branches()
    here.world.connect("ann"), there.world.connect("bob")
    here.world.broker.interrupt()
    assert here.call("broadcast", {"text": "x"}).json == {"delivered": 1}
    assert here.call("direct", {"to": "ann", "text": "x"}).json == {"delivered": 1}


@pytest.mark.parametrize(("path", "body"), [("direct", {"to": "bob", "text": "x"}), ("disconnect", {"user": "ann"})])
def test_what_must_not_be_missed_elsewhere_is_to_be_asked_again(path, body):
    here, there = branches()
    ann, _bob = here.world.connect("ann"), there.world.connect("bob")
    here.world.broker.interrupt()
    visit = here.call(path, body)
    assert (visit.status, visit.json["code"], visit.json["retry"]) == (503, "broker_unavailable", True)
    assert (ann.peer.closed is not None) is (path == "disconnect")
