"""What other programs ask over plain HTTP, as the composition root has it: the server API, streams of events, metrics.

Read next: `api/service.py` for the calls, `api/events.py` for the streams, `observe/scrape.py`; `server.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from socket import AF_UNIX, socket
from typing import Final

from wsserver.access.authority import BadTokens
from wsserver.api.answers import explain
from wsserver.api.calls import Calls
from wsserver.api.events import EventStreams
from wsserver.api.feeds import Feeds
from wsserver.api.keys import ApiKey
from wsserver.api.lists import Lists
from wsserver.api.service import ServerApi
from wsserver.chat.authority import Authority
from wsserver.chat.broker import Kick, ListConnections
from wsserver.chat.log import Log
from wsserver.chat.router import ChatRouter
from wsserver.clients.registry import Registry
from wsserver.clients.site import Service
from wsserver.config import Config
from wsserver.observe import logs
from wsserver.observe.families import Snapshot
from wsserver.observe.metrics import Metrics, Sources
from wsserver.observe.scrape import Scrape, SumUp, measure
from wsserver.reactor.histogram import Histogram

_LOG: Final = logs.get("server")


class Services:
    """`/api`, `/events` and `/metrics` of one server, put into its site."""

    def __init__(
        self, config: Config, registry: Registry, chat: ChatRouter, log: Log, authority: Authority | None
    ) -> None:
        """`registry` has attached `chat`, which reads and writes `log`; `authority` judges the tokens of both."""
        site, channels = registry.house.site, chat.channels
        self._in_slices = registry.in_slices
        self._proxied = bool(config.server.trusted_proxies)
        feeds = Feeds(registry, log, channels, config.chat.recovery_limit)
        bad_keys = BadTokens(config.auth.bad_tokens)
        key = ApiKey(config.api.key, bad_keys, registry.monotonic, _log_bad_key) if config.api.key else None
        lists = Lists(channels, log, config.presence.names, registry, chat.cluster)
        calls = Calls(chat, log, feeds)
        if chat.cluster is not None:
            chat.cluster.answer_with(Kick, calls.kick)
            chat.cluster.answer_with(ListConnections, lists.connections_here)
        self._api = ServerApi(key, calls, lists)
        self._admin_api = ServerApi(key, calls, lists)
        self._admin_api.private = True
        self.sources = Sources(registry, chat, lambda: _commits_of(log), {"store": lambda: _trouble_of(log)})
        self.metrics = Metrics(self.sources)
        self._scrape = Scrape(self.metrics, registry.in_slices)
        self._admin_scrape = Scrape(self.metrics, registry.in_slices)
        self._admin_scrape.private = True
        events = EventStreams(feeds, site, authority, channels.rule_of)
        site.services = {
            "/api": self._api.serve,
            "/api/": self._api.serve,
            "/events": events.serve,
            "/metrics": self._scrape.serve,
        }
        site.lasting = frozenset({"/events"})
        site.explain = explain

    def listen_on(self, listeners: Sequence[socket]) -> None:
        """Hear where clients come from: what only this machine may see is shown if only this machine can ask.

        Behind a proxy everybody can, though it be on this machine.
        """
        self._api.private = self._scrape.private = not self._proxied and all(map(is_private, listeners))

    @property
    def private(self) -> bool:
        """Only this machine can ask on the public port."""
        return self._api.private

    def for_admin(self) -> Mapping[str, Service]:
        """Return what the admin port has besides the pages of health."""
        return {"/metrics": self._admin_scrape.serve, "/api/connections": self._admin_api.serve}

    def share_metrics(self, sum_up: SumUp) -> None:
        """Show what `sum_up` makes of our metrics: the workers of one server are looked at as one."""
        self._scrape.sum_up = self._admin_scrape.sum_up = sum_up

    def measure(self, done: Callable[[Snapshot], None]) -> None:
        """Have `done` called with our own metrics, as soon as they are taken, which holds nobody up."""
        measure(self.metrics, self._in_slices, done)


def is_private(listener: socket) -> bool:
    """Tell whether only this machine can reach a listening socket."""
    return listener.family == AF_UNIX or ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _commits_of(log: Log) -> Histogram | None:
    """Return how long a store's batches took, of one that counts that."""
    commits = getattr(log, "commits", None)
    return commits if isinstance(commits, Histogram) else None


def _trouble_of(log: Log) -> str | None:
    """Return why a store is in trouble, of one that may be."""
    trouble = getattr(log, "trouble", None)
    return trouble if isinstance(trouble, str) else None


def _log_bad_key(address: str, reason: str) -> None:
    _LOG.info("bad_key", "Somebody showed the API a key that is not its own.", address=address, cause=reason)
