"""The exchange of a supervisor and the desks of its workers, all in this process."""

import os
import socket

import pytest

from tests.reactor.fakes import FakeWorld, turn
from tests.test_server import config
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller
from wsserver.supervision.exchange import Desk, Exchange, Shares
from wsserver.supervision.orders import Begin, decode, encode


def open_sockets():
    """How many there are in this process. A view of memory has a descriptor too, until the last reference is gone."""
    names = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return sum(os.readlink(name).startswith("socket:") for name in names if os.path.lexists(name))


def duplicate(shares):
    """What a process inherits: descriptors of its own for the same things."""
    return Shares(os.dup(shares.memory), [os.dup(fd) for fd in shares.inboxes], [os.dup(fd) for fd in shares.outlets])


class Office:
    """A worker with its desk: what it inherits it has as descriptors of its own, as a process would."""

    def __init__(self, exchange, index):
        self.reactor = Reactor(FakeWorld(), open_poller("epoll"), self.fail)
        self.desk = Desk(self.reactor.world, duplicate(exchange.shares), index)
        self.arrived = []
        self.desk.begin(self.reactor, lambda sock, data: self.arrived.append((sock, data)))
        self.desk.homes.serve(True)

    def fail(self, error):
        raise error

    def hand(self, worker, data=b"x"):
        """Hand over a connection; return the peer's end of it."""
        ours, theirs = socket.socketpair()
        with ours:
            assert self.desk.put(worker, ours.fileno(), data)
        theirs.setblocking(False)
        return theirs

    def said(self):
        turn(self.reactor, 2)
        return [data for _, data in self.arrived]

    def end(self):
        """End as a process does: everything that it holds is closed."""
        self.desk.close()
        self.reactor.close()
        for sock, _ in self.arrived:
            sock.close()


class Company:
    """A supervisor's exchange, and an office for each worker."""

    def __init__(self, workers=3):
        self.exchange = Exchange(workers)
        self.offices = [Office(self.exchange, index) for index in range(workers)]
        self.peers = []

    def hand(self, sender, receiver, data=b"x"):
        self.peers.append(self.offices[sender].hand(receiver, data))
        return self.peers[-1]

    def home_of(self, index):
        """A channel that is at home there."""
        asker = self.offices[index - 1].desk.homes
        return next(name for name in map(str, range(1000)) if asker.elsewhere(name) == index)


@pytest.fixture
def company():
    before = open_sockets()
    one = Company()
    yield one
    for office in one.offices:
        office.end()
    for peer in one.peers:
        peer.close()
    one.exchange.close()
    assert open_sockets() == before


def test_each_worker_gets_what_is_handed_to_it_and_nothing_else(company):
    for sender in range(3):
        for receiver in range(3):
            company.hand(sender, receiver, b"%d to %d" % (sender, receiver))
    for index, office in enumerate(company.offices):
        assert office.said() == [b"%d to %d" % (sender, index) for sender in range(3)]


def test_what_worker_and_supervisor_say_all_the_others_read(company):
    offices, channel = company.offices, company.home_of(1)
    assert offices[0].desk.homes.elsewhere(channel) == 1
    company.exchange.homes.cover(1, True)
    assert offices[0].desk.homes.elsewhere(channel) is None
    company.exchange.homes.cover(1, False)
    offices[1].desk.homes.serve(False)
    assert offices[2].desk.homes.elsewhere(channel) is None
    offices[1].desk.homes.serve(True)
    assert offices[2].desk.homes.elsewhere(channel) == 1


def test_a_neighbour_takes_in_for_another_until_it_is_told_not_to(company):
    first, second, third = company.offices
    third.desk.cover(1, True)
    company.hand(0, 1, b"one")
    assert third.said() == [b"one"]
    third.desk.cover(1, False)
    company.hand(0, 1, b"two")
    assert (third.said(), second.said(), first.said()) == ([b"one"], [b"two"], [])


def test_a_neighbour_goes_on_taking_in_for_itself(company):
    company.offices[2].desk.cover(0, True)
    company.offices[2].desk.cover(0, False)
    company.hand(0, 2, b"mine")
    assert company.offices[2].said() == [b"mine"]


def test_who_lies_in_the_inbox_of_the_dead_is_taken_by_its_neighbour_or_its_successor(company):
    company.offices[1].end()
    peer = company.hand(0, 1, b"for the neighbour")
    company.offices[2].desk.cover(1, True)
    assert company.offices[2].said() == [b"for the neighbour"]
    company.offices[2].desk.cover(1, False)
    company.hand(0, 1, b"for the successor")
    company.offices[1] = successor = Office(company.exchange, 1)
    assert successor.said() == [b"for the successor"]
    with pytest.raises(BlockingIOError):
        peer.recv(1)  # nobody has closed it


def test_one_that_leaves_is_sent_nobody_any_more(company):
    channel = company.home_of(1)
    company.offices[1].desk.close()
    assert company.offices[0].desk.homes.elsewhere(channel) is None


def test_who_leaves_takes_in_first_what_has_been_handed_to_it(company):
    for number in range(100):
        company.hand(0, 1, b"%d" % number)
    company.offices[1].desk.take_in()
    assert [data for _, data in company.offices[1].arrived] == [b"%d" % number for number in range(100)]


def test_a_successor_is_sent_nobody_before_it_serves(company):
    channel = company.home_of(2)
    company.offices[2].end()
    company.offices[2].desk.homes.serve(True)  # as one leaves it who is killed
    desk = Desk(FakeWorld(), duplicate(company.exchange.shares), 2)
    assert company.offices[0].desk.homes.elsewhere(channel) is None
    desk.close()
    company.offices[2] = Office(company.exchange, 2)


def test_what_is_lent_comes_through_the_link_as_it_is_and_is_open(company):
    shares = company.exchange.shares
    begin = Begin(1, config(), [[3]], [], None, None, shares)
    assert decode(encode(begin)).exchange == shares
    assert len(set(shares.fds)) == 7
    for fd in shares.fds:
        os.fstat(fd)


def test_an_exchange_is_given_back_as_it_was_taken():
    before = len(os.listdir("/proc/self/fd"))
    exchange = Exchange(1)
    assert len(exchange.shares.fds) == 3
    exchange.close()
    del exchange
    assert len(os.listdir("/proc/self/fd")) == before
