"""Traps that other servers fell into. Each test is named after one, and stands where a person would meet it."""

import json
import os
import signal
import socket
import time

import pytest

from tests.scenarios.languages import UNHURRIED, hears_no_more, say_all, seqs
from tests.scenarios.running import PATIENCE_S, RunningServer
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import TEXT

FLAGS = (*UNHURRIED, "--set", "limits.queue=256KiB")

SMALL = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]


def in_one_breath(talker, *commands):
    """Send several commands in one segment."""
    raw = b"".join(frame(TEXT, json.dumps({"type": type, **fields}).encode()) for type, fields in commands)
    talker.socket.sock.sendall(raw)


def stats_of(talker):
    stats = talker.ask("request", method="stats")["result"]
    return {name: stats[name] for name in ("clients", "users", "channels", "subscriptions")}


def wait_until(condition):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until


def test_who_is_closed_for_a_full_queue_leaves_nothing_in_any_registry(server, connect, room):
    ann = connect(server, "ann", room)
    before = stats_of(ann)
    slow = connect(server, "slow", room, sockopt=SMALL)
    slow.join(room + "-alone")
    slow.ask("subscribe", topic=room + "*")
    slow.ask("subscribe", topic=room)
    assert stats_of(ann) != before
    for _ in range(100):
        ann.ask("direct", to="slow", text="x" * 60_000)
        if ann.ask("presence", channel=room)["count"] == 1:
            break
    wait_until(lambda: stats_of(ann) == before)
    assert ann.ask("direct", to="slow", text="x")["code"] == "no_such_user"
    assert ann.ask("publish", topic=room, data=1)["delivered"] == 0


def test_one_stalled_reader_is_no_error_for_who_sends_and_no_reason_to_send_again(server, connect, room):
    ann, quick = connect(server, "ann", room), connect(server, "bob", room)
    connect(server, "bob", room, sockopt=SMALL)
    for number in range(1, 101):
        assert ann.ask("direct", to="bob", text="x" * 60_000)["delivered"] in (1, 2)
        assert ann.ask("message", channel=room, text="x")["seq"] == number
        assert quick.hear("direct")["text"]
    assert seqs(quick.hear("message") for _ in range(100)) == list(range(1, 101))
    assert hears_no_more(quick)


def test_joining_leaving_and_joining_with_the_answers_still_on_their_way_is_joining_once(server, connect, room):
    ann, bob = connect(server, "ann", room), connect(server, "bob")
    epoch = ann.join(room)["epoch"]
    say_all(ann, room, ["x" * 2000] * 300)  # more than one slice of recovery
    again = ("join", {"channel": room, "user": "bob", "since": 0, "epoch": epoch})
    in_one_breath(bob, again, ("leave", {"channel": room}), again, again)
    answers = [bob._next() for _ in range(4)]
    assert [answer["type"] for answer in answers] == ["joined", "left", "joined", "joined"]
    heard = seqs(answers[3]["messages"])
    while len(heard) < 300:
        heard.append(bob.hear("message")["seq"])
    assert heard == list(range(1, 301))
    say_all(ann, room, "y")
    assert bob.hear("message")["seq"] == 301
    assert hears_no_more(bob)
    assert ann.ask("presence", channel=room)["count"] == 2


def test_nothing_is_delivered_behind_left_though_it_was_on_its_way(server, connect, room):
    ann, bob = connect(server, "ann", room), connect(server, "bob")
    epoch = ann.join(room)["epoch"]
    say_all(ann, room, ["x" * 2000] * 300)
    join = ("join", {"channel": room, "user": "bob", "since": 0, "epoch": epoch})
    in_one_breath(bob, join, ("leave", {"channel": room}))
    bob.hear("left")
    say_all(ann, room, "y")
    assert bob.ask("request", method="echo", params=room)["result"] == room
    assert hears_no_more(bob)
    joined = bob.join(room, since=300, epoch=epoch)
    assert seqs(joined["messages"]) == [301]


