import os
import queue
import socket
import sys
import threading

import pytest

from wsserver.reactor.poller import ERROR, HANGUP, READ, WRITE, available_pollers, open_poller


@pytest.fixture(params=list(available_pollers()))
def poller(request):
    opened = open_poller(request.param)
    yield opened
    opened.close()


@pytest.fixture
def pair():
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    yield ends
    for end in ends:
        end.close()


def test_epoll_is_the_first_choice_on_linux():
    assert sys.platform != "linux" or next(iter(available_pollers())) == "epoll"


def test_an_unknown_poller_is_refused_with_the_names_of_those_there_are():
    with pytest.raises(ValueError, match="no poller 'kqueu'.*select"):
        open_poller("kqueu")


def test_nothing_ready_gives_nothing(poller, pair):
    poller.register(pair[0].fileno(), READ)
    assert poller.poll(0) == []


def test_reading_is_reported_again_until_it_is_done(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, READ)
    pair[1].send(b"xy")
    assert poller.poll(1) == [(fd, READ)]
    pair[0].recv(1)
    assert poller.poll(1) == [(fd, READ)]
    pair[0].recv(1)
    assert poller.poll(0) == []


def test_interest_can_be_changed_and_taken_back(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, READ)
    poller.modify(fd, READ | WRITE)
    assert poller.poll(1) == [(fd, WRITE)]
    pair[1].send(b"x")
    assert poller.poll(1) == [(fd, READ | WRITE)]
    poller.modify(fd, 0)
    assert poller.poll(0) == []
    poller.unregister(fd)
    assert poller.poll(0) == []


def test_the_same_fd_cannot_be_watched_twice_by_epoll_and_select(pair):
    for name in ("epoll", "select"):
        poller = open_poller(name)
        poller.register(pair[0].fileno(), READ)
        with pytest.raises(FileExistsError):
            poller.register(pair[0].fileno(), READ)
        poller.close()


def test_what_is_not_watched_cannot_be_changed(poller, pair):
    with pytest.raises(OSError):
        poller.modify(pair[0].fileno(), READ)
    with pytest.raises((OSError, KeyError)):
        poller.unregister(pair[0].fileno())


def test_a_hang_up_is_reported_as_something_to_read_or_as_itself(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, READ)
    pair[1].close()
    ((reported, mask),) = poller.poll(1)
    assert reported == fd
    assert mask & (READ | HANGUP | ERROR)


def test_select_refuses_file_descriptors_it_cannot_watch(pair):
    high = 1030
    os.dup2(pair[0].fileno(), high)
    try:
        with pytest.raises(OSError, match="--poller epoll"):
            open_poller("select").register(high, READ)
    finally:
        os.close(high)


def test_a_short_timeout_is_not_rounded_down_to_none():
    from wsserver.reactor.poller import _milliseconds

    assert (_milliseconds(0), _milliseconds(0.0001), _milliseconds(0.0011), _milliseconds(2)) == (0, 1, 2, 2000)


@pytest.mark.parametrize("name", list(available_pollers()))
def test_all_who_sleep_on_a_shared_listener_are_woken(name):
    """Whoever is woken alone may be stopped or killed before it runs, and then nobody comes."""
    woken = queue.SimpleQueue()

    def sleep():
        poller = open_poller(name)
        poller.register(listener.fileno(), READ)
        woken.put("asleep")
        woken.put(poller.poll(10))
        poller.unregister(listener.fileno())
        poller.close()

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as peer:
        sleepers = [threading.Thread(target=sleep) for _ in range(3)]
        for sleeper in sleepers:
            sleeper.start()
        assert [woken.get() for _ in sleepers] == ["asleep"] * 3
        peer.connect(listener.getsockname())
        assert [[fd for fd, _ in woken.get()] for _ in sleepers] == [[listener.fileno()]] * 3
        for sleeper in sleepers:
            sleeper.join()
