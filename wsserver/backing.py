"""What the chat stands on: a log, and a broker where there are other nodes. Which ones is decided here alone.

| broker | workers | store           | log of channels with a history | log of those without | broker      |
|--------|---------|-----------------|--------------------------------|----------------------|-------------|
| local  | one     | sqlite, memory  | the store, asked directly      | memory               | none        |
| local  | one     | postgresql      | PostgreSQL                     | memory               | `LocalBroker`|
| local  | several | sqlite, memory  | the store of the hub           | the hub's memory     | the hub     |
| local  | several | postgresql      | PostgreSQL                     | the hub's memory     | the hub     |
| redis  | any     | postgresql      | PostgreSQL                     | Redis                | Redis       |
| redis  | any     | memory          | Redis                          | Redis                | Redis       |

In all rows but the first the log lies elsewhere, and the chat sees it through `Replicas`. Where PostgreSQL meets Redis,
Redis may have a copy of the newest messages (`CachedLog`, `broker.recent`).

Read next: `storage.py`, the first row; `chat/replicas.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from socket import socket
from typing import Final

from wsserver.brokers import address as broker_address
from wsserver.brokers.guarded import GuardedBroker
from wsserver.brokers.hub_link import HubLink
from wsserver.brokers.local import LocalBroker
from wsserver.chat.broker import Broker
from wsserver.chat.log import Log, StoreUnavailable
from wsserver.chat.remote_log import RemoteLog
from wsserver.chat.replicas import Replicas
from wsserver.config import Config
from wsserver.observe.breaker_log import BreakerLog
from wsserver.observe.broker_log import BrokerLog
from wsserver.observe.metrics import Sources
from wsserver.observe.store_log import StoreLog
from wsserver.reactor.loop import Reactor
from wsserver.reactor.offload import Offload
from wsserver.resilience.backoff import Backoff
from wsserver.resilience.breaker import FIRST_PAUSE_S, MOST_PAUSE_S, Breaker
from wsserver.storage import PATIENCE_S, Storage
from wsserver.stores.cached import CachedLog, Recent
from wsserver.stores.engine import ReactorEngine
from wsserver.stores.guarded import GuardedLog
from wsserver.stores.memory import MemoryStore
from wsserver.stores.nearby import NearbyLog
from wsserver.stores.opening import is_remote, open_remote_log

MISSING_REDIS: Final = "Redis needs one more package: pip install 'wsserver[redis]'"

NODE_BYTES: Final = 8

HistoryOf = Callable[[str], int]


@dataclass(slots=True)
class Outside:
    """What lies outside of this server's process but its store."""

    hub: socket | None = None
    """The way to the hub; None where there is none."""
    on_store_lost: Callable[[], None] = lambda: None
    """The store will not come back in this process."""
    on_hub_lost: Callable[[], None] = lambda: None
    """The hub is gone."""


