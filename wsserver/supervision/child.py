"""One worker as its supervisor sees it: a process, the link to it, and when it is started again.

                spawn                Ready               (process ends)
    DOWN  ----------------> STARTING -----> SERVING ----------------------> DOWN ... after a pause, spawn again
      ^                        |            |   ^                            ^
      +------------------------+            v   | (watch.py)                 |
             (process ends)                SILENT -------> HUNG -------------+
                                                   abort

Whether one is started again, and who accepts for it meanwhile, is decided in `supervisor.py`.

Read next: `supervisor.py`.
"""

import signal
from collections.abc import Sequence
from enum import Enum
from socket import socket
from typing import Final, Protocol

from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer
from wsserver.reactor.world import Process
from wsserver.resilience.backoff import Backoff
from wsserver.supervision.link import Link
from wsserver.supervision.orders import Begin, Failed, Line, Measured, Pong, Ready, SumUp

FIRST_PAUSE_S: Final = 0.1
LAST_PAUSE_S: Final = 30.0
"""Pauses before a worker is started again. A single death is made good at once; one that dies at each start, for a
disk is full or a library broken, must not eat the cores of those that serve."""

STEADY_S: Final = 60.0
"""Whoever served for so long was no part of a row of crashes: twice the longest pause."""

FAREWELL_S: Final = 5.0
"""A process whose link has ended has so long to end itself, and then as long to write its stack and end; then it is
killed. A stack takes milliseconds, and a core of 2 GiB, where the system wants one, some seconds."""


class Stage(Enum):
    """Where a worker is in its life."""

    DOWN = "There is no process."
    STARTING = "The process has not said yet that it accepts connections."
    SERVING = "It accepts connections."
    SILENT = "It has not answered for a while; others accept connections for it."
    HUNG = "It has not answered for too long, and was told to end."


WATCHED: Final = (Stage.SERVING, Stage.SILENT)
"""In these it is asked whether it is there, and may be again."""


class Overseer(Protocol):
    """Who decides."""

    def open_hub(self, child: "Child") -> socket | None:
        """Return a new process's end of its way to the hub, if there is one; `child.on_cut` hears that it has ended."""

    def begin(self, child: "Child", hub: int | None) -> Begin:
        """Return what to say to a new process first; `hub` is the number of that end."""

    def on_ready(self, child: "Child") -> None:
        """It accepts connections."""

    def on_pong(self, child: "Child") -> None:
        """It has answered that it is there."""

    def on_numbers(self, child: "Child", said: SumUp | Measured) -> None:
        """It says its numbers, and may want those of all."""

    def on_down(self, child: "Child", code: int) -> None:
        """Its process has ended, with that exit code or minus a signal; also when it could not be started (1)."""


class Child:
    """Worker `index`, in whatever process it is."""

    def __init__(self, reactor: Reactor, index: int, overseer: Overseer, fds: Sequence[int]) -> None:
        """`fds` are the listening sockets that each of its processes inherits."""
        self.index = index
        self.stage = Stage.DOWN
        self.process: Process | None = None
        self.link: Link | None = None
        self.served = False
        """Its last process had come so far that it accepted connections."""
        self.failure: Failed | None = None
        """Why it says that it could not start."""
        self._reactor = reactor
        self._overseer = overseer
        self._fds = fds
        self._backoff = Backoff(FIRST_PAUSE_S, LAST_PAUSE_S, reactor.world.uniform)
        self._ready_at = 0.0
        self._again: Timer | None = None

    @property
    def pid(self) -> int | None:
        """Its process; None while there is none."""
        return self.process.pid if self.process is not None else None

    def spawn(self) -> None:
        """Start a process. One that cannot be started counts as one that has ended."""
        self._again = None
        world = self._reactor.world
        ours, its = world.socket_pair()
        hub = self._overseer.open_hub(self)
        number = hub.fileno() if hub is not None else None
        lent = [sock for sock in (its, hub) if sock is not None]
        self.failure = None
        self.served = False
        self.stage = Stage.STARTING
        try:
            arguments = ("-m", "wsserver", "worker", str(its.fileno()))
            self.process = world.spawn(arguments, sorted({*self._fds, *(sock.fileno() for sock in lent)}))
        except OSError:
            ours.close()
            self._reactor.call_soon(lambda: self._ended(1))
            return
        finally:
            for sock in lent:
                sock.close()
        process = self.process
        self.link = Link(self._reactor, ours, self._on_line, lambda: self._kill_later(process))
        self.link.say(self._overseer.begin(self, number))

    def spawn_later(self) -> float:
        """Start one after a pause, and return that, in seconds."""
        if self._ready_at and self._reactor.now - self._ready_at >= STEADY_S:
            self._backoff.reset()
        pause_s = self._backoff.next()
        self._again = self._reactor.call_later(pause_s, self.spawn)
        return pause_s

    def stay_down(self) -> None:
        """Do not start one that was to be started later."""
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def say(self, line: Line) -> None:
        """Say something to its process, if there is one."""
        if self.link is not None:
            self.link.say(line)

    def kill(self) -> None:
        """End its process now."""
        if self.process is not None:
            self.process.kill()

    def abort(self) -> None:
        """End a process that hangs, and have it write where. One that does not even do that is killed (FAREWELL_S).

        It writes from within the handler of a signal (`worker.py`), so it does not matter what holds it up in Python;
        and it has to be awake: signals wait for a process that was stopped (signal(7)).
        """
        if self.process is not None:
            self.stage = Stage.HUNG
            self.process.send_signal(signal.SIGABRT)
            self.process.send_signal(signal.SIGCONT)
            self._kill_later(self.process)

    def on_cut(self) -> None:
        """The hub has nothing to do with its process any more, which knows it and ends, unless it hangs."""
        if self.process is not None:
            self._kill_later(self.process)

    def reap(self) -> None:
        """See whether its process has ended; some process of ours has (SIGCHLD)."""
        code = self.process.poll() if self.process is not None else None
        if code is not None:
            self._ended(code)

    def _ended(self, code: int) -> None:
        if self.link is not None:
            self.link.close()  # what it said last was heard: it came before the signal of its end
        self.process = self.link = None
        self.stage = Stage.DOWN
        self._overseer.on_down(self, code)

    def _on_line(self, line: Line) -> None:
        if isinstance(line, Failed):
            self.failure = line
        elif isinstance(line, Pong):
            self._overseer.on_pong(self)
        elif isinstance(line, SumUp | Measured):
            self._overseer.on_numbers(self, line)
        elif isinstance(line, Ready) and self.stage is Stage.STARTING:
            self.stage = Stage.SERVING
            self.served = True
            self._ready_at = self._reactor.now
            self._overseer.on_ready(self)

    def _kill_later(self, process: Process) -> None:
        """It should end by itself now. One that does not hangs: it is made to say where, and then it is killed."""

        def kill() -> None:
            if self.process is process and self.stage is not Stage.HUNG:
                self.abort()
            elif self.process is process:
                process.kill()

        self._reactor.call_later(FAREWELL_S, kill)
