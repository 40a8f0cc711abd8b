"""Commands and whose reply is whose, against a Redis that is written by hand."""

import hiredis
import pytest

from wsserver.brokers.address import parse_address
from wsserver.brokers.redis_commands import REPLY_LIMIT_S, Commands, LinkDown
from wsserver.brokers.redis_link import Link


@pytest.fixture
def commands(rig, fake):
    commands = Commands(rig.reactor, lambda: None, lambda _sentence: None)
    commands.link = Link(rig.reactor, parse_address(fake.url), rig.offload, [("HELLO",)], commands)
    commands.link.start()
    fake.accept(rig.turn)
    assert fake.next_command(rig.turn) == ["HELLO"]
    fake.say(b"+OK\r\n")
    assert fake.next_command(rig.turn) == ["PING"]
    fake.say(b"+PONG\r\n")
    rig.until(lambda: not commands.waiting)
    yield commands
    commands.close()


def test_replies_are_told_in_the_order_of_the_questions(rig, fake, commands):
    told = []
    for name in ("a", "b"):
        commands.call((name,), lambda reply, name=name: told.append((name, reply)))
    assert [fake.next_command(rig.turn) for _ in range(2)] == [["a"], ["b"]]
    fake.say(b":1\r\n-ERR no\r\n")
    rig.until(lambda: len(told) == 2)
    assert told[0] == ("a", 1) and isinstance(told[1][1], hiredis.ReplyError)


def test_a_late_answer_ends_the_connection_and_everybody_behind_it_is_told(rig, fake, commands):
    told = []
    commands.call(("a",), told.append)
    commands.call(("b",), told.append)
    rig.turn()
    rig.jump(REPLY_LIMIT_S + 0.1)
    rig.until(lambda: len(told) == 2)
    assert [type(one) is LinkDown and one.sent for one in told] == [True, True]
    assert not commands.up
    commands.call(("c",), told.append)
    assert len(told) == 2  # it is told later, never at once
    rig.until(lambda: len(told) == 3)
    assert isinstance(told[2], LinkDown) and not told[2].sent


def test_an_answer_that_nobody_asked_for_ends_the_connection(rig, fake, commands):
    fake.say(b"+surprise\r\n")
    rig.until(lambda: not commands.up)
    assert "nobody asked" in commands.link.trouble


@pytest.mark.parametrize(
    ("reply", "stays"), [(b"-OOM full\r\n", True), (b"-READONLY replica\r\n", False), (b"-MOVED 1 x:1\r\n", False)]
)
def test_an_error_that_is_about_redis_is_remembered_or_ends_the_connection(rig, fake, commands, reply, stays):
    told = []
    commands.call(("a",), told.append)
    fake.next_command(rig.turn)
    fake.say(reply)
    rig.until(lambda: told)
    assert isinstance(told[0], hiredis.ReplyError)
    assert commands.up == stays and bool(commands.complaint) == stays


def test_a_closed_one_calls_nobody_back(rig, fake, commands):
    told = []
    commands.call(("a",), told.append)
    commands.close()
    rig.jump(REPLY_LIMIT_S + 1)
    assert told == []
