import os
import signal
import threading

import pytest

from tests.reactor.fakes import FakeWorld
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller


@pytest.fixture
def reactor():
    errors = []
    made = Reactor(FakeWorld(), open_poller("epoll"), errors.append)
    yield made
    made.close()
    assert errors == []


def test_a_thread_wakes_a_loop_that_sleeps_for_ever(reactor):
    ran_in = []

    def posted():
        ran_in.append(threading.get_ident())
        reactor.stop()

    thread = threading.Thread(target=lambda: reactor.post(posted))
    thread.start()
    reactor.run()
    thread.join()
    assert ran_in == [threading.get_ident()]


def test_what_many_threads_post_runs_once_each(reactor):
    count = 0

    def bump():
        nonlocal count
        count += 1
        if count == 400:
            reactor.stop()

    threads = [threading.Thread(target=lambda: [reactor.post(bump) for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    reactor.run()
    for thread in threads:
        thread.join()
    assert count == 400


def test_a_full_pipe_is_harmless(reactor):
    count = 0

    def bump():
        nonlocal count
        count += 1

    for _ in range(100_000):
        reactor.post(bump)
    reactor.run_once()
    assert count == 100_000


def test_what_a_posted_callback_posts_runs_in_the_next_turn(reactor):
    log = []
    reactor.post(lambda: (log.append(1), reactor.post(lambda: log.append(2))))
    reactor.run_once()
    assert log == [1]
    reactor.run_once()
    assert log == [1, 2]


def test_a_signal_wakes_the_loop_and_a_storm_of_them_is_one(reactor):
    calls = []
    before = signal.getsignal(signal.SIGUSR2)
    reactor.wakeup.on_signal(signal.SIGUSR2, lambda: calls.append(1))
    for _ in range(1000):
        os.kill(os.getpid(), signal.SIGUSR2)
    reactor.run_once()
    assert calls == [1]
    reactor.wakeup.close()
    assert signal.getsignal(signal.SIGUSR2) == before
    reactor.wakeup.__init__(reactor.world, reactor)  # for the fixture to close


def test_a_signal_that_comes_while_the_pipe_is_full_is_not_lost(reactor):
    calls = []
    reactor.wakeup.on_signal(signal.SIGUSR2, lambda: calls.append(1))
    for _ in range(100_000):
        reactor.post(lambda: None)  # more than a pipe holds
    os.kill(os.getpid(), signal.SIGUSR2)
    for _ in range(3):
        reactor.post(lambda: None)
        reactor.run_once()
    assert calls == [1]


def test_a_signal_that_is_handled_is_handled_once(reactor):
    calls = []
    reactor.wakeup.on_signal(signal.SIGUSR2, lambda: calls.append(1))
    for expected in range(1, 4):
        os.kill(os.getpid(), signal.SIGUSR2)
        for _ in range(3):
            reactor.post(lambda: None)
            reactor.run_once()
        assert len(calls) == expected
