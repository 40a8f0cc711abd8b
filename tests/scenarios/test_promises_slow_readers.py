"""Nobody waits for a slow reader (docs/protocol.md): it is closed, or loses the oldest, or keeps the newest alone."""

import socket

import pytest

from tests.scenarios.languages import in_both_languages, seqs

pytestmark = in_both_languages

TEXT = "x" * 60_000
TEXTS = 100
"""Six megabytes: more than the kernel keeps for somebody who does not read (4 MiB at most, tcp(7))."""

FLAGS = (
    "--set", "limits.rate=0", "--set", "limits.queue=256KiB", "--set", "chat.history=1000",
    "--set", "channels.oldest-*.queue_policy=drop-oldest",
    "--set", "channels.latest-*.queue_policy=latest",
)  # fmt: skip

SMALL = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]


def overwhelm(connect, server, channel):
    """Say more than a slow reader can take while a quick one reads along; return both, and the epoch."""
    ann = connect(server, "ann", channel)
    slow = connect(server, "slow", channel, sockopt=SMALL)
    epoch = ann.join(channel)["epoch"]
    for number in range(1, TEXTS + 1):
        assert ann.ask("message", channel=channel, text=TEXT)["seq"] == number
        assert ann.hear("message")["seq"] == number
    return ann, slow, epoch


def read_up_to(talker, number):
    """Return the numbers of the messages that it hears until that one."""
    heard = [0]
    while heard[-1] < number:
        heard.append(talker.hear("message")["seq"])
    return heard[1:]


def test_by_default_it_is_closed_with_4008_and_comes_back_for_the_rest(server, connect, room):
    _, slow, epoch = overwhelm(connect, server, room)
    heard = []
    with pytest.raises(AssertionError, match="closed"):
        while True:
            heard.append(slow.hear("message")["seq"])
    assert heard == list(range(1, len(heard) + 1))
    assert len(heard) < TEXTS
    back = connect(server)
    joined = back.join(room, "slow", since=len(heard), epoch=epoch)
    assert joined["recovered"] is True
    while len(heard) + len(joined["messages"]) < TEXTS:
        heard += seqs(joined["messages"])
        joined["messages"] = [back.hear("message")]
    assert heard + seqs(joined["messages"]) == list(range(1, TEXTS + 1))


def test_its_close_says_4008(server, connect, room):
    _, slow, _ = overwhelm(connect, server, room)
    code, reason = slow.hear_close()
    assert code == 4008
    assert "slow" in reason


@pytest.mark.parametrize("channel", ["oldest", "latest"])
def test_a_channel_may_say_that_it_stays_and_loses_messages(server, connect, room, channel):
    ann, slow, _ = overwhelm(connect, server, f"{channel}-{room}")
    heard = read_up_to(slow, TEXTS)
    assert heard == sorted(heard)
    assert len(heard) < TEXTS
    gap = max(i for i in range(1, len(heard)) if heard[i] - heard[i - 1] > 1)
    assert len(heard) - gap <= 5  # what waited in its queue behind what the kernel had
    assert slow.ask("ping")["type"] == "pong"
    ann.ask("message", channel=f"{channel}-{room}", text="short")
    assert slow.hear("message")["seq"] == TEXTS + 1


@pytest.mark.parametrize("policy", ["drop-oldest", "latest"])
def test_the_server_may_say_so_for_all_channels(start, connect, policy):
    server = start(*FLAGS, "--set", f"limits.queue_policy={policy}")
    _, slow, _ = overwhelm(connect, server, "lobby")
    heard = read_up_to(slow, TEXTS)
    assert heard == sorted(heard)
    assert len(heard) < TEXTS
    assert slow.ask("ping")["type"] == "pong"
