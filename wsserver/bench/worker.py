"""One process of a run: a reactor of its own, a crew, and a link to the coordinator that says when what happens.

    come -> Ready -> [Begin] load, Progress each second -> Stopped -> [Drain] wait for what is late -> leave -> Done

It ends by itself whatever happens: every phase has a deadline, and a coordinator that is gone ends it at once.

Read next: `coordinator.py`.
"""

import gc
from collections.abc import Callable
from socket import socket
from typing import Final

from wsserver.bench.address import SocketAddress
from wsserver.bench.churn import ChurnCrew
from wsserver.bench.connection import Route
from wsserver.bench.crew import Crew, Share
from wsserver.bench.echo import EchoCrew
from wsserver.bench.latencies import Latencies
from wsserver.bench.link import Begin, Done, Drain, Link, News, Order, Progress, Ready, Spectrum, Stopped
from wsserver.bench.options import CONNECT, ECHO, Options
from wsserver.bench.poller import PunctualPoller
from wsserver.bench.rooms import RoomsCrew
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import available_pollers
from wsserver.reactor.world import World

CONNECT_S: Final = 30.0
"""What does not come to be in so long is refused."""
PROGRESS_S: Final = 1.0
LOOK_S: Final = 0.01
"""How often it is looked whether something has come to its end; no figure depends on it."""
STILL_S: Final = 3.0
"""So long after the last message that came, those that are missing are lost."""
DRAIN_S: Final = 30.0
"""So long after the end they are lost even if some still come."""
LEAVE_S: Final = 2.0
"""What a server gets to answer our Close frames."""

_JSON: Final = "wsserver.v1.json"


def crew_for(share: Share, route: Route) -> Crew:
    """Return the crew that plays the scenario."""
    options = share.options
    if options.scenario == ECHO:
        return EchoCrew(share, route)
    if options.scenario == CONNECT:
        return ChurnCrew(share, route)
    return RoomsCrew(share, route) if options.chats else Crew(share, route)


class Worker:
    """Plays one share of a run."""

    def __init__(self, reactor: Reactor, sock: socket, share: Share, family: int, address: SocketAddress) -> None:
        self.reactor = reactor
        route = Route(reactor, share.options.target, family, address, _subprotocol(share.options))
        self.crew = crew_for(share, route)
        self.link = Link(reactor, sock, self._on_order, reactor.stop)
        self._cpu_s = 0.0
        self._last_seen = -1
        self._last_news_at = self._drain_until = 0.0

    def begin(self) -> None:
        """Have the clients come."""
        self.reactor.call_later(CONNECT_S, self._give_up)
        self.crew.begin(self._on_settled)

    def _give_up(self) -> None:
        self.crew.give_up_unsettled(f"not ready within {CONNECT_S:.0f} s")

    def _on_settled(self) -> None:
        self.link.say(Ready(self.crew.tally.opened))

    def _on_order(self, order: Order | News) -> None:
        if isinstance(order, Begin):
            # A run of the collector over all that was made for the clients would look like a slow server.
            gc.collect()
            gc.disable()
            self.reactor.timers.call_at(order.start_s, lambda: self._start(order))
            self.reactor.timers.call_at(order.end_s, self._stop)
        elif isinstance(order, Drain):
            self._drain(order)
        else:
            self._stop()

    # -- the load ---------------------------------------------------------------------------------------------------

    def _start(self, order: Begin) -> None:
        self._cpu_s = self.reactor.world.cpu_s()
        self.crew.start(order.start_s, order.end_s)
        self.reactor.call_later(PROGRESS_S, self._report_progress)

    def _report_progress(self) -> None:
        crew = self.crew
        if crew.running:
            self.link.say(Progress(crew.here, crew.tally.sent, crew.tally.received))
            crew.latencies.fold_if_many()
            self.reactor.call_later(PROGRESS_S, self._report_progress)

    def _stop(self) -> None:
        if self.crew.running:
            self.crew.stop()
            self.link.say(Stopped(self.crew.sent_by_channel(), self.reactor.world.cpu_s() - self._cpu_s))

    # -- afterwards -------------------------------------------------------------------------------------------------

    def _drain(self, order: Drain) -> None:
        self.crew.expect(order.sent)
        self._last_news_at = self.reactor.now
        self._drain_until = self.reactor.now + DRAIN_S
        self._look()

    def _look(self) -> None:
        """Leave when all has come, or when nothing comes any more."""
        now, received = self.reactor.now, self.crew.tally.received
        if received != self._last_seen:
            self._last_seen, self._last_news_at = received, now
        if not self.crew.missing() or now - self._last_news_at >= STILL_S or now >= self._drain_until:
            self.crew.leave()
            self._wait_until(lambda: not self.crew.here, now + LEAVE_S, self._done)
        else:
            self.reactor.call_later(LOOK_S, self._look)

    def _wait_until(self, happened: Callable[[], bool], deadline: float, then: Callable[[], None]) -> None:
        if happened() or self.reactor.now >= deadline:
            then()
        else:
            self.reactor.call_later(LOOK_S, lambda: self._wait_until(happened, deadline, then))

    def _done(self) -> None:
        crew = self.crew
        late = _spectrum(crew.pacer.late) if crew.pacer is not None else None
        self.link.say(Done(crew.tally, _spectrum(crew.latencies), _spectrum(crew.connecting), late))
        self.link.finish(self.reactor.stop)


def _subprotocol(options: Options) -> str:
    return _JSON if options.chats else ""


def _spectrum(latencies: Latencies) -> Spectrum:
    return Spectrum(latencies.encode(), latencies.greatest_us)


def run_worker(sock: socket, share: Share, family: int, address: SocketAddress) -> None:
    """Play `share` to its end. Raises whatever goes wrong in here: a wrong figure is worse than none."""
    world = World()
    poller = PunctualPoller(world.open_poller(next(iter(available_pollers()))))
    reactor = Reactor(world, poller, _fail)
    Worker(reactor, sock, share, family, address).begin()
    try:
        reactor.run()
    finally:
        reactor.close()


def _fail(error: Exception) -> None:
    raise error
