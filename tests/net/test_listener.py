import errno
import os
import resource
import socket

import pytest

from tests.reactor.fakes import FakeWorld, turn
from wsserver.net.listener import ACCEPT_BATCH, REST_S, Listener
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller


class Rig:
    def __init__(self, sock=None):
        self.errors = []
        self.reactor = Reactor(FakeWorld(), open_poller("epoll"), self.errors.append)
        self.accepted, self.exhausted, self.clients = [], [], []
        if sock is None:
            (sock,) = self.reactor.world.listen_tcp("127.0.0.1", 0)
        self.listener = Listener(self.reactor, sock, lambda *a: self.accepted.append(a), self.exhausted.append)
        self.address = sock.getsockname()
        self.listener.start()

    def connect(self, count=1):
        for _ in range(count):
            client = socket.socket()
            client.settimeout(5)
            client.connect(self.address)
            self.clients.append(client)

    def turn(self):
        turn(self.reactor)

    def close(self):
        self.listener.close()
        self.reactor.close()
        for sock in [*self.clients, *(sock for sock, _ in self.accepted)]:
            sock.close()


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.close()


def test_connections_are_handed_over_non_blocking_with_their_address(rig):
    rig.connect()
    rig.turn()
    ((sock, address),) = rig.accepted
    assert not sock.getblocking()
    assert address == f"127.0.0.1:{rig.clients[0].getsockname()[1]}"


def test_a_turn_accepts_a_bounded_batch(rig):
    rig.connect(ACCEPT_BATCH + 5)
    rig.turn()
    assert len(rig.accepted) == ACCEPT_BATCH
    rig.turn()
    assert len(rig.accepted) == ACCEPT_BATCH + 5
    assert rig.listener.accepted == ACCEPT_BATCH + 5


def test_ipv6_addresses_are_written_in_brackets():
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    rig = Rig(socket.create_server(("::1", 0), family=socket.AF_INET6))
    client = socket.create_connection(rig.address[:2])
    rig.listener.sock.setblocking(False)
    rig.turn()
    assert rig.accepted[0][1] == f"[::1]:{client.getsockname()[1]}"
    client.close()
    rig.close()


def test_a_connection_that_failed_in_the_queue_does_not_stop_the_next(rig):
    class Flaky:
        def __init__(self, sock):
            self.sock, self.failures = sock, [errno.ECONNABORTED, errno.EPROTO]

        def _accept(self):
            if self.failures:
                raise OSError(self.failures.pop(), "failed")
            return self.sock._accept()

        def __getattr__(self, name):
            return getattr(self.sock, name)

    rig.listener.sock = Flaky(rig.listener.sock)
    rig.connect()
    rig.turn()
    assert len(rig.accepted) == 1


def test_without_file_descriptors_it_rests_sheds_one_and_comes_back(rig):
    rig.connect(3)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir("/proc/self/fd"))
    fillers = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    try:
        with pytest.raises(OSError):
            while True:
                fillers.append(os.open(os.devnull, os.O_RDONLY))
        rig.turn()
        turns_before = rig.reactor.turns
        assert [error.errno for error in rig.exhausted] == [errno.EMFILE]
        assert rig.accepted == []
        assert rig.clients[0].recv(1) == b""  # accepted from the reserve, and closed
        rig.reactor._poll = lambda timeout_s: (sleeps.append(timeout_s), [])[1]
        sleeps = []
        rig.reactor.run_once()
        assert 0 < sleeps[0] <= REST_S  # it sleeps instead of spinning
        assert rig.reactor.turns == turns_before + 1
    finally:
        for fd in fillers:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        rig.reactor._poll = rig.reactor.poller.poll
    rig.reactor.world.time += REST_S + 0.01
    rig.turn()
    rig.turn()
    assert len(rig.accepted) == 2


def test_closing_twice_is_fine(rig):
    rig.listener.close()
    rig.listener.close()
    assert rig.listener.sock.fileno() == -1


def test_who_pauses_leaves_the_queue_to_others_until_it_starts_again(rig):
    rig.listener.pause()
    rig.connect()
    rig.turn()
    assert rig.accepted == []
    rig.listener.start()
    rig.turn()
    assert len(rig.accepted) == 1


def test_a_pause_is_not_ended_by_the_end_of_a_rest(rig):
    rig.listener._rest(OSError(errno.EMFILE, "none left"))
    rig.listener.pause()
    rig.connect()
    rig.reactor.world.time += REST_S + 0.01
    rig.turn()
    rig.turn()
    assert rig.accepted == []


def test_of_those_who_share_a_socket_one_accepts_each_connection(rig):
    with socket.create_server(("127.0.0.1", 0)) as shared:
        shared.setblocking(False)
        pollers = [open_poller("epoll") for _ in range(2)]
        reactors = [Reactor(FakeWorld(), poller, rig.errors.append) for poller in pollers]
        accepted = []
        for reactor in reactors:
            Listener(reactor, shared.dup(), lambda *a: accepted.append(a), rig.exhausted.append).start()
        rig.address = shared.getsockname()
        rig.connect(3)
        for reactor in reactors:
            turn(reactor, 2)
        assert (len(accepted), rig.exhausted) == (3, [])
        for reactor in reactors:
            [listener] = [one for one in reactor._handlers.values() if isinstance(one, Listener)]
            listener.close()
            reactor.close()
        for sock, _ in accepted:
            sock.close()
