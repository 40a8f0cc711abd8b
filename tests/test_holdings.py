"""What a supervisor owns: opened as configured, and given back."""

import os
import socket

import pytest

from tests.reactor.fakes import turn
from tests.test_server import config
from wsserver.chat.log import StoreUnavailable
from wsserver.holdings import Holdings
from wsserver.reactor import shared
from wsserver.reactor.loop import Reactor
from wsserver.reactor.world import World
from wsserver.stores.memory import MemoryStore


@pytest.fixture
def open_with():
    """Open what settings ask for, for two workers."""
    world = World()
    reactor = Reactor(world, world.open_poller("epoll"), lambda error: None)
    opened = []

    def open_one(*assignments):
        opened.append(Holdings(reactor, config(*assignments), 2, lambda: None))
        return opened[-1]

    yield open_one
    for holdings in opened:
        holdings.close()
    turn(reactor, 2)
    reactor.close()


def test_each_worker_has_its_socket_and_all_have_a_hub(open_with):
    holdings = open_with()
    assert [len(one) for one in holdings.sockets] == [1, 1]
    assert len(holdings.hub) == 0
    assert holdings.admin == []


def test_the_admin_port_is_one_for_all(open_with):
    assert len(open_with("server.admin=127.0.0.1:0").admin) == 1


def test_who_meets_in_redis_needs_no_hub(open_with):
    holdings = open_with("broker.url=redis://127.0.0.1:1")
    assert (holdings.hub, holdings.commits) == (None, None)


def test_how_long_the_file_of_the_hub_takes_is_known(open_with, tmp_path):
    assert open_with(f"store.url=sqlite:{tmp_path / 'chat.db'}").commits.sum_s == 0
    assert open_with("store.url=memory:").commits is None


def test_with_a_database_the_hub_keeps_in_memory_what_has_no_history(open_with):
    assert isinstance(open_with("store.url=postgresql://db").hub._store, MemoryStore)


def test_a_store_that_cannot_be_opened_leaves_no_socket_behind(open_with, tmp_path):
    path = str(tmp_path / "s")
    with pytest.raises(StoreUnavailable):
        open_with(f"server.unix={path}", f"store.url=sqlite:{tmp_path}/nowhere/chat.db")
    assert not os.path.exists(path)


def test_an_admin_port_that_is_taken_leaves_no_socket_behind(open_with, tmp_path):
    path = str(tmp_path / "s")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="already in use: '127"):
        open_with(f"server.unix={path}", f"server.admin=127.0.0.1:{taken.getsockname()[1]}")
    assert not os.path.exists(path)


def test_clients_are_handed_over_unless_they_shall_not_be_or_the_system_cannot(open_with, monkeypatch):
    assert len(open_with().exchange.shares.inboxes) == 2
    assert open_with("server.handoff=false").exchange is None
    monkeypatch.setattr(shared, "AVAILABLE", False)
    assert open_with().exchange is None