@dataclass(slots=True)
class Backing:
    """`log` and `broker` are for the chat."""

    log: Log
    broker: Broker | None = None
    store_trouble: Callable[[], str | None] = lambda: None
    guarded: GuardedLog | None = None
    guarded_broker: GuardedBroker | None = None
    cached: CachedLog | None = None
    closers: list[Callable[[], object]] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Why it is not all that it should be just now: sentences that begin with the part."""
        troubles = {"store": self.store_trouble(), "broker": self.broker.trouble if self.broker is not None else None}
        return [f"{part}: {trouble}" for part, trouble in troubles.items() if trouble is not None]

    def describe_to(self, sources: Sources) -> None:
        """Say where the numbers about it are."""
        broker, guarded = self.broker, self.guarded
        sources.troubles = {"store": self.store_trouble}
        if broker is not None:
            sources.troubles["broker"] = lambda: broker.trouble
        if guarded is not None:
            sources.guards = {"store": guarded.guard}
            sources.refused = {"store": lambda: guarded.refused}
            sources.commits = lambda: guarded.commits
        apart = self.guarded_broker
        if apart is not None:
            sources.guards = {**sources.guards, "broker": apart.guard}
            sources.refused = {**sources.refused, "broker": lambda: apart.refused}
        sources.broker = self._count_broker
        if self.cached is not None:
            sources.cache = self.cached.counts.copy

    def _count_broker(self) -> dict[str, int]:
        """Return what went to and fro between the nodes (`observe/families.py`)."""
        counts = {} if self.guarded_broker is None else dict(self.guarded_broker.counts)
        if isinstance(self.log, Replicas):
            counts["gaps_filled"] = self.log.keeper.gaps_filled
        return counts

    def say_goodbye(self) -> None:
        """Tell the other nodes that we go. The reactor has to end its turn after this."""
        if self.broker is not None:
            self.broker.close_all()

    def close(self) -> None:
        """Let go of everything. The reactor has turned for the last time."""
        for close in self.closers:
            close()


def open_backing(reactor: Reactor, config: Config, history_of: HistoryOf, outside: Outside) -> Backing:
    """Open what `config` names. `history_of(channel)` is how many messages a channel keeps. Raises StoreUnavailable."""
    redis = broker_address.parse_address(config.broker.url).kind == broker_address.REDIS
    if not redis and outside.hub is None and not is_remote(config.store.url):
        storage = Storage(reactor, config, history_of, outside.on_store_lost)
        return Backing(storage.store, store_trouble=lambda: storage.store.trouble, closers=[storage.close])
    offload = Offload(reactor.post)
    backing = _open_remote(reactor, offload, config, history_of, outside)
    backing.closers.append(lambda: offload.close(PATIENCE_S))
    return backing


def _open_remote(
    reactor: Reactor, offload: Offload, config: Config, history_of: HistoryOf, outside: Outside
) -> Backing:
    """Open a log that lies elsewhere, and the broker beside it."""
    broker, kept, passing, recent = _open_broker(reactor, offload, config, history_of, outside)
    guarded, cached = None, None
    if is_remote(config.store.url):
        guarded, cached = _open_database(reactor, offload, config, history_of, outside, recent)
    durable = guarded or kept
    replicas = Replicas(lambda channel: durable if history_of(channel) else passing, broker, history_of)
    closers: list[Callable[[], object]] = [log.close for log in (durable, passing)]
    kept_apart = broker if isinstance(broker, GuardedBroker) else None
    return Backing(replicas, broker, lambda: durable.trouble, guarded, kept_apart, cached, closers)


def _open_database(
    reactor: Reactor,
    offload: Offload,
    config: Config,
    history_of: HistoryOf,
    outside: Outside,
    recent: Recent | None,
) -> tuple[GuardedLog, CachedLog | None]:
    reporter, power = StoreLog(outside.on_store_lost), config.store.durability == "power"
    log = open_remote_log(config.store.url, reactor, offload, reporter, history_of, config.chat.history_age, power)
    cached = None if recent is None else CachedLog(log, recent)
    guarded = GuardedLog(cached or log, _breaker(reactor), ReactorEngine(reactor, offload), BreakerLog("store"))
    reporter.on_recovered = guarded.guard.hasten
    return guarded, cached


def _breaker(reactor: Reactor) -> Breaker:
    return Breaker(Backoff(FIRST_PAUSE_S, MOST_PAUSE_S, reactor.world.uniform))


def _open_broker(
    reactor: Reactor, offload: Offload, config: Config, history_of: HistoryOf, outside: Outside
) -> tuple[Broker, RemoteLog, RemoteLog, Recent | None]:
    """Return the broker, the logs of channels with a history and without that come with it, and a place for copies."""
    address = broker_address.parse_address(config.broker.url)
    if address.kind == broker_address.REDIS:
        try:
            from wsserver.brokers.redis import RedisBroker
            from wsserver.brokers.redis_log import RedisLog
            from wsserver.brokers.redis_recent import RedisRecent
        except ImportError:
            raise StoreUnavailable(MISSING_REDIS) from None
        lease_s, limit = config.presence.lease, config.websocket.max_message
        redis = RedisBroker(reactor, offload.run, BrokerLog(), address, lease_s, limit)
        log = RedisLog(reactor, redis, history_of, config.chat.history_age)
        guarded = GuardedBroker(redis, _breaker(reactor), ReactorEngine(reactor, offload), BreakerLog("broker"))
        return guarded, log, log, RedisRecent(reactor, redis) if config.broker.recent else None
    node = reactor.world.random_bytes(NODE_BYTES).hex()
    if outside.hub is not None:
        link = HubLink(reactor, outside.hub, node, outside.on_hub_lost)
        return link, link.log, link.log.passing, None
    memory = MemoryStore(reactor.world.random_bytes, reactor.world.monotonic, history_of)
    nearby = NearbyLog(memory, reactor.call_soon)
    return LocalBroker(node), nearby, nearby, None
