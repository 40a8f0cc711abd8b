"""What other programs ask over plain HTTP, as the composition root has it: the server API and the streams of events.

Read next: `api/service.py` for the calls, `api/events.py` for the streams; `server.py`.
"""

from collections.abc import Sequence
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
from wsserver.chat.log import Log
from wsserver.chat.router import ChatRouter
from wsserver.clients.registry import Registry
from wsserver.config import Config
from wsserver.observe import logs

_LOG: Final = logs.get("server")


class Services:
    """`/api` and `/events` of one server, put into its site."""

    def __init__(
        self, config: Config, registry: Registry, chat: ChatRouter, log: Log, authority: Authority | None
    ) -> None:
        """`registry` has attached `chat`, which reads and writes `log`; `authority` judges the tokens of both."""
        site, channels = registry.house.site, chat.channels
        feeds = Feeds(registry, log, channels, config.chat.recovery_limit)
        bad_keys = BadTokens(config.auth.bad_tokens)
        key = ApiKey(config.api.key, bad_keys, registry.monotonic, _log_bad_key) if config.api.key else None
        lists = Lists(channels, log, config.presence.names, registry)
        self._api = ServerApi(key, Calls(chat, log, feeds), lists)
        events = EventStreams(feeds, site, authority, channels.rule_of)
        site.services = {"/api": self._api.serve, "/api/": self._api.serve, "/events": events.serve}
        site.lasting = frozenset({"/events"})
        site.explain = explain

    def listen_on(self, listeners: Sequence[socket]) -> None:
        """Hear where clients come from: what only this machine may see is shown if only this machine can ask."""
        self._api.private = all(map(is_private, listeners))


def is_private(listener: socket) -> bool:
    """Tell whether only this machine can reach a listening socket."""
    return listener.family == AF_UNIX or ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _log_bad_key(address: str, reason: str) -> None:
    _LOG.info("bad_key", "Somebody showed the API a key that is not its own.", address=address, cause=reason)
