"""Bytes for many: past the queues of those for whom nothing waits, behind what waits for the others."""

import pytest

from wsserver.net.crowd import send_to_crowd


@pytest.fixture
def crowd(make_rig):
    """Three transports of one reactor, each with its peer."""
    first = make_rig()
    return [first, *(first.another() for _ in range(2))]


def send(crowd, frame):
    send_to_crowd(crowd[0].reactor, [rig.transport.wire for rig in crowd], frame)


def test_everybody_gets_it_before_the_turn_ends(crowd):
    send(crowd, b"news")
    assert [rig.peer.recv(100) for rig in crowd] == [b"news"] * 3
    assert crowd[0].reactor.dirty == []


def test_whoever_has_something_waiting_gets_it_behind_that(crowd):
    crowd[1].transport.write(b"first, ")
    send(crowd, b"news")
    crowd[0].turn()
    assert [rig.peer.recv(100) for rig in crowd] == [b"news", b"first, news", b"news"]


def test_what_the_kernel_does_not_take_is_queued_and_follows(crowd):
    big = bytes(i % 251 for i in range(700_000))
    send(crowd, big)
    slow = crowd[2]
    assert slow.transport.queued > 0
    send([slow], b" and more")
    assert slow.read_and_turn(len(big) + 9) == big + b" and more"
    assert slow.reactor.blocked == {rig.transport.wire for rig in crowd[:2]}


def test_a_broken_one_costs_the_others_nothing_and_is_reported_in_the_next_turn(crowd):
    crowd[1].peer.close()
    send(crowd, b"news")
    assert [crowd[i].peer.recv(100) for i in (0, 2)] == [b"news"] * 2
    assert crowd[1].owner.heard == []
    crowd[0].turn(2)
    assert "buried" in crowd[1].owner.heard


def test_a_wire_that_was_kept_too_long_reaches_nobody(crowd):
    stale = crowd[1].transport
    fd = stale.fd
    stale.close()
    crowd[0].turn()
    successor = crowd[0].another()
    assert successor.transport.fd == fd  # the number is in use again
    send_to_crowd(crowd[0].reactor, [stale.wire], b"not for you")
    successor.peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        successor.peer.recv(100)


def test_a_closing_transport_takes_no_more(crowd):
    crowd[1].transport.write_last(b"bye")
    crowd[1].transport.limit = -1
    send(crowd, b"news")
    crowd[0].turn()
    assert crowd[1].peer.recv(100) == b"bye"


def test_a_transport_that_is_closed_is_not_blocked_any_more(crowd):
    crowd[0].fill()
    assert crowd[0].reactor.blocked
    crowd[0].transport.close()
    assert crowd[0].reactor.blocked == set()
