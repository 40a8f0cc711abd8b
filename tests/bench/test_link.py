import pytest

from tests.reactor.fakes import turn
from wsserver.bench.link import Begin, Done, Drain, Link, Progress, Ready, Spectrum, Stop, Stopped
from wsserver.bench.tally import Tally
from wsserver.reactor.loop import Reactor
from wsserver.reactor.world import World


@pytest.fixture
def ends():
    """Both ends of a link in one reactor, and what each has heard."""
    world = World()

    def fail(error):
        raise error

    reactor = Reactor(world, world.open_poller("epoll"), fail)
    heard = ([], [])
    links = [
        Link(reactor, sock, mine.append, lambda mine=mine: mine.append("gone"))
        for sock, mine in zip(world.socket_pair(), heard, strict=True)
    ]
    yield reactor, links, heard
    reactor.close()


LINES = [
    Begin(1.5, 2.5),
    Stop(),
    Drain({0: 4, 17: 2}),
    Ready(4),
    Progress(1, 2, 3),
    Stopped({3: 9}, 0.25),
    Done(Tally(opened=3, refused={"HTTP 503": 1}), Spectrum("x", 4), Spectrum("y", 5), None),
]


def test_whatever_is_said_is_heard_as_it_was_meant(ends):
    reactor, (one, other), heard = ends
    for line in LINES:
        one.say(line)
        other.say(line)
    turn(reactor, 3)
    assert heard == (LINES, LINES)


def test_a_line_that_comes_in_pieces_is_heard_when_it_is_whole(ends):
    _reactor, (one, _), heard = ends
    one._on_bytes(b'{"type":"Rea')
    assert heard[0] == []
    one._on_bytes(b'dy","opened":3}\n{"type":"Stop"}\n{')
    assert heard[0] == [Ready(3), Stop()]


def test_one_end_notices_when_the_other_is_closed(ends):
    reactor, (one, _), heard = ends
    one.close()
    turn(reactor, 3)
    assert heard == ([], ["gone"])


def test_what_was_said_last_arrives_before_the_end(ends):
    reactor, (one, _), heard = ends
    ended = []
    one.say(Done(Tally(), Spectrum("x" * 1_000_000, 1), Spectrum("", 0), None))
    one.finish(lambda: ended.append(True))
    turn(reactor, 50)
    assert [type(line) for line in heard[1]] == [Done, str]
    assert ended == [True]


def test_a_crash_in_it_is_not_hidden(ends):
    _, (one, _), _ = ends
    with pytest.raises(ValueError):
        one.on_crash(ValueError())
