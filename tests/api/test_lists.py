"""What may be looked at."""

from types import SimpleNamespace

import pytest

from tests.api.fakes import Office, branches
from wsserver.chat.audience import CROWD
from wsserver.clients.states import State


@pytest.fixture
def office():
    return Office()


def test_channels_are_listed_with_their_users_the_fullest_first(office):
    office.world.connect("ann", "small")
    for user in ("ann", "bob"):
        office.world.connect(user, "large")
    office.say("x", channel="empty")
    assert office.call("channels").json == {
        "channels": [{"channel": "large", "count": 2}, {"channel": "small", "count": 1}], "more": 0,
    }  # fmt: skip


def test_presence_names_some_and_counts_all(office):
    for user in ("ann", "bob", "cat", "dan"):
        office.world.connect(user)
    assert office.call("channels/lobby/presence").json == {
        "channel": "lobby", "users": ["ann", "bob", "cat"], "count": 4, "more": 1,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["channels/nowhere/presence", "channels/nowhere/history"])
def test_a_channel_that_nobody_ever_named_is_empty_and_not_made(office, path):
    visit = office.call(path)
    assert (visit.status, visit.json["channel"]) == (200, "nowhere")
    assert not visit.json.get("users") and not visit.json.get("messages")
    assert office.world.router.channels.find("nowhere") is None


def test_history_is_read_in_pages_both_ways(office):
    office.say(*"abcdef")
    page = office.call("channels/lobby/history?limit=2").json
    assert ([message["text"] for message in page["messages"]], page["more"]) == (["e", "f"], True)
    assert (page["channel"], page["epoch"]) == ("lobby", office.epoch)
    page = office.call("channels/lobby/history?before=3&after=&limit=").json
    assert ([message["seq"] for message in page["messages"]], page["more"]) == ([1, 2], False)
    page = office.call("channels/lobby/history?after=4").json
    assert ([message["text"] for message in page["messages"]], page["more"]) == (["e", "f"], False)
    assert page["messages"][0].keys() == {"type", "channel", "seq", "user", "text", "ts"}


def test_history_has_at_most_a_page_however_much_is_asked_for(office):
    office.say(*["x"] * 310)
    assert len(office.call("channels/lobby/history?limit=100000").json["messages"]) == 300
    assert len(office.call("channels/lobby/history").json["messages"]) == 50


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("channels/lobby/history?limit=-1", "limit"),
        ("channels/lobby/history?before=x", "before"),
        ("channels/lobby/history?before=3&after=1", "before"),
        ("channels/bad%2A/history", "channel"),
        ("channels/%20/presence", "channel"),
        ("connections?sort=beauty", "sort"),
        ("connections?limit=x", "limit"),
    ],
)
def test_bad_parameters_are_named(office, path, field):
    visit = office.call(path)
    assert (visit.status, visit.json["field"]) == (400, field)


def test_a_store_that_cannot_be_read_is_told(office):
    office.world.store.broken = True
    visit = office.call("channels/lobby/history")
    assert (visit.status, visit.json["code"]) == (503, "store_unavailable")


# -- connections -------------------------------------------------------------------------------------------------------


def client(number, context=None, queued=0, messages_in=0, messages_out=0):
    """What the list looks at of a client."""
    return SimpleNamespace(
        id=f"id-{number}" if context else "",
        context=context,
        state=State.OPEN if context else State.CREATED,
        address=f"192.0.2.{number}:5000",
        transport=SimpleNamespace(queued=queued),
        messages_in=messages_in,
        messages_out=messages_out,
        created_at=1000.0 - number,
    )


def test_a_connection_is_told_with_its_user_its_queue_its_messages_and_its_age(office):
    session = office.world.connect("ann").peer.context
    office.registry.clients = [client(2), client(1, session, 512, 3, 4)]
    assert office.call("connections").json == {
        "connections": [
            {
                "client": "id-1", "user": "ann", "state": "OPEN", "address": "192.0.2.1:5000", "pending": 512,
                "messages_in": 3, "messages_out": 4, "age": 1.0,
            },
            {
                "client": None, "user": None, "state": "CREATED", "address": "192.0.2.2:5000", "pending": 0,
                "messages_in": 0, "messages_out": 0, "age": 2.0,
            },
        ],
        "more": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sort", "first"), [("", 3), ("pending", 3), ("age", 4), ("messages_in", 2), ("messages_out", 1)]
)
def test_those_come_first_that_are_largest_in_what_is_asked_for(office, sort, first):
    office.registry.clients = [client(1, messages_out=9), client(2, messages_in=9), client(3, queued=9), client(4)]
    [only] = office.call(f"connections?sort={sort}&limit=1").json["connections"]
    assert only["address"] == f"192.0.2.{first}:5000"
    assert office.call(f"connections?sort={sort}&limit=1").json["more"] == 3


def test_messages_that_went_to_a_crowd_are_counted_for_each_of_it(office):
    crowd = [office.world.connect(f"user-{number}") for number in range(CROWD)]
    late = office.world.connect("late", "elsewhere")
    office.say("one", "two")
    late.join("lobby")
    office.say("three")
    crowd[0].ask("leave", channel="lobby")
    office.say("four")

    def count(who):
        office.registry.clients = [client(1, who.peer.context, messages_out=who.peer.messages_out)]
        return office.call("connections").json["connections"][0]["messages_out"]

    assert [count(who) for who in (crowd[0], crowd[1], late)] == [3, 4, 2]


def test_lists_are_of_all_nodes():
    here, there = branches()
    here.world.connect("ann"), there.world.connect("bob"), there.world.connect("cat", "den")
    assert here.hear_from("channels").json == {
        "channels": [{"channel": "lobby", "count": 2}, {"channel": "den", "count": 1}], "more": 0,
    }  # fmt: skip
    presence = here.hear_from("channels/den/presence").json
    assert (presence["users"], presence["count"]) == (["cat"], 1)
    assert here.call("channels/lobby/presence").json["count"] == 2


def test_history_of_a_channel_that_is_not_open_here_is_read_elsewhere():
    here, there = branches()
    cat = there.world.connect("cat", "den")
    cat.say("message", channel="den", text="x")
    there.world.sea.settle()
    page = here.hear_from("channels/den/history").json
    assert [message["text"] for message in page["messages"]] == ["x"]
    assert page["epoch"] == there.world.sea.store.head("den").epoch


def test_connections_of_all_nodes_are_sorted_together():
    here, there = branches()
    for office, ages in ((here, (5, 1)), (there, (9, 3))):
        for age in ages:
            office.registry.clients.append(connection(f"c{age}", 1000.0 - age))
    listed = here.hear_from("connections?sort=age&limit=3").json
    assert [entry["client"] for entry in listed["connections"]] == ["c9", "c5", "c3"]
    assert listed["more"] == 1


def connection(name, created_at):
    return SimpleNamespace(
        id=name, context=None, state=State.OPEN, address="x", transport=SimpleNamespace(queued=0), messages_in=0,
        messages_out=0, created_at=created_at,
    )  # fmt: skip
