"""Sockets that are handed from process to process: what arrives, what does not, and that none is left over."""

import errno
import os
import resource
import socket

import pytest

from tests.reactor.fakes import FakeWorld, turn
from wsserver.net.inbox import BATCH, MESSAGE_LIMIT, REST_S, Inbox, put
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller
from wsserver.reactor.shared import message_pair


def open_fds():
    return len(os.listdir("/proc/self/fd"))


class Rig:
    """An inbox, the way into it, and peers whose connections are handed over."""

    def __init__(self):
        self.errors = []
        self.reactor = Reactor(FakeWorld(), open_poller("epoll"), self.errors.append)
        reader, self.outlet = message_pair()
        self.arrived = []
        self.inbox = Inbox(self.reactor, reader, self.take)
        self.inbox.start()
        self.peers = []

    def take(self, sock, data):
        self.arrived.append((sock, data))

    def hand(self, data=b"x", outlet=None):
        """Hand over one end of a new connection as its owner does, and close it here; return the other end."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with ours:
            assert put(outlet or self.outlet, ours.fileno(), data)
        self.peers.append(theirs)
        return theirs

    def turn(self, count=1):
        turn(self.reactor, count)

    def said(self):
        return [data for _, data in self.arrived]

    def close(self):
        for sock in (*self.peers, *(sock for sock, _ in self.arrived), self.outlet):
            sock.close()
        self.inbox.close()
        self.reactor.close()


@pytest.fixture
def rig():
    before = open_fds()
    one = Rig()
    yield one
    one.close()
    assert one.errors == []
    assert open_fds() == before


def test_a_connection_arrives_with_what_is_to_be_known_of_it_and_works(rig):
    peer = rig.hand(b"baggage")
    peer.send(b"hello")
    rig.turn()
    ((sock, data),) = rig.arrived
    assert data == b"baggage"
    assert sock.recv(100) == b"hello"
    sock.send(b"welcome")
    assert peer.recv(100) == b"welcome"


def test_what_has_arrived_is_inherited_by_nobody_and_waits_for_nothing(rig):
    rig.hand()
    rig.turn()
    sock = rig.arrived[0][0]
    assert not os.get_inheritable(sock.fileno())
    with pytest.raises(BlockingIOError):
        sock.recv(1)


def test_a_tcp_connection_knows_what_it_is_when_it_arrives(rig):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as peer:
        accepted = listener.accept()[0]
        with accepted:
            assert put(rig.outlet, accepted.fileno(), b"x")
        rig.turn()
        sock = rig.arrived[0][0]
        assert (sock.family, sock.getpeername()) == (socket.AF_INET, peer.getsockname())


def test_several_writers_do_not_mix_their_messages(rig):
    outlets = [rig.outlet, rig.outlet.dup(), rig.outlet.dup()]
    said = [bytes([65 + number]) * (100 + 3000 * number) for number in range(len(outlets))]
    peers = [rig.hand(data, outlet) for outlet, data in zip(outlets, said, strict=True)]
    for outlet in outlets[1:]:
        outlet.close()
    rig.turn()
    assert rig.said() == said
    for peer, (sock, data) in zip(peers, rig.arrived, strict=True):
        peer.send(data[:1])
        assert sock.recv(10) == data[:1], "each came with its own"


def test_the_largest_message_arrives_whole_and_a_larger_one_is_not_taken(rig):
    rig.hand(b"m" * MESSAGE_LIMIT)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not put(rig.outlet, ours.fileno(), b"m" * (MESSAGE_LIMIT + 1))
        rig.turn()
        assert rig.said() == [b"m" * MESSAGE_LIMIT]
        theirs.send(b"still")
        assert ours.recv(10) == b"still"


def test_what_does_not_fit_in_stays_with_its_owner_and_the_next_fits_when_there_is_room(rig):
    rig.inbox.pause()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        count = 0
        while put(rig.outlet, ours.fileno(), b"d" * 200):
            count += 1
            assert count < 100_000
        assert count > BATCH
        theirs.send(b"still ours")
        assert ours.recv(100) == b"still ours"
        rig.inbox.start()
        rig.turn()
        assert len(rig.arrived) == BATCH
        assert put(rig.outlet, ours.fileno(), b"again")
        rig.turn(count // BATCH + 1)
        assert len(rig.arrived) == count + 1
        assert rig.said()[-1] == b"again"


def test_a_closed_descriptor_is_not_taken_and_breaks_nothing(rig):
    ours, theirs = socket.socketpair()
    number = ours.detach()
    os.close(number)
    theirs.close()
    assert not put(rig.outlet, number, b"x")
    rig.hand()
    rig.turn()
    assert rig.said() == [b"x"]


def test_a_turn_takes_a_batch_and_the_next_one_the_rest(rig):
    for number in range(BATCH + 3):
        rig.hand(b"%d" % number)
    rig.turn()
    assert len(rig.arrived) == BATCH
    rig.turn()
    assert rig.said() == [b"%d" % number for number in range(BATCH + 3)]


def test_it_can_be_emptied_at_once_and_that_says_nothing_of_who_comes_later(rig):
    for _ in range(2 * BATCH):
        rig.hand()
    rig.inbox.empty()
    assert len(rig.arrived) == 2 * BATCH
    rig.inbox.empty()
    rig.hand(b"later")
    rig.turn()
    assert rig.said()[-1] == b"later"


def test_while_it_pauses_connections_wait_in_the_kernel(rig):
    rig.inbox.pause()
    rig.inbox.pause()
    peer = rig.hand()
    peer.send(b"early")
    rig.turn(3)
    assert rig.arrived == []
    rig.inbox.start()
    rig.inbox.start()
    rig.turn()
    assert rig.arrived[0][0].recv(10) == b"early"


def test_who_reads_next_gets_what_the_dead_has_left(rig):
    heir_end = rig.inbox.sock.dup()
    heir = Inbox(rig.reactor, heir_end, rig.take)
    peer = rig.hand(b"left behind")
    rig.inbox.close()
    rig.hand(b"nobody knows that it is dead")
    peer.send(b"hello?")
    heir.start()
    rig.turn()
    assert rig.said() == [b"left behind", b"nobody knows that it is dead"]
    assert rig.arrived[0][0].recv(10) == b"hello?"
    heir.close()


def test_of_two_readers_each_connection_has_one(rig):
    other = Inbox(rig.reactor, rig.inbox.sock.dup(), rig.take)
    other.start()
    for number in range(3 * BATCH):
        rig.hand(b"%d" % number)
    rig.turn(3)
    assert sorted(rig.said(), key=int) == [b"%d" % number for number in range(3 * BATCH)]
    other.close()


def test_what_nobody_ever_takes_is_closed_with_the_inbox():
    rig = Rig()
    peer = rig.hand()
    rig.inbox.pause()
    with pytest.raises(BlockingIOError):
        peer.recv(1)
    rig.inbox.close()
    rig.outlet.close()
    assert peer.recv(1) == b""
    rig.close()


def test_when_descriptors_are_exhausted_that_client_alone_is_lost(rig):
    unlucky = rig.hand(b"unlucky")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        rig.turn()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert rig.arrived == []
    assert unlucky.recv(1) == b"", "it learns that at once"
    rig.hand(b"lucky")
    rig.turn()
    assert rig.said() == [b"lucky"]


def test_a_crash_over_one_connection_is_not_the_next_ones(rig):
    def fail_once(sock, data):
        rig.inbox._on_arrival = rig.take
        sock.close()
        raise LookupError(data)

    rig.inbox._on_arrival = fail_once
    rig.hand(b"first")
    rig.hand(b"second")
    rig.turn(2)
    assert rig.said() == [b"second"]
    assert [type(error) for error in rig.errors] == [LookupError]
    rig.errors.clear()


class Refusing:
    """The reading end, in a kernel that has no memory."""

    def __init__(self, sock):
        self.sock = sock
        self.asked = 0

    def recvmsg(self, *_):
        self.asked += 1
        raise OSError(errno.ENOMEM, "no memory")

    def fileno(self):
        return self.sock.fileno()


def test_when_the_kernel_refuses_it_rests_and_tries_again(rig):
    sock = rig.inbox.sock
    rig.inbox.sock = refusing = Refusing(sock)
    rig.hand(b"patient")
    rig.turn(5)
    assert refusing.asked == 1, "trying in each turn would spin"
    rig.inbox.sock = sock
    rig.reactor.world.time += REST_S
    rig.turn(2)
    assert rig.said() == [b"patient"]
    assert len(rig.errors) == 1
    rig.errors.clear()


def test_a_pause_while_it_rests_is_a_pause(rig):
    sock = rig.inbox.sock
    rig.inbox.sock = Refusing(sock)
    rig.hand(b"patient")
    rig.turn()
    rig.inbox.sock = sock
    rig.inbox.pause()
    rig.reactor.world.time += 2 * REST_S
    rig.turn(2)
    assert rig.arrived == []
    rig.inbox.start()
    rig.turn()
    assert rig.said() == [b"patient"]
    rig.errors.clear()


def test_an_inbox_that_nobody_can_write_into_does_not_hold_up_a_turn(rig):
    rig.hand(b"last")
    rig.outlet.close()
    rig.inbox.empty()
    rig.turn()
    assert rig.said() == [b"last"]
