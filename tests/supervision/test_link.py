"""One end of the wire: lines whole and in order, and the news of the end once."""

import pytest

from tests.reactor.fakes import turn
from wsserver.reactor.loop import Reactor
from wsserver.reactor.world import World
from wsserver.supervision.link import Link
from wsserver.supervision.orders import Cover, Failed, Ready, encode


@pytest.fixture
def reactor():
    world = World()
    errors = []
    reactor = Reactor(world, world.open_poller("epoll"), errors.append)
    reactor.errors = errors
    yield reactor
    reactor.close()


@pytest.fixture
def ends(reactor):
    """Both ends in one reactor, and what each has heard."""
    heard = ([], [])
    links = [
        Link(reactor, sock, mine.append, lambda mine=mine: mine.append("gone"))
        for sock, mine in zip(reactor.world.socket_pair(), heard, strict=True)
    ]
    return links, heard


def test_what_is_said_is_heard_in_order_also_when_it_is_large(reactor, ends):
    (one, _), heard = ends
    lines = [Cover(1), Failed("x" * 1_000_000, 1), Cover(2)]
    for line in lines:
        one.say(line)
    turn(reactor, 50)
    assert heard == ([], lines)


def test_what_was_read_before_the_link_was_made_is_heard_first(reactor):
    ours, theirs = reactor.world.socket_pair()
    heard = []
    Link(reactor, ours, heard.append, lambda: heard.append("gone"), encode(Cover(1)) + b"\n" + encode(Cover(2))[:5])
    theirs.send(encode(Cover(2))[5:] + b"\n")
    turn(reactor, 3)
    assert heard == [Cover(1), Cover(2)]
    theirs.close()
    turn(reactor, 2)
    assert heard[2:] == ["gone"]


def test_who_closes_hears_nothing_more_and_the_other_end_hears_of_it_once(reactor, ends):
    (one, other), heard = ends
    other.say(Ready())
    one.close()
    turn(reactor, 3)
    one.say(Ready())
    turn(reactor, 3)
    assert heard == ([], ["gone"])


def test_nothing_more_is_heard_of_an_end_that_was_closed_in_the_middle_of_it(reactor):
    ours, theirs = reactor.world.socket_pair()
    heard = []

    def hear(line):
        heard.append(line)
        link.close()

    link = Link(reactor, ours, hear, lambda: heard.append("gone"))
    theirs.send(encode(Cover(1)) + b"\n" + encode(Cover(2)) + b"\n")
    turn(reactor, 3)
    assert heard == [Cover(1)]
    theirs.close()


def test_an_end_that_talks_nonsense_is_as_good_as_gone_and_that_is_reported(reactor):
    ours, theirs = reactor.world.socket_pair()
    heard = []
    Link(reactor, ours, heard.append, lambda: heard.append("gone"))
    theirs.send(b"nonsense\n")
    turn(reactor, 3)
    assert heard == ["gone"]
    assert len(reactor.errors) == 1
    theirs.close()
