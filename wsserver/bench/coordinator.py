"""One run, from the outside: make the workers, tell them when what happens, gather what they found.

The processes are forked before any reactor is made (an epoll is shared by a fork, which is in nobody's interest), and
they meet in the middle: nobody begins before all clients of all processes are there, and what each should have heard is
told when all have said what they sent. This process loads nothing: it reads the server's CPU and tells how it goes.

Ctrl-C ends the load and gives the report so far; a second one does not wait for what is under way.

Read next: `report.py`.
"""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from socket import socket
from typing import Final

from wsserver.bench.address import SocketAddress
from wsserver.bench.crew import Share
from wsserver.bench.latencies import Latencies
from wsserver.bench.link import Begin, Done, Drain, Link, News, Order, Progress, Ready, Spectrum, Stop, Stopped
from wsserver.bench.options import CONNECT, Options
from wsserver.bench.tally import Tally, summed
from wsserver.bench.usage import Reading, ServerUsage
from wsserver.bench.worker import CONNECT_S, DRAIN_S, LEAVE_S, run_worker
from wsserver.reactor.loop import Reactor
from wsserver.reactor.world import World

SETTLE_S: Final = 0.2
"""Between the last `joined` and the first message: what the server owes to newcomers shall not count as load."""

PATIENCE_S: Final = 10.0
"""By which a phase may overrun its own deadline before it is ended from here."""

Tell = Callable[[str], None]


