"""The way out: SIGTERM to exit 0 without a stampede.

From the first signal on, `readyz` and every new request or upgrade get 503. Every client is told when to come back
(`goaway`), each at a moment of its own, and closed with 1012 at another, so that they do not all reconnect at once.
Who is handed to us by another worker after that is told the same, and goes at once.
When the last one is gone, or the time is over, the reactor stops. A second signal stops it now.

Read next: `server.py`.
"""

from collections.abc import Callable
from typing import Final

from wsserver.clients.client import Client
from wsserver.clients.registry import Registry
from wsserver.clients.states import State
from wsserver.reactor.loop import Reactor
from wsserver.websocket.codes import SERVICE_RESTART

CLOSED_BY: Final = 0.8
"""The part of the drain time in which clients are closed; the rest is for their answers."""

RECONNECT_WITHIN_S: Final = 10.0
"""Clients are told to come back within so long after they were closed: about what a restart takes, spread out."""

TOLD_AT_ONCE: Final = 32
"""Clients in one step: 0.5 ms. With 10,000 it is 150 ms until all are told, and the others go on meanwhile."""


class Drain:
    """One shutdown. `on_done(clean)` is called once: True when everybody is gone, or had their time."""

    def __init__(self, reactor: Reactor, registry: Registry, drain_s: float, on_done: Callable[[bool], None]) -> None:
        self.started = False
        self._reactor = reactor
        self._registry = registry
        self.drain_s = drain_s
        self._on_done = on_done
        self._done = False
        self._untold: list[Client] = []

    def start(self) -> None:
        """Begin; a second call ends it now."""
        if self.started:
            self._finish(clean=False)
            return
        self.started = True
        self._registry.house.site.draining = True
        limit_s = self.drain_s + self._registry.house.limits.close_timeout_s
        self._reactor.call_later(limit_s, lambda: self._finish(clean=True))
        self._untold = list(self._registry.clients)
        if self._send_off_some():
            self._registry.in_slices(self._send_off_some)
        self._registry.on_empty = lambda: self._finish(clean=True)
        self._registry.on_late = lambda client: self._send_off(client, 0.0)
        if not self._registry.sockets:
            self._finish(clean=True)

    def _send_off_some(self) -> bool:
        """Send a few away; return whether there are more."""
        few = self._untold[-TOLD_AT_ONCE:]
        del self._untold[-TOLD_AT_ONCE:]
        for client in few:
            self._send_off(client, self._reactor.world.uniform(0, self.drain_s * CLOSED_BY))
        return bool(self._untold)

    def _send_off(self, client: Client, delay_s: float) -> None:
        """Tell a client when to come back, and close it in `delay_s`."""
        self._reactor.call_later(delay_s, lambda: client.end(SERVICE_RESTART, "server restarts"))
        reconnect_in_s = round(delay_s + self._reactor.world.uniform(0.5, RECONNECT_WITHIN_S), 2)
        try:
            if client.state is State.OPEN:
                client.router.on_drain(client, reconnect_in_s)
            elif client.handshake is not None:
                client.handshake.on_drain(reconnect_in_s)
        except Exception as error:  # one router's mistake is not the others' way out
            self._reactor.report(error)
            client.on_crash(error)

    def _finish(self, clean: bool) -> None:
        if not self._done:
            self._done = True
            self._on_done(clean)
