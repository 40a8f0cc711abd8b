"""The admin port, `--admin HOST:PORT`: metrics, the list of connections and the health pages, for those who watch.

A second site on the same reactor, with clients of its own: they take no place from those of the public port, and are
answered while that one drains. No WebSockets, no files, no calls that change anything.

Read next: `services.py`, for what is shown.
"""

from collections.abc import Callable, Mapping, Sequence
from socket import socket
from typing import Final

from wsserver.access.origins import OriginRule
from wsserver.clients.admission import Admission
from wsserver.clients.registry import Registry
from wsserver.clients.site import Page, Service, Site
from wsserver.config import Config
from wsserver.configuration.kinds import split_host_port
from wsserver.http.errors import RequestError
from wsserver.http.request import Request
from wsserver.http.response import Response
from wsserver.net.listener import Listener
from wsserver.parts import client_limits
from wsserver.reactor.loop import Reactor
from wsserver.reactor.world import World
from wsserver.services import is_private

CONNECTIONS: Final = 64
"""A monitor or two, a balancer that asks for health, and a person."""


def listen_admin(world: World, config: Config) -> list[socket]:
    """Return the sockets that `server.admin` asks for, none if it is empty. Raises OSError."""
    if not config.server.admin:
        return []
    host, port = split_host_port(config.server.admin)
    try:
        return world.listen_tcp(host, port)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), config.server.admin) from None  # `listening.explain`


def open_admin(
    config: Config,
    reactor: Reactor,
    sockets: Sequence[socket],
    pages: Mapping[str, Page],
    services: Mapping[str, Service],
    on_exhausted: Callable[[OSError], None],
) -> list[Listener]:
    """Answer at `sockets`, those of `listen_admin`, and return the listeners.

    `on_exhausted` hears when no file descriptors are left. With several workers any of them answers, for all of them.
    """
    if not sockets:
        return []
    host, _ = split_host_port(config.server.admin)
    site = Site(routers={}, pages=pages, services=services, fallback=_nothing_else)
    if all(map(is_private, sockets)):  # a page in this machine's browser must not read them by a name of its own
        rule = OriginRule((), config.server.hosts, host, sockets[0].getsockname()[1])
        site.judge_host = rule.check_host
    registry = Registry(reactor, site, client_limits(config), Admission(CONNECTIONS, 0, 0.0, lambda: False))
    listeners = [Listener(reactor, sock, registry.admit, on_exhausted) for sock in sockets]
    for listener in listeners:
        listener.start()
    return listeners


def _nothing_else(_request: Request) -> Response:
    raise RequestError(404, "Here are only /metrics, /api/connections, /livez and /readyz.")
