"""A chat over several processes is one chat: one order, history and presence for everybody, whoever serves them."""

import socket
import urllib.request

import pytest

from tests.scenarios.running import PATIENCE_S
from tests.scenarios.working import APART, until, workers_of

SPREAD = 24
"""Clients opened until both workers have some: one in eight million times that is too few."""


@pytest.fixture
def start_two(start, tmp_path):
    """Start two workers over one file."""

    def start_them(*flags):
        url = f"sqlite:{tmp_path}/chat.db"
        quick = ("--set", "server.drain=100ms", "--set", "presence.leave_grace=200ms", "--set", "limits.rate=0")
        return start("--workers", "2", "--store", url, *quick, *APART, *flags)

    return start_them


@pytest.fixture
def connect_both(connect):
    """Open clients until each worker has one; return one of each, and the process that serves it."""

    def connect_them(server):
        found = {}
        for _ in range(SPREAD):
            talker = connect(server)
            port = talker.socket.sock.getsockname()[1]
            for pid, worker in workers_of(server).items():
                served = (link.raddr.port for link in worker.net_connections("tcp") if link.raddr)
                if port in served:
                    found.setdefault(pid, (talker, worker))
            if len(found) == 2:
                return list(found.values())
        raise AssertionError("all clients were given to one worker")

    return connect_them


def test_what_one_says_all_hear_in_one_order_and_the_one_roster_has_everybody(start_two, connect_both, room):
    (ann, _), (ben, _) = connect_both(start_two())
    assert ann.join(room, "ann")["count"] == 1
    assert ben.join(room, "ben")["users"] == ["ann", "ben"]
    assert ann.hear("presence", channel=room)["joined"] == ["ben"]
    for number in range(20):
        ann.say("message", channel=room, text=f"ann {number}", id=f"a{number}")
        ben.say("message", channel=room, text=f"ben {number}", id=f"b{number}")
    heard = [[talker.hear("message") for _ in range(40)] for talker in (ann, ben)]
    assert heard[0] == heard[1]
    assert [message["seq"] for message in heard[0]] == list(range(1, 41))
    for user in ("ann", "ben"):
        mine = [message["text"] for message in heard[0] if message["user"] == user]
        assert mine == [f"{user} {number}" for number in range(20)]
    for talker in (ann, ben):
        assert talker.ask("presence", channel=room)["count"] == 2
    history = [talker.ask("history", channel=room)["messages"] for talker in (ann, ben)]
    assert history[0] == history[1]
    assert len(history[0]) == 40


def test_direct_multicast_broadcast_topics_and_binary_reach_across(start_two, connect_both, room):
    (ann, _), (ben, _) = connect_both(start_two())
    ann.join(room, "ann")
    cid = ben.join(room, "ben")["cid"]
    assert ann.ask("direct", to="ben", text="psst")["delivered"] == 1
    assert ben.hear("direct")["text"] == "psst"
    assert ann.ask("multicast", to=["ben", "ann", "nobody"], text="you two")["delivered"] == 2
    assert ben.hear("multicast")["user"] == "ann"
    assert ann.ask("direct", to="nobody", text="psst")["code"] == "no_such_user"
    ben.ask("subscribe", topic="news:*")
    assert ann.ask("publish", topic="news:art", data=[1])["delivered"] == 1
    assert ben.hear("event")["data"] == [1]
    assert ann.ask("broadcast", text="all")["delivered"] >= 2
    assert ben.hear("broadcast")["text"] == "all"
    ben.say_binary(cid, b"\x00\x01")
    assert ann.hear("binary")["payload"][4:] == b"\x00\x01"


def test_a_key_is_stored_once_whoever_it_is_shown_to(start_two, connect_both, room):
    (ann, _), (twin, _) = connect_both(start_two())
    for talker in (ann, twin):
        talker.join(room, "ann")
    first = ann.ask("message", channel=room, text="once", key="k")
    second = twin.ask("message", channel=room, text="once", key="k")
    assert (first["seq"], first["duplicate"], second["seq"], second["duplicate"]) == (1, False, 1, True)
    assert ann.ask("presence", channel=room)["count"] == 1


def test_a_channel_without_history_is_one_channel_too(start_two, connect_both, room):
    (ann, _), (ben, _) = connect_both(start_two("--set", "chat.history=0"))
    epochs = {ann.join(room, "ann")["epoch"], ben.join(room, "ben")["epoch"]}
    assert len(epochs) == 1
    assert ann.ask("message", channel=room, text="one")["seq"] == 1
    assert ben.ask("message", channel=room, text="two")["seq"] == 2
    assert [ann.hear("message")["text"] for _ in range(2)] == ["one", "two"]
    assert ann.ask("history", channel=room)["messages"] == []


def test_when_a_worker_is_killed_its_users_are_lost_and_nothing_that_was_acknowledged_is(
    start_two, connect_both, connect, room
):
    server = start_two()
    (ann, _), (ben, victim) = connect_both(server)
    ann.join(room, "ann")
    joined = ben.join(room, "ben")
    ann.hear("presence", channel=room)
    acked = [ben.ask("message", channel=room, text=str(number))["seq"] for number in range(10)]
    victim.kill()
    assert ann.hear("presence", channel=room, left=["ben"])["count"] == 1
    assert ann.ask("message", channel=room, text="meanwhile")["seq"] == 11
    until(lambda: "worker_back" in server.log)
    for _ in range(4):  # on both workers, by all likelihood
        back = connect(server)
        recovered = back.join(room, "ben", since=0, epoch=joined["epoch"])
        assert recovered["recovered"]
        assert [message["seq"] for message in recovered["messages"]] == [*acked, 11]


def test_seq_and_epoch_outlive_a_restart_of_everything(start_two, connect_both, connect, room):
    server = start_two()
    (ann, _), (ben, _) = connect_both(server)
    epoch = ann.join(room, "ann")["epoch"]
    assert ben.join(room, "ben")["epoch"] == epoch
    assert ann.ask("message", channel=room, text="before")["seq"] == 1
    server.end("SIGKILL")
    server = start_two()
    back = connect(server)
    joined = back.join(room, "ann", since=0, epoch=epoch)
    assert (joined["epoch"], joined["recovered"], joined["messages"][0]["text"]) == (epoch, True, "before")
    assert back.ask("message", channel=room, text="after")["seq"] == 2


def test_the_api_of_any_worker_speaks_for_all_of_them(start_two, connect_both, room):
    server = start_two("--set", "api.key=0123456789abcdef")
    (ann, _), (ben, _) = connect_both(server)
    ann.join(room, "ann")
    ben.join(room, "ben")
    key = {"Authorization": "Bearer 0123456789abcdef"}
    for _ in range(6):
        status, _, body = server.get(f"/api/channels/{room}/presence", key)
        assert (status, b'"count":2' in body.replace(b" ", b"")) == (200, True)
    for _ in range(4):
        until(lambda: b'\nwsserver_workers{state="answered"} 2\n' in server.get("/metrics")[2])


def test_the_admin_port_is_one_for_all_workers(start_two, connect_both):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = start_two("--admin", f"127.0.0.1:{port}")
    connect_both(server)
    for _ in range(6):
        until(lambda: b'\nwsserver_workers{state="answered"} 2\n' in look(f"http://127.0.0.1:{port}/metrics"))


def look(url):
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return answer.read()
