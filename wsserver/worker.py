"""A worker's process, from its first byte: it hears what it is to be, serves, and ends when it is told to or alone.

    supervisor ---- Begin ---> [ build a server on inherited sockets ] ---> Ready ... orders ... Drain, or nobody there

Signals are the supervisor's: a terminal sends them to all of us, and a service manager too, and twice would mean "now".
SIGTERM to a worker alone drains it; the supervisor then starts another. SIGABRT is for one that hangs: it writes the
Python stack of each of its threads to standard error, from C, and ends.

Read next: `server.py`, which it runs; `supervision/orders.py`, what it is told.
"""

import faulthandler
import signal
from collections.abc import Callable
from contextlib import ExitStack
from socket import SocketType, socket
from typing import Final

from wsserver.config import ConfigError
from wsserver.net.listener import Listener
from wsserver.observe import logs
from wsserver.observe.families import Snapshot
from wsserver.reactor.collector import Freezer
from wsserver.reactor.timers import Timer
from wsserver.reactor.world import World
from wsserver.server import CannotStart, Inherited, Server, build
from wsserver.supervision.exchange import Desk
from wsserver.supervision.link import Link
from wsserver.supervision.orders import (
    LINE_LIMIT,
    Begin,
    Cover,
    Drain,
    End,
    Failed,
    Line,
    Measure,
    Measured,
    Ping,
    Pong,
    Ready,
    Report,
    Sum,
    SumUp,
    TakeOn,
    Uncover,
    decode,
    encode,
)

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

SUM_S: Final = 1.5
"""The supervisor gives workers a second to answer; if it is silent for half a second longer, it hangs."""

STDERR: Final = 2

_LOG: Final = logs.get("worker")


class Worker:
    """A server with a supervisor."""

    def __init__(self, server: Server, sets: list[list[socket]], index: int, desk: Desk | None = None) -> None:
        """`sets` are the listening sockets of each worker; ours are open for accepting already.

        At the `desk` clients are handed over; None: each stays where it is.
        """
        self.server = server
        self._sets = sets
        self._index = index
        self._desk = desk
        self._covering: dict[int, list[Listener]] = {}
        self.link: Link | None = None
        self._last = 0  # the number of the newest question for everybody's numbers
        self._waiting: dict[int, tuple[Callable[[Snapshot | None], None], Timer]] = {}
        self._overdue = False  # the supervisor has not answered one in time, nor any since
        server.services.share_metrics(self.sum_up)

    def connect(self, sock: socket, held: bytes) -> None:
        """Listen to the supervisor, and tell it when we are ready; `held` is what it has said already."""
        self.link = Link(self.server.reactor, sock, self._on_order, self.server.leave, held)
        if self._desk is not None:
            self._desk.begin(self.server.reactor, self._take_over)
            self.server.registry.house.send_away = self._desk.put
        self.server.when_ready(self._say_ready)

    def _say_ready(self) -> None:
        self._tell_others()
        self._say(Ready())

    def _on_order(self, order: Line) -> None:
        match order:
            case Cover(index):
                self._cover(index)
            case Uncover(index):
                self._uncover(index)
            case Ping():
                self._tell_others()
                self._say(Pong())
            case TakeOn(config):
                self.server.take_on(config)
            case Report():
                self.server.report_state()
            case Measure(number):
                self.server.services.measure(lambda snapshot: self._say(Measured(number, snapshot)))
            case Sum(number, snapshot):
                self._overdue = False
                self._summed(number, snapshot)
            case Drain():
                self.stop()
            case End():
                self.server.end()

    def _say(self, line: Line) -> None:
        if self.link is not None:
            self.link.say(line)

    def sum_up(self, own: Snapshot, done: Callable[[Snapshot | None], None]) -> None:
        """Have `done` called once with the numbers of all workers, ours being `own`; None: the supervisor hangs.

        One that hangs is not asked again before it has answered: what it is told has to lie somewhere.
        """
        if self._overdue:
            done(None)
            return
        self._last = number = self._last + 1
        timer = self.server.reactor.call_later(SUM_S, lambda: self._give_up(number))
        self._waiting[number] = done, timer
        self._say(SumUp(number, own))

    def _give_up(self, number: int) -> None:
        self._overdue = True
        self._summed(number, None)

    def _summed(self, number: int, snapshot: Snapshot | None) -> None:
        done, timer = self._waiting.pop(number, (None, None))
        if done is not None and timer is not None:
            timer.cancel()
            done(snapshot)

    def _cover(self, index: int) -> None:
        """Accept for another worker. What its successor and we both reach for, one of us gets."""
        if self._desk is not None:
            self._desk.cover(index, True)
        if index in self._covering:
            for listener in self._covering[index]:
                listener.start()
        elif self._sets[index] != self._sets[self._index]:  # else it is one socket for all, which is open
            self._covering[index] = self.server.listen_also(self._sets[index])

    def _uncover(self, index: int) -> None:
        """It accepts for itself again."""
        if self._desk is not None:
            self._desk.cover(index, False)
        for listener in self._covering.get(index, ()):
            listener.pause()

    def _take_over(self, sock: SocketType, data: bytes) -> None:
        """A client is handed to us. We say at once how many are here then: thousands may come between two questions."""
        self.server.registry.take_over(sock, data)
        self._tell_others()

    def _tell_others(self) -> None:
        """Say whether we have room, and how many are here."""
        if self._desk is not None:
            self._desk.homes.serve(self.server.has_room)
            self._desk.homes.count(self.server.registry.sockets)

    def stop(self) -> None:
        """Drain; a second time says nothing new: the supervisor says it otherwise when it is in a hurry."""
        if self.server.drain.started:
            return
        if self._desk is not None:
            self._desk.homes.serve(False)
            self._desk.take_in()  # who is on the way to us is told to go, too
        self.server.stop()


