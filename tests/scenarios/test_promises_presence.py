"""What docs/protocol.md promises of presence: who counts, who stays for a while, what is announced, how much of it."""

import contextlib
import http.client
import json

import pytest

from tests.scenarios.languages import UNHURRIED, in_both_languages
from tests.scenarios.running import PATIENCE_S

KEY = "a key that other programs know"

FLAGS = ("--set", "limits.rate=0", "--set", "presence.leave_grace=1h", "--set", "presence.names=3")
"""Whoever is lost stays: no test waits for that, or hurries because of it."""

pytestmark = in_both_languages


def announced(talker, channel, user):
    """Wait until `user` is announced to have come or gone; return (who came, who went, count)."""
    while True:
        change = talker.hear("presence", channel=channel)
        if user in change["joined"] + change["left"]:
            return change["joined"], change["left"], change["count"]


def test_a_user_with_two_clients_counts_once_and_goes_with_the_last(server, connect, room):
    ann = connect(server, "ann", room)
    first, second = connect(server, "bob", room), connect(server, "bob", room)
    assert announced(ann, room, "bob") == (["bob"], [], 2)
    first.close()
    connect(server, "cid", room)
    assert announced(ann, room, "cid") == (["cid"], [], 3)
    assert sorted(ann.ask("presence", channel=room)["users"]) == ["ann", "bob", "cid"]
    second.ask("leave", channel=room)
    assert announced(ann, room, "bob") == ([], ["bob"], 2)


@pytest.mark.parametrize("how", ["leave", "close"])
def test_a_clean_leave_shows_at_once(server, connect, room, how):
    ann, bob = connect(server, "ann", room), connect(server, "bob", room)
    announced(ann, room, "bob")
    if how == "leave":
        bob.ask("leave", channel=room)
        assert ann.ask("presence", channel=room)["count"] == 1
    else:
        bob.close(1000)
    assert announced(ann, room, "bob") == ([], ["bob"], 1)


@pytest.mark.parametrize("how", [1001, 4999, "reset"])
def test_who_is_lost_stays_and_is_not_announced_when_back(server, connect, room, how):
    ann, bob = connect(server, "ann", room), connect(server, "bob", room)
    announced(ann, room, "bob")
    clients = ann.ask("request", method="stats")["result"]["clients"]
    bob.vanish() if how == "reset" else bob.close(how)
    while ann.ask("request", method="stats")["result"]["clients"] == clients:
        pass
    assert sorted(ann.ask("presence", channel=room)["users"]) == ["ann", "bob"]
    connect(server, "cid", room)
    assert announced(ann, room, "cid") == (["cid"], [], 3)
    assert connect(server).join(room, "bob")["count"] == 3
    connect(server, "dora", room)
    assert announced(ann, room, "dora") == (["dora"], [], 4)


def test_who_is_not_back_within_the_grace_is_announced_to_have_left(start, connect):
    server = start("--set", "presence.leave_grace=100ms")
    ann, bob = connect(server, "ann", "lobby"), connect(server, "bob", "lobby")
    announced(ann, "lobby", "bob")
    bob.close(1001)
    assert announced(ann, "lobby", "bob") == ([], ["bob"], 1)


def test_lists_of_names_are_cut_and_the_rest_is_counted(server, connect, room):
    ann = connect(server, "ann", room)
    others = [connect(server, f"user-{number}", room) for number in range(5)]
    joined = ann.join(room)
    assert (len(joined["users"]), joined["more"], joined["count"]) == (3, 3, 6)
    listed = ann.ask("presence", channel=room)
    assert (len(listed["users"]), listed["more"], listed["count"]) == (3, 3, 6)
    told = 0
    while told < 5:
        change = ann.hear("presence", channel=room)
        assert len(change["joined"]) <= 3
        told += len(change["joined"]) + change.get("more", 0)
    assert (told, change["count"]) == (5, 6)
    for talker in others:
        talker.say("leave", channel=room)
    told = 0
    while told < 5:
        change = ann.hear("presence", channel=room)
        assert len(change["left"]) <= 3
        told += len(change["left"]) + change.get("more", 0)
    assert (told, change["count"]) == (5, 1)


def test_who_is_in_many_channels_leaves_them_all_at_once(server, connect, room):
    ann, bob = connect(server, "ann", room), connect(server, "bob", room)
    for talker in (ann, bob):
        for number in range(3):
            talker.join(f"{room}-{number}")
    bob.close(1000)
    for number in range(3):
        while ann.ask("presence", channel=f"{room}-{number}")["count"] > 1:
            pass
        assert ann.ask("presence", channel=f"{room}-{number}")["users"] == ["ann"]


def test_everybody_is_told_that_the_server_goes_and_when_to_come_back(start, connect):
    server = start(*UNHURRIED, "--set", "server.drain=200ms")
    talkers = [connect(server, f"user-{number}", "lobby") for number in range(3)]
    server.signal(15)
    moments = {talker.hear("goaway")["reconnect_in"] for talker in talkers}
    assert all(moment > 0 for moment in moments)
    assert len(moments) == 3
    assert [talker.hear_close()[0] for talker in talkers] == [1012] * 3
    assert server.wait() == 0


def test_who_is_thrown_out_is_closed_with_4503_everywhere_and_has_left(start, connect):
    server = start(*UNHURRIED, "--set", f"api.key={KEY}")
    ann = connect(server, "ann", "lobby")
    bobs = [connect(server, "bob", channel) for channel in ("lobby", "elsewhere")]
    announced(ann, "lobby", "bob")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("POST", "/api/disconnect", json.dumps({"user": "bob"}), {"Authorization": f"Bearer {KEY}"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"disconnected": 2})
    assert [bob.hear_close()[0] for bob in bobs] == [4503, 4503]
    assert announced(ann, "lobby", "bob") == ([], ["bob"], 1)
    assert ann.ask("direct", to="bob", text="x")["code"] == "no_such_user"
