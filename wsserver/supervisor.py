"""Several workers on one machine: starts them, starts them again when they die, and ends with them.

It owns what must outlive a worker. Every listening socket stays open in here and in all workers, so that a death resets
nobody who waits to be accepted: another worker accepts for one that is dead or hangs (`Cover`) until its successor is
ready. It serves nobody itself, and knows no frame and no channel.

    supervisor --- link ---> worker 0    its own sockets (SO_REUSEPORT), those of others only while they are down
               --- link ---> worker 1    ...

A worker that finds its link ended ends too: nothing outlives the supervisor.

Read next: `supervision/child.py`, one worker as seen from here; `supervision/watch.py`; `worker.py`, the other end.
"""

import signal
import sys
from collections.abc import Callable
from socket import socket
from typing import Final

from wsserver.chat.log import StoreUnavailable
from wsserver.config import Config, ConfigError
from wsserver.holdings import Holdings
from wsserver.listening import describe, explain
from wsserver.observe import logs
from wsserver.observe.families import Snapshot, of_histogram
from wsserver.observe.process import of_process
from wsserver.reactor.loop import Reactor
from wsserver.reactor.memory import keep_freed_memory
from wsserver.reactor.poller import available_pollers
from wsserver.reactor.world import World
from wsserver.reload import replace_live
from wsserver.supervision.child import Child, Stage
from wsserver.supervision.covers import Covers
from wsserver.supervision.orders import Begin, Drain, End, Measured, Report, SumUp, TakeOn
from wsserver.supervision.survey import Survey
from wsserver.supervision.watch import Watch

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1

GRACE_S: Final = 5.0
"""So much longer than they should need for it workers may take to drain; then they are killed."""

END_S: Final = 2.0
"""What a worker has to end in when it is told to end now."""

_LOG: Final = logs.get("supervisor")

Reload = Callable[[], Config]


class Supervisor:
    """`on_ready(address)` is called once, when all workers serve for the first time."""

    def __init__(self, config: Config, reactor: Reactor, holdings: Holdings, on_ready: Callable[[str], None]) -> None:
        """`holdings` are what the workers share, or have each their own of."""
        self.config = config
        self.exit_code = EXIT_OK
        self.failure = ""
        """Why it could not start, for people."""
        self.stopping = False
        self._reactor = reactor
        self._on_ready: Callable[[str], None] | None = on_ready
        sockets = holdings.sockets
        self._address = describe(sockets[0][0])
        self._numbers = [[sock.fileno() for sock in one] for one in sockets]
        self._cores = reactor.world.cores() if config.server.pin else []
        self._admin = [sock.fileno() for sock in holdings.admin]
        self._hub = holdings.hub
        self._holdings = holdings
        self._started = reactor.now
        exchange = holdings.exchange
        self._shares = exchange.shares if exchange is not None else None
        shared_fds = self._shares.fds if self._shares is not None else []
        fds = {fd for one in (*self._numbers, self._admin, shared_fds) for fd in one}
        self.children = [Child(reactor, index, self, sorted(fds)) for index in range(len(sockets))]
        self._survey = Survey(reactor, self.children, self._measure)
        shared = len(self._numbers) > 1 and self._numbers[0] == self._numbers[1]
        self._covers = Covers(self.children, shared, exchange.homes if exchange is not None else None)
        self._watch = Watch(reactor, self.children, lambda: self.config.server.worker_timeout, self._covers.settle)

    def start(self) -> None:
        """Start all workers."""
        for child in self.children:
            child.spawn()

    # -- what children tell -----------------------------------------------------------------------------------------

    def open_hub(self, child: Child) -> socket | None:
        """Return a new process's end of its way to the hub, if there is one."""
        if self._hub is None:
            return None
        ours, its = self._reactor.world.socket_pair()
        self._hub.admit(ours, child.on_cut)
        return its

    def begin(self, child: Child, hub: int | None) -> Begin:
        """Return what a new process of `child` has to know."""
        core = self._cores[child.index % len(self._cores)] if self._cores else None
        return Begin(child.index, self.config, self._numbers, self._admin, hub, core, self._shares)

    def on_ready(self, child: Child) -> None:
        """A worker serves."""
        if self._on_ready is None:
            self._covers.settle()
        if self.stopping:
            return
        if self._on_ready is None:
            _LOG.info("worker_back", "A worker was started again.", worker=child.index, its_pid=child.pid)
        elif all(one.stage is Stage.SERVING for one in self.children):
            on_ready, self._on_ready = self._on_ready, None
            self._watch.begin()
            on_ready(self._address)

    def on_pong(self, child: Child) -> None:
        """A worker is there."""
        self._watch.hear(child)

    def on_numbers(self, child: Child, said: SumUp | Measured) -> None:
        """A worker says its numbers, and may want those of all."""
        if isinstance(said, SumUp):
            self._survey.begin(child, said)
        else:
            self._survey.hear(child, said)

    def _measure(self) -> Snapshot:
        """Return the numbers of this process, and of the store that is in it, if there is one."""
        snapshot, commits = of_process(self._reactor, self._started), self._holdings.commits
        if commits is not None:
            snapshot["wsserver_store_commit_seconds"] = of_histogram(commits)
        return snapshot

    def on_down(self, child: Child, code: int) -> None:
        """A worker has ended, or could not be started."""
        self._survey.lose(child)
        self._watch.forget(child)
        if self._on_ready is None:
            self._covers.settle()
        if self.stopping:
            self._note_end(child, code)
        elif self._on_ready is not None:
            self._give_up(child, code)
        else:
            pause_s = child.spawn_later()
            self._survey.restarts += 1
            _LOG.warning(
                "worker_ended",
                "A worker has ended, and is started again; its clients have to reconnect.",
                worker=child.index,
                exit=code,
                cause=child.failure.sentence if child.failure is not None else None,
                again_in_s=round(pause_s, 3),
            )

    def _give_up(self, child: Child, code: int) -> None:
        """A worker could not even be started once: so it is with all of them."""
        if not self.failure:
            failed = child.failure
            self.exit_code = failed.code if failed is not None else EXIT_FAILED
            ended = f"worker {child.index} ended with {code} before it was ready."
            self.failure = failed.sentence if failed is not None else ended
        self.end()

    def _note_end(self, child: Child, code: int) -> None:
        if code != EXIT_OK and child.served and self.exit_code == EXIT_OK:
            self.exit_code = EXIT_FAILED
        if not any(one.process for one in self.children):
            self._reactor.stop()

    # -- what signals say -------------------------------------------------------------------------------------------

    def reap(self) -> None:
        """Some process of ours has ended."""
        for child in self.children:
            child.reap()

    def stop(self) -> None:
        """Have all workers drain, then end; a second call ends them now."""
        if self.stopping:
            self.exit_code = EXIT_FAILED
            self.end()
            return
        _LOG.info("draining", "Stopping: clients are sent away. Signal again to stop now.")
        self._leave(Drain())
        limit_s = self.config.server.drain + self.config.websocket.close_timeout + GRACE_S
        self._reactor.call_later(limit_s, self._kill_all)

    def give_up(self) -> None:
        """The store is lost to this process: a new one will see what is really there."""
        self.exit_code = EXIT_FAILED
        self.end()

    def end(self) -> None:
        """Have all workers end now."""
        self._leave(End())
        self._reactor.call_later(END_S, self._kill_all)

    def _leave(self, order: Drain | End) -> None:
        self.stopping = True
        self._watch.end()
        for child in self.children:
            child.stay_down()
            child.say(order)
        if not any(child.process for child in self.children):
            self._reactor.stop()

    def _kill_all(self) -> None:
        for child in self.children:
            child.kill()

    def report_state(self) -> None:
        """Have everybody write to the log how they are."""
        stages = {f"worker_{child.index}": child.stage.name.lower() for child in self.children}
        pids = {f"pid_{child.index}": child.pid for child in self.children}
        _LOG.info("state", "This is where the workers stand.", **stages, **pids)
        for child in self.children:
            child.say(Report())

    def reload(self, load: Reload) -> None:
        """Read the configuration again and have everybody take it on, also those who are started from now on."""
        try:
            config = load()
        except ConfigError as error:
            _LOG.error("reload_failed", "The new configuration is no good; the old one stays.", cause=str(error))
            return
        logs.adjust(config.log.level, config.log.format)
        for child in self.children:
            child.say(TakeOn(config))
        self.config = replace_live(self.config, config)


