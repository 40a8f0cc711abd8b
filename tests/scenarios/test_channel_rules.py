"""Queue policies of channels, by readers that do not read: what they find when they wake up."""

import socket

import pytest

SIZE = 30_000
COUNT = 400
"""Messages of SIZE bytes: twice what the kernel takes for somebody who does not read, with its buffers full."""


@pytest.fixture
def server(start):
    return start(
        "--set", "limits.rate=0", "--set", "limits.queue=256KiB", "--set", "channels.news:*.history=1000",
        "--set", "channels.news:latest.queue_policy=latest", "--set", "channels.news:*.queue_policy=drop-oldest",
    )  # fmt: skip


def sleeper(connect, server):
    """A client that will not read, and that has little room in its kernel."""
    return connect(server, sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)])


def publish(ann, channel):
    for number in range(COUNT):
        answer = ann.ask("message", channel=channel, text=f"{number}".zfill(SIZE))
        assert answer["type"] == "ack", answer
        ann.kept.clear()


@pytest.mark.parametrize("channel", ["news:latest", "news:art"])
def test_who_sleeps_in_a_channel_that_may_lose_messages_stays_and_hears_the_newest(server, connect, channel):
    ann, bob = connect(server, "ann", channel), sleeper(connect, server)
    bob.join(channel, "bob")
    publish(ann, channel)
    heard = []
    while not heard or heard[-1] < COUNT:
        heard.append(bob.hear("message", channel=channel)["seq"])
    assert heard == sorted(set(heard))
    assert len(heard) < COUNT
    assert bob.ask("ping")["type"] == "pong"
    missed = min(set(range(1, COUNT + 1)) - set(heard))
    page = bob.ask("history", channel=channel, after=missed - 1, limit=1)
    assert [message["seq"] for message in page["messages"]] == [missed]


def test_who_sleeps_in_another_channel_is_closed_whatever_other_channels_may_lose(server, connect):
    ann, bob = connect(server, "ann", "lobby"), sleeper(connect, server)
    bob.join("news:latest", "bob")
    bob.join("lobby")
    publish(ann, "lobby")
    assert bob.hear_close()[0] == 4008
