"""Many clients, and one among them who does not read."""

import resource
import socket
from pathlib import Path

import pytest

from tests.scenarios.talking import Talker, open_raw

IDLE = 1000

SIZE = 60_000


def more_than_the_kernel_takes():
    """How many messages of SIZE are more than fits into the buffers of somebody who does not read (tcp(7))."""
    largest = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
    return (largest + (1 << 20)) // SIZE


IDLE_BYTES = 8 * 1024
"""Resident bytes of one idle client, above which something has grown that should not have."""


@pytest.fixture
def many_fds():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 200:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 200), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_idle_clients_cost_little_and_disturb_nobody(start, connect, many_fds):
    server = start()
    ann = connect(server, "ann", "lobby")
    before = server.resident_bytes()
    idle = [open_raw(server.port, "/chat") for _ in range(IDLE)]
    try:
        for sock in idle:
            assert b'"welcome"' in sock.recv(1000)
        assert ann.ask("request", method="stats")["result"]["clients"] == IDLE + 1
        assert (server.resident_bytes() - before) / IDLE < IDLE_BYTES
        assert ann.ask("message", channel="lobby", text="anybody?")["seq"] == 1
        assert ann.ask("broadcast", text="all of you")["type"] == "ack"
        for sock in idle:
            assert b'"all of you"' in sock.recv(1000)
    finally:
        for sock in idle:
            sock.close()
    while ann.ask("request", method="stats")["result"]["clients"] > 1:
        pass


def test_a_storm_of_connections_that_come_and_go_leaves_nothing_behind(start, connect):
    server = start("--set", "presence.leave_grace=0s")
    ann = connect(server, "ann", "lobby")
    for number in range(100):
        talker = Talker(server.ws())
        talker.join("lobby", f"user-{number}")
        talker.vanish() if number % 2 else talker.close()
        talker.socket.shutdown()
    while ann.ask("presence", channel="lobby")["count"] > 1:
        pass
    assert ann.ask("request", method="stats")["result"]["clients"] == 1


def test_who_does_not_read_is_closed_with_4008_and_the_others_get_everything(start, connect):
    server = start("--set", "limits.queue=64KiB", "--set", "limits.rate=0", "--set", "presence.leave_grace=0s")
    ann, bob = connect(server, "ann", "lobby"), connect(server, "bob", "lobby")
    slow = connect(server, "slow", "lobby", sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 65536),))
    while ann.hear("presence")["count"] < 3:
        pass  # who comes and goes before it was announced is not worth an announcement
    text = "x" * SIZE
    sent = 0
    while not any(event["type"] == "presence" and "slow" in event["left"] for event in ann.kept):
        sent += 1
        assert sent < 2000, "the slow one was never closed"
        assert ann.ask("message", channel="lobby", text=text)["seq"] == sent
        assert bob.hear("message")["seq"] == sent
    assert ann.ask("message", channel="lobby", text="the last")["seq"] == sent + 1
    assert bob.hear("message")["text"] == "the last"
    code, reason = slow.hear_close()
    assert (code, reason) == (4008, "slow consumer: overflow")
    assert [event["seq"] for event in ann.kept if event["type"] == "message"] == list(range(1, sent + 2))


def test_what_the_slow_one_missed_it_recovers(start, connect):
    server = start("--set", "limits.queue=64KiB", "--set", "limits.rate=0")
    ann = connect(server, "ann", "lobby")
    slow = connect(server, sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 65536),))
    epoch = slow.join("lobby", "slow")["epoch"]
    count = more_than_the_kernel_takes()
    for number in range(count):
        ann.ask("message", channel="lobby", text=f"{number} " + "x" * SIZE)
    heard = []
    with pytest.raises(AssertionError, match="closed"):
        while True:
            event = slow._next()
            if event["type"] == "message":
                heard.append(event["seq"])
    assert heard == list(range(1, len(heard) + 1))
    assert 0 < len(heard) < count
    missed = connect(server)
    missed.say("join", channel="lobby", user="slow", since=len(heard), epoch=epoch)
    joined = missed.hear("joined")
    assert joined["recovered"] is True
    seqs = [message["seq"] for message in joined["messages"]]
    while not seqs or seqs[-1] < count:
        seqs.append(missed.hear("message")["seq"])
    assert seqs == list(range(len(heard) + 1, count + 1))