def supervise(config: Config, workers: int, reload: Reload) -> int:
    """Serve with `workers` processes until told to stop; return the exit code.

    `reload` reads the configuration again when SIGHUP asks for it, or raises ConfigError.
    """
    keep_freed_memory()  # else each batch that the hub reads costs it ten page faults
    world = World()
    world.raise_fd_limit()
    reactor = Reactor(world, world.open_poller(next(iter(available_pollers()))), _report_crash)
    keeper: list[Supervisor] = []
    try:
        holdings = Holdings(reactor, config, workers, lambda: keeper[0].give_up())
    except (OSError, StoreUnavailable) as error:
        reactor.close()
        return _fail(explain(config, error) if isinstance(error, OSError) else f"{error}.", EXIT_FAILED)
    except ConfigError:
        reactor.close()
        raise
    supervisor = Supervisor(config, reactor, holdings, lambda address: _say_ready(world, address))
    keeper.append(supervisor)
    on_signal = reactor.wakeup.on_signal
    on_signal(signal.SIGCHLD, supervisor.reap)
    for number in (signal.SIGTERM, signal.SIGINT):
        on_signal(number, supervisor.stop)
    on_signal(signal.SIGUSR1, supervisor.report_state)
    on_signal(signal.SIGHUP, lambda: supervisor.reload(reload))
    supervisor.start()
    reactor.run()
    holdings.close()
    reactor.close()
    return _fail(supervisor.failure, supervisor.exit_code) if supervisor.failure else supervisor.exit_code


def _say_ready(world: World, address: str) -> None:
    print(f"wsserver listening on {address} (pid {world.own_pid()})", flush=True)


def _fail(sentence: str, code: int) -> int:
    print(f"wsserver: error: {sentence}", file=sys.stderr)
    return code


def _report_crash(error: Exception) -> None:
    _LOG.exception("crash", "A rule of our own was broken.", error)