def main(fd: int) -> int:
    """Be the worker that file descriptor `fd` tells us to be; return the exit code."""
    faulthandler.enable(STDERR)  # the number, since `sys.stderr` is None where standard error was closed
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    world = World()
    with ExitStack() as behind:
        sock = behind.enter_context(world.adopt(fd))
        first, held = _hear_first(sock)
        if not isinstance(first, Begin):
            return EXIT_FAILED  # the supervisor died while we were starting
        config = first.config
        logs.configure(config.log.level, config.log.format, worker=first.index)
        _pin(world, first.core)
        unique = {number for numbers in (*first.listeners, first.admin) for number in numbers}
        sockets = {number: behind.enter_context(world.adopt(number)) for number in unique}
        sets = [[sockets[number] for number in numbers] for numbers in first.listeners]
        hub = behind.enter_context(world.adopt(first.hub)) if first.hub is not None else None
        desk = Desk(world, first.exchange, first.index) if first.exchange is not None else None
        if desk is not None:
            behind.callback(desk.close)
        admin = [sockets[number] for number in first.admin]
        inherited = Inherited(sets[first.index], admin, hub, desk.homes if desk is not None else None)
        try:
            server = build(config, world, inherited=inherited)
        except (CannotStart, ConfigError) as error:
            code = EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
            sock.sendall(encode(Failed(str(error), code)) + b"\n")
            return code
        finally:
            sock.setblocking(False)
        return _serve(Worker(server, sets, first.index, desk), sock, held)


def _serve(worker: Worker, sock: socket, held: bytes) -> int:
    """Turn until it is over; return the exit code."""
    server = worker.server
    worker.connect(sock, held)
    server.reactor.wakeup.on_signal(signal.SIGTERM, worker.stop)
    server.reactor.wakeup.on_signal(signal.SIGUSR1, server.report_state)
    with Freezer(server.world.monotonic):
        code = server.run()
    logs.flush()
    return code


def _pin(world: World, core: int | None) -> None:
    """Run on `core` alone, if there is one."""
    try:
        if core is not None:
            world.pin(core)
    except OSError as error:
        _LOG.warning("not_pinned", "This worker runs on any core.", core=core, error=str(error))


def _hear_first(sock: socket) -> tuple[Line | None, bytes]:
    """Wait for the first line; return it and what came behind it. None when the other end is gone."""
    sock.setblocking(True)
    held = b""
    while b"\n" not in held:
        data = sock.recv(65536)
        if not data or len(held) > LINE_LIMIT:
            return None, b""
        held += data
    line, _, rest = held.partition(b"\n")
    return decode(line), rest
