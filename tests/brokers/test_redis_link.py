"""A connection's life, against a Redis that is written by hand: greeted, garbled, silent, lost and made again."""

import errno
import os

import pytest

from wsserver.brokers import redis_link
from wsserver.brokers.address import parse_address
from wsserver.brokers.redis_link import HELD_S, LONGEST_PAUSE_S, Link

HELLO = ("CLIENT", "SETNAME", "x")


class Listener:
    def __init__(self):
        self.heard = []

    def on_up(self):
        self.heard.append("up")

    def on_down(self, sentence):
        self.heard.append(("down", sentence))

    def on_reply(self, reply):
        self.heard.append(reply)


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def link(rig, fake, listener):
    link = Link(rig.reactor, parse_address(fake.url), rig.offload, [HELLO], listener)
    link.start()
    yield link
    link.close()


def greet(rig, fake):
    fake.accept(rig.turn)
    assert fake.next_command(rig.turn) == list(HELLO)
    fake.say(b"+OK\r\n")
    assert fake.next_command(rig.turn) == ["PING"]
    fake.say(b"+PONG\r\n")


def test_it_is_up_when_the_greeting_is_answered(rig, fake, link, listener):
    assert not link.up and link.trouble
    greet(rig, fake)
    rig.until(lambda: b"PONG" in listener.heard)
    assert link.up and link.trouble is None and listener.heard == ["up", b"PONG"]


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (b"-NOAUTH Authentication required.\r\n", "wants a password"),
        (b"-WRONGPASS invalid username-password pair\r\n", "does not know that user and password"),
        (b"-LOADING Redis is loading\r\n", "reading its data"),
    ],
)
def test_a_greeting_that_is_refused_is_said_in_a_sentence_and_tried_again(rig, fake, link, listener, reply, sentence):
    fake.accept(rig.turn)
    fake.say(reply)
    rig.until(lambda: listener.heard)
    assert listener.heard[0][0] == "down" and sentence in link.trouble
    greet(rig, fake)
    rig.until(lambda: link.up)


GARBAGE = {
    "negative length": b"$-2\r\n",
    "negative array": b"*-2\r\n",
    "no number": b"$x\r\n",
    "a number too large for any": b":99999999999999999999999\r\n",
    "an array of a hundred million": b"*100000000\r\n",
    "a map of a hundred million": b"%100000000\r\n",
    "arrays in arrays": b"*1\r\n" * 100_000,
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no line end": b"$3\r\nabcXYZ\r\n",
    "a push": b">2\r\n+message\r\n+x\r\n",
    "zeros": b"\0" * 100,
}


@pytest.mark.parametrize("garbage", [pytest.param(value, id=key) for key, value in GARBAGE.items()])
def test_garbage_ends_the_connection_and_a_new_one_is_made(rig, fake, link, listener, garbage):
    greet(rig, fake)
    fake.say(garbage)
    rig.until(lambda: not link.up and link.losses)
    assert "does not speak as Redis does" in link.trouble
    greet(rig, fake)
    rig.until(lambda: link.up)


def test_an_announced_length_takes_no_memory_and_what_comes_is_bounded(rig, fake, link, monkeypatch):
    monkeypatch.setattr(redis_link, "REPLY_BYTES", 100_000)
    greet(rig, fake)
    before = rig.world.resident_bytes()
    fake.say(b"$500000000\r\n" + b"x" * 60_000)
    rig.turn()
    assert link.up and rig.world.resident_bytes() - before < 50_000_000
    fake.say(b"x" * 60_000)
    rig.until(lambda: not link.up)
    assert "larger than any" in link.trouble


def test_replies_may_come_in_any_pieces(rig, fake, link, listener):
    greet(rig, fake)
    for byte in b"*2\r\n$1\r\na\r\n:5\r\n$0\r\n\r\n":
        fake.say(bytes([byte]))
        rig.turn()
    rig.until(lambda: listener.heard[-1] == b"")
    assert listener.heard[-2] == [b"a", 5]


def test_a_ping_without_an_answer_ends_the_connection(rig, fake, link):
    greet(rig, fake)
    rig.turn()
    rig.jump(5.1)
    assert fake.next_command(rig.turn) == ["PING"]
    assert link.up
    rig.jump(5.1)
    assert not link.up and "has not answered" in link.trouble


def test_a_greeting_without_an_answer_ends_the_connection(rig, fake, link):
    fake.accept(rig.turn)
    rig.turn()
    rig.jump(5.1)
    rig.until(lambda: link.losses)
    assert "does not answer" in link.trouble


def test_an_end_from_the_other_side_is_noticed(rig, fake, link, listener):
    greet(rig, fake)
    fake.sock.close()
    rig.until(lambda: not link.up and link.losses)
    assert "closed the connection" in link.trouble or "broke" in link.trouble


def test_pauses_grow_while_it_fails_and_are_short_again_after_it_held(rig, fake, link, listener):
    drawn = rig.world.drawn
    rig.world.hurry = True
    for _ in range(9):
        greet(rig, fake)
        rig.until(lambda: link.up)
        link.drop("a test")
    assert drawn == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    greet(rig, fake)
    rig.until(lambda: link.up)
    rig.world.ahead += HELD_S  # it held; the next turn has the new time
    link._heard_at = link._pinged_at + 1
    rig.turn()
    link.drop("a test")
    assert drawn[-1] == 0.1


def test_nobody_there_is_a_sentence_without_a_secret(rig, fake, listener):
    fake.close()  # its port is nobody's now
    url = fake.url.replace("redis://", "redis://:hunter2@")
    link = Link(rig.reactor, parse_address(url), rig.offload, [("AUTH", "hunter2")], listener)
    link.start()
    rig.until(lambda: listener.heard)
    assert os.strerror(errno.ECONNREFUSED).lower() in link.trouble
    assert "hunter2" not in repr(listener.heard)
    link.close()


def test_a_link_that_is_closed_stays_closed(rig, fake, link, listener):
    greet(rig, fake)
    rig.until(lambda: link.up)
    link.close()
    link.drop("no more")
    rig.jump(60)
    assert not link.up and listener.heard[-1] != ("down", "no more")


def test_a_crash_of_ours_ends_the_connection(rig, fake, link, listener):
    greet(rig, fake)
    rig.until(lambda: link.up)
    link.on_crash(ValueError("x"))
    assert link.trouble == "a mistake of ours (ValueError)"
