"""Which log and which broker the settings come to."""

from types import SimpleNamespace

import pytest

from tests.reactor.fakes import fake_reactor, turn
from tests.test_server import config
from wsserver.backing import Outside, open_backing
from wsserver.brokers.guarded import GuardedBroker
from wsserver.brokers.hub import Hub
from wsserver.brokers.hub_link import HubLink
from wsserver.brokers.local import LocalBroker
from wsserver.brokers.redis_log import RedisLog
from wsserver.chat.log import StoreUnavailable
from wsserver.chat.replicas import Replicas
from wsserver.observe.families import BROKER_WHATS, CACHE_RESULTS
from wsserver.observe.metrics import Sources
from wsserver.reactor.loop import Reactor
from wsserver.reactor.world import World
from wsserver.stores import opening
from wsserver.stores.guarded import GuardedLog
from wsserver.stores.memory import MemoryStore
from wsserver.stores.nearby import NearbyLog


class FakeDatabase:
    """A remote log that is never asked."""

    announces = False
    trouble = None
    epoch = ""
    closed = False

    def read(self, *_question):
        raise AssertionError

    def close(self):
        self.closed = True


@pytest.fixture
def database(monkeypatch):
    """What stands in for PostgreSQL."""
    log = FakeDatabase()

    def open_one(_url, _reactor, _offload, reporter, *_more):
        log.reporter = reporter
        return log

    monkeypatch.setattr("wsserver.backing.open_remote_log", open_one)
    return log


@pytest.fixture
def open_with():
    """Open what settings ask for; it is closed behind the test."""
    world = World()
    reactor = Reactor(world, world.open_poller("epoll"), lambda error: None)
    opened = []

    def open_one(*assignments, **outside):
        def history_of(channel):
            return 0 if channel.startswith("live") else 5

        opened.append(open_backing(reactor, config(*assignments), history_of, Outside(**outside)))
        return opened[-1]

    yield open_one
    for backing in opened:
        backing.say_goodbye()
        turn(reactor, 2)
        backing.close()
    reactor.close()


def logs_of(backing):
    """The logs of a channel with a history and of one without."""
    return [backing.log._remote_of(channel) for channel in ("lobby", "live")]


@pytest.fixture
def hub():
    """A hub, and a worker's end of a way to it."""
    reactor = fake_reactor()
    store = MemoryStore(reactor.world.random_bytes, reactor.world.monotonic, lambda _channel: 5)
    one = Hub(reactor, store)
    ours, its = reactor.world.socket_pair()
    one.admit(ours)
    yield its
    one.close()
    turn(reactor)
    reactor.close()


def test_alone_it_is_the_store_itself(open_with, tmp_path):
    assert isinstance(open_with().log, MemoryStore)
    backing = open_with(f"store.url=sqlite:{tmp_path}/chat.db")
    assert (backing.broker, backing.faults()) == (None, [])
    assert backing.log.head("lobby").seq == 0


def test_alone_with_a_database_what_has_no_history_is_in_memory(open_with, database):
    backing = open_with("store.url=postgresql://db")
    kept, passing = logs_of(backing)
    assert isinstance(backing.log, Replicas)
    assert isinstance(backing.broker, LocalBroker)
    assert isinstance(kept, GuardedLog)
    assert isinstance(passing, NearbyLog)


def test_a_worker_finds_both_logs_in_the_hub(open_with, hub):
    backing = open_with(hub=hub)
    assert isinstance(backing.broker, HubLink)
    assert logs_of(backing) == [backing.broker.log, backing.broker.log.passing]


def test_a_worker_with_a_database_meets_the_others_in_the_hub(open_with, hub, database):
    backing = open_with("store.url=postgresql://db", hub=hub)
    kept, passing = logs_of(backing)
    assert isinstance(kept, GuardedLog)
    assert passing is backing.broker.log.passing


def test_with_redis_and_memory_redis_holds_everything(open_with):
    backing = open_with("broker.url=redis://127.0.0.1:1", "store.url=memory:")
    kept, passing = logs_of(backing)
    assert isinstance(backing.broker, GuardedBroker)
    assert isinstance(kept, RedisLog)
    assert kept is passing


def test_with_redis_and_a_database_redis_holds_what_has_no_history(open_with, database):
    backing = open_with("broker.url=redis://127.0.0.1:1", "store.url=postgresql://db")
    kept, passing = logs_of(backing)
    assert isinstance(kept, GuardedLog)
    assert isinstance(passing, RedisLog)


def test_redis_has_a_copy_of_what_is_in_the_database_if_it_is_told_to(open_with, database):
    assert open_with("broker.url=redis://127.0.0.1:1", "store.url=postgresql://db").cached is None
    assert open_with("broker.recent=true", "store.url=postgresql://db").cached is None, "there is no Redis"
    backing = open_with("broker.url=redis://127.0.0.1:1", "store.url=postgresql://db", "broker.recent=true")
    assert backing.guarded._log is backing.cached
    sources = Sources(None, None)
    backing.describe_to(sources)
    assert sources.cache() == dict.fromkeys(CACHE_RESULTS, 0)


def test_every_part_that_is_in_trouble_is_named(open_with, database):
    backing = open_with("broker.url=redis://127.0.0.1:1", "store.url=postgresql://db")
    database.trouble = "the disk is full"
    store, broker = backing.faults()
    assert store == "store: the disk is full"
    assert broker.startswith("broker: ")


def test_whoever_measures_finds_the_numbers(open_with, database):
    sources = Sources(None, None)
    backing = open_with("store.url=postgresql://db")
    backing.describe_to(sources)
    assert sources.guards == {"store": backing.guarded.guard}
    assert sources.commits() is backing.guarded.commits
    assert sources.refused["store"]() == 0
    assert {part: trouble() for part, trouble in sources.troubles.items()} == {"store": None, "broker": None}


def test_whoever_measures_finds_both_breakers_where_there_are_two(open_with, database):
    sources = Sources(None, None)
    backing = open_with("broker.url=redis://127.0.0.1:1", "store.url=postgresql://db")
    backing.describe_to(sources)
    assert sources.guards == {"store": backing.guarded.guard, "broker": backing.broker.guard}
    assert sources.refused["broker"]() == 0
    backing.log.keeper = SimpleNamespace(gaps_filled=3)  # the chat attaches one
    assert sources.broker().keys() == set(BROKER_WHATS)
    assert sources.broker()["gaps_filled"] == 3


def test_a_database_that_is_connected_again_is_tried_at_once(open_with, database, monkeypatch):
    asked = []
    monkeypatch.setattr(database, "read", lambda *question: asked.append(question), raising=False)
    guard = open_with("store.url=postgresql://db").guarded.guard
    while (ticket := guard.admit()) is not None:
        guard.note(ticket, "it is down")
    assert asked == []
    database.reporter.recovered()
    assert len(asked) == 1


def test_a_database_is_let_go_of(open_with, database):
    backing = open_with("store.url=postgresql://db")
    backing.close()
    assert database.closed


@pytest.mark.parametrize(
    ("module", "assignments"),
    [
        ("psycopg", ["store.url=postgresql://db"]),
        ("hiredis", ["broker.url=redis://127.0.0.1:1", "store.url=memory:"]),
    ],
)
def test_what_a_missing_library_is_for_is_told(open_with, monkeypatch, module, assignments):
    import sys

    for name in [
        name for name in sys.modules if name.startswith(("wsserver.brokers.redis", "wsserver.stores.postgres"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StoreUnavailable, match="pip install"):
        open_with(*assignments)
    assert opening.is_remote("postgresql://db")