@dataclass
class Findings:
    """What a run has found."""

    options: Options
    planned_s: float
    interrupted: bool = False
    died: int = 0
    """Workers that ended before they were done."""
    measured_s: float = 0.0
    """From the beginning of the load to its end."""
    tally: Tally = field(default_factory=Tally)
    latency: Latencies = field(default_factory=Latencies)
    connecting: Latencies = field(default_factory=Latencies)
    late: Latencies | None = None
    """How late the load tester itself was; open loops only."""
    worker_cpu_s: list[float] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    before: Reading | None = None
    """The server before anybody came, when the load began, and when it ended."""
    begun: Reading | None = None
    ended: Reading | None = None
    timeline: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the beginning, messages received so far), once a second."""


class Coordinator:
    """Holds the links to the workers and takes them through a run together."""

    def __init__(
        self, reactor: Reactor, options: Options, ends: Iterable[socket], usage: ServerUsage, tell: Tell
    ) -> None:
        self.reactor = reactor
        self.options = options
        self.findings = Findings(options, options.duration_s, pids=usage.pids, before=usage.read())
        self._usage = usage
        self._tell = tell
        self._links = {index: self._link(index, end) for index, end in enumerate(ends)}
        self._ready: dict[int, Ready] = {}
        self._progress: dict[int, Progress] = {}
        self._stopped: dict[int, Stopped] = {}
        self._done: dict[int, Done] = {}
        self._begin_s = 0.0
        self._last = (0.0, 0)
        tell(f"{options.clients:,} clients come ...")
        reactor.call_later(CONNECT_S + PATIENCE_S, self._begin)

    def _link(self, index: int, end: socket) -> Link:
        return Link(self.reactor, end, lambda news: self._on_news(index, news), lambda: self._on_gone(index))

    def _on_news(self, index: int, news: Order | News) -> None:
        if isinstance(news, Ready):
            self._ready[index] = news
        elif isinstance(news, Progress):
            self._progress[index] = news
            self._tell_progress()
        elif isinstance(news, Stopped):
            self._stopped[index] = news
        elif isinstance(news, Done):
            self._done[index] = news
        self._advance()

    def _on_gone(self, index: int) -> None:
        """A worker has ended; the others go on."""
        del self._links[index]
        if index not in self._done:
            self.findings.died += 1
        self._advance()

    def _advance(self) -> None:
        """Go on to the next phase if everybody who is still there is through with this one."""
        here = self._links.keys()
        if here <= self._ready.keys() and not self._begin_s:
            self._begin()
        if here <= self._stopped.keys() and self.findings.ended is None and self._begin_s:
            self._drain()
        if here <= self._done.keys():
            self.reactor.stop()

    # -- phases -----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._begin_s:
            return
        opened = sum(ready.opened for ready in self._ready.values())
        if self.options.scenario != CONNECT:
            self._tell(f"{opened:,} of {self.options.clients:,} are here")
        self._begin_s = self.reactor.now + SETTLE_S
        nobody = not opened and self.options.scenario != CONNECT
        end_s = self._begin_s + (0.0 if nobody else self.options.duration_s)
        self._say(Begin(self._begin_s, end_s))
        self.reactor.timers.call_at(self._begin_s, self._on_begin)
        self.reactor.timers.call_at(end_s + PATIENCE_S, self.stop)

    def _on_begin(self) -> None:
        self.findings.begun = self._usage.read()

    def _tell_progress(self) -> None:
        """Tell how it goes, once all workers have said it anew."""
        if not self._links.keys() <= self._progress.keys():
            return
        at_s, before = self.reactor.now - self._begin_s, self._last
        received = sum(progress.received for progress in self._progress.values())
        here = sum(progress.here for progress in self._progress.values())
        self._progress.clear()
        self._last = (at_s, received)
        self.findings.timeline.append(self._last)
        rate = (received - before[1]) / max(at_s - before[0], 1e-9)
        self._tell(f"{at_s:4.0f} s  {rate:>10,.0f} a second  {here:,} clients")

    def stop(self) -> None:
        """End the load before its time."""
        if not self._begin_s:
            self._begin_s = self.reactor.now
            self._say(Begin(self._begin_s, self._begin_s))
        self._say(Stop())

    def _drain(self) -> None:
        findings = self.findings
        findings.ended = self._usage.read()
        findings.begun = findings.begun or findings.ended
        findings.measured_s = max(0.0, findings.ended.at_s - findings.begun.at_s)
        findings.worker_cpu_s = [stopped.cpu_s for stopped in self._stopped.values()]
        sent: dict[int, int] = {}
        for stopped in self._stopped.values():
            for channel, count in stopped.sent.items():
                sent[channel] = sent.get(channel, 0) + count
        self._say(Drain(sent))
        self.reactor.call_later(DRAIN_S + LEAVE_S + PATIENCE_S, self.reactor.stop)

    def _say(self, order: Order) -> None:
        for link in self._links.values():
            link.say(order)

    # -- the end ----------------------------------------------------------------------------------------------------

    def on_interrupt(self) -> None:
        """Ctrl-C: the first ends the load, the second everything."""
        if self.findings.interrupted:
            self.reactor.stop()
        elif self.findings.ended is None:
            self._tell("interrupted: no more is sent; what is under way is waited for")
            self.stop()
        self.findings.interrupted = True

    def finish(self) -> Findings:
        """Close the links, which ends every worker, and return what was found."""
        for link in self._links.values():
            link.close()
        findings, done = self.findings, self._done.values()
        findings.died += len(self._links.keys() - self._done.keys())
        findings.tally = summed(one.tally for one in done)
        findings.latency = _merged(one.latency for one in done)
        findings.connecting = _merged(one.connecting for one in done)
        late = [one.late for one in done if one.late is not None]
        findings.late = _merged(late) if late else None
        return findings


def _merged(spectra: Iterable[Spectrum]) -> Latencies:
    return Latencies.merged((one.encoded, one.greatest_us) for one in spectra)


def run(options: Options, family: int, address: SocketAddress, tell: Tell) -> Findings:
    """Do a run. `tell` takes lines for whoever waits. Raises UsageError."""
    world = World()
    usage = ServerUsage(world, options.server_pids)
    world.raise_fd_limit()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the workers too
    name = world.random_bytes(3).hex()
    ends: list[socket] = []
    children: list[int] = []
    for index in range(options.processes):
        end, child = _fork(world, Share(options, index, name), family, address, ends)
        ends.append(end)
        children.append(child)
    signal.signal(signal.SIGINT, before)
    reactor = Reactor(world, world.open_poller("poll"), _fail)
    coordinator = Coordinator(reactor, options, ends, usage, tell)
    for number in (signal.SIGINT, signal.SIGTERM):
        reactor.wakeup.on_signal(number, coordinator.on_interrupt)
    try:
        reactor.run()
        return coordinator.finish()
    finally:
        reactor.close()
        for child in children:
            os.waitpid(child, 0)


def _fork(
    world: World, share: Share, family: int, address: SocketAddress, others: Iterable[socket]
) -> tuple[socket, int]:
    """Start one worker; return our end of its link, and its process id. In the worker this never returns."""
    ours, its = world.socket_pair()
    with warnings.catch_warnings():
        # Python warns of threads that might hold a lock. Ours has none; those of libraries (numpy's, a watchdog's) are
        # not Python's and hold nothing that a worker needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        its.close()
        return ours, child
    code = 1
    try:
        for sock in (ours, *others):
            sock.close()  # or nobody would notice that we are gone
        run_worker(its, share, family, address)
        code = 0
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _fail(error: Exception) -> None:
    raise error