def test_subscribing_anew_in_one_breath_leaves_one_subscription_and_then_none(server, connect, room):
    ann = connect(server)
    topic = {"topic": room}
    publish = ("publish", {"topic": room, "data": 1})
    come, go = ("subscribe", topic), ("unsubscribe", topic)
    in_one_breath(ann, come, go, come, publish, go, publish)
    heard = [ann._next()["type"] for _ in range(5)]
    assert sorted(heard) == ["event", "subscribed", "subscribed", "unsubscribed", "unsubscribed"]
    assert heard.index("event") > heard.index("unsubscribed")
    assert ann.is_quiet()


@pytest.mark.parametrize("store", ["memory:", "sqlite:{}/chat.db"])
def test_recovery_in_the_same_breath_as_messages_has_each_of_them_once(start, connect, tmp_path, store):
    server = start(*UNHURRIED, "--store", store.format(tmp_path))
    ann, bob = connect(server, "ann", "lobby"), connect(server, "bob", "lobby")
    epoch = ann.join("lobby")["epoch"]
    heard, place = [], 0
    for _ in range(10):
        message = ("message", {"channel": "lobby", "text": "x"})
        in_one_breath(bob, *[message] * 7)
        in_one_breath(ann, message, ("join", {"channel": "lobby", "since": place, "epoch": epoch}), message, message)
        joined = ann.hear("joined")
        assert joined["recovered"] is True
        assert seqs(joined["messages"]) == list(range(place + 1, joined["seq"] + 1))
        place = joined["seq"]
    while len(heard) < 100:
        heard.append(ann.hear("message")["seq"])
    assert heard == list(range(1, 101))


def test_a_channel_that_was_empty_when_it_was_left_is_recovered_from_its_beginning(server, connect, room):
    ann = connect(server, "ann", room)
    epoch = ann.join(room)["epoch"]
    ann.ask("leave", channel=room)
    bob = connect(server, "bob", room)
    say_all(bob, room, "ab")
    joined = ann.join(room, since=0, epoch=epoch)
    assert (joined["recovered"], seqs(joined["messages"])) == (True, [1, 2])


def test_a_stalled_reader_to_whom_nothing_more_is_written_is_noticed_all_the_same(start, connect):
    server = start(
        *UNHURRIED, "--set", "websocket.ping_interval=200ms", "--set", "websocket.pong_timeout=200ms",
        "--set", "limits.queue=64MiB",
    )  # fmt: skip
    ann, slow = connect(server, "ann", "lobby"), connect(server, "slow", "lobby", sockopt=SMALL)
    for _ in range(120):
        ann.ask("direct", to="slow", text="x" * 60_000)
    assert ann.ask("request", method="stats")["result"]["clients"] == 2
    wait_until(lambda: ann.ask("request", method="stats")["result"]["clients"] == 1)
    assert slow.socket.sock.fileno() >= 0


def test_the_socket_of_a_live_server_is_stolen_neither_at_the_start_nor_at_the_end_of_another(start, tmp_path):
    path = str(tmp_path / "ws.sock")
    first = start("--unix", path)
    with pytest.raises(AssertionError, match="no ready line"):
        start("--unix", path)
    os.unlink(path)  # somebody tidies up
    start("--unix", path)
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PATIENCE_S)
        probe.connect(path)
        probe.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert probe.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_server_that_answers_on_the_port_is_not_mistaken_for_the_one_that_was_started(server):
    with pytest.raises(AssertionError, match="no ready line"):
        RunningServer("--port", str(server.port))
    assert server.get("/livez")[0] == 200


@pytest.mark.parametrize("path", ["/<script>alert(1)</script>", "/%3Cscript%3Ealert(1)%3C/script%3E", "/x?<script>"])
def test_what_stands_in_a_path_is_not_said_back(server, path):
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := sock.recv(4096):
            answer += chunk
    assert answer[9:12] in (b"400", b"404")
    assert b"script" not in answer.partition(b"\r\n\r\n")[2]
