"""What a supervisor owns for its workers: the sockets that outlive them, and the hub with its store.

Without a broker between nodes the workers meet in the hub. It keeps everything in its own store; where that is
PostgreSQL, which each worker asks for itself, the hub keeps in memory what has no history.

Read next: `supervisor.py`; `backing.py`, which says what a worker makes of the hub.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from socket import socket
from typing import Final

from wsserver.access.permissions import Permissions
from wsserver.admin import listen_admin
from wsserver.brokers.address import LOCAL, parse_address
from wsserver.brokers.hub import Hub
from wsserver.config import Config
from wsserver.listening import listen
from wsserver.observe import logs
from wsserver.reactor import shared
from wsserver.reactor.histogram import Histogram
from wsserver.reactor.loop import Reactor
from wsserver.storage import Storage
from wsserver.stores.opening import is_remote
from wsserver.supervision.exchange import Exchange

_LOG: Final = logs.get("hub")


class Holdings:
    """All of it, opened; `close` when the last worker has ended."""

    def __init__(self, reactor: Reactor, config: Config, workers: int, on_store_lost: Callable[[], None]) -> None:
        """Open what `config` asks for. Raises OSError, StoreUnavailable, and ConfigError."""
        world = reactor.world
        self._world = world
        self._unix = config.server.unix
        self._storage: Storage | None = None
        self.hub: Hub | None = None
        self.admin: Sequence[socket] = ()
        self.exchange: Exchange | None = None
        self.sockets = listen(world, config, workers)
        try:
            self.admin = listen_admin(world, config)
            if config.server.handoff and shared.AVAILABLE:
                self.exchange = Exchange(workers)
            if parse_address(config.broker.url).kind == LOCAL:
                self._open_hub(reactor, config, on_store_lost)
        except BaseException:
            self.close()
            raise

    def _open_hub(self, reactor: Reactor, config: Config, on_store_lost: Callable[[], None]) -> None:
        if is_remote(config.store.url):
            config = replace(config, store=replace(config.store, url="memory:"))
        history_of = Permissions(config.channels, config.chat.history).history_of
        self._storage = Storage(reactor, config, history_of, on_store_lost)
        self.hub = Hub(reactor, self._storage.store, _log_cut, config.chat.gather > 0)

    @property
    def commits(self) -> Histogram | None:
        """How long batches took that the hub stored, in seconds; None where it has nothing to commit to."""
        return None if self._storage is None else getattr(self._storage.store, "commits", None)

    def close(self) -> None:
        """Give everything back. The reactor has turned for the last time."""
        if self._unix:
            self._world.unlink(self._unix)
        for sock in {sock for one in (*self.sockets, self.admin) for sock in one}:
            sock.close()
        if self.exchange is not None:
            self.exchange.close()
        if self.hub is not None:
            self.hub.close()
        if self._storage is not None:
            self._storage.close()


def _log_cut(node: str, why: str) -> None:
    if not node:
        return  # it has not begun: the supervisor says why
    _LOG.warning("worker_cut", "A worker's link to the hub has ended; its users are lost.", node=node, cause=why)
