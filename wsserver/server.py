"""The composition root: the one place that knows every part. It builds them, wires them, starts them, and stops them.

    Config -> World -> Reactor -> Listener(s) -> Registry -> Site -> /chat: ChatRouter -> Storage, rights
                                                                  -> /echo: EchoRouter
                                                                  -> /api, /events: for other programs
                                                                  -> /livez, /readyz, and the files of the page

Read next: `reactor/loop.py` for what runs then; `drain.py` for how it ends.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from socket import socket
from typing import Final, NamedTuple

from wsserver.access.origins import OriginRule
from wsserver.access.permissions import Permissions
from wsserver.admin import listen_admin, open_admin
from wsserver.backing import Outside, open_backing
from wsserver.chat.homes import Homes
from wsserver.chat.log import StoreUnavailable
from wsserver.chat.router import ChatRouter
from wsserver.clients.admission import Admission
from wsserver.clients.client import Client
from wsserver.clients.echo import EchoRouter
from wsserver.clients.limits import Rate
from wsserver.clients.registry import Registry
from wsserver.clients.router import Router
from wsserver.clients.site import Page, Site
from wsserver.config import Config, ConfigError
from wsserver.drain import Drain
from wsserver.http.errors import RequestError
from wsserver.http.request import Request
from wsserver.http.response import Response, json_response
from wsserver.http.static import StaticFiles
from wsserver.listening import bound_to, describe, explain, listen
from wsserver.net.files import Directory
from wsserver.net.listener import Listener
from wsserver.net.pressure import Pressure
from wsserver.observe import logs
from wsserver.parts import authority, chat_settings, client_limits, codecs, compression, connections, proxies
from wsserver.reactor.collector import Freezer
from wsserver.reactor.loop import Reactor
from wsserver.reactor.memory import keep_freed_memory
from wsserver.reactor.world import World
from wsserver.reload import compare, replace_live
from wsserver.services import Services
from wsserver.state_report import report

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1

START_S: Final = 2.0
"""So long store and broker may take until it is called ready without them: they take 10 ms, or are not there."""

LOOK_S: Final = 0.01
"""Between two looks whether they are."""

_LOG: Final = logs.get("server")


class Server:
    """All parts of one server, built and wired. `start` opens the sockets, `run` turns until it is drained."""

    def __init__(
        self,
        config: Config,
        world: World,
        page: Directory,
        routers: Mapping[str, Router] | None = None,
        hub: socket | None = None,
        homes: Homes | None = None,
    ) -> None:
        """Build everything that needs no listening socket. `page` holds the files of the page.

        `routers` are served besides `/chat` and `/echo`, or in their place; `hub` leads to the other workers, if there
        are any, and `homes` to where clients belong among them. Raises StoreUnavailable, and ConfigError.
        """
        self.config = config
        self.world = world
        self.reactor = Reactor(world, world.open_poller(config.server.poller), _report_crash)
        try:
            self.chat = self._open_chat(hub, homes)
        except BaseException:
            self.reactor.close()
            raise
        self.site = self._lay_out(page, routers or {})
        self.pressure = Pressure(self.reactor, config.limits.queued, config.limits.memory, _log_shed, _log_short)
        self.registry = Registry(
            self.reactor,
            self.site,
            client_limits(config),
            self._admission(),
            _log_gone,
            compression(config),
            proxies(config),
        )
        self.services = Services(config, self.registry, self.chat, self.backing.log, self._authority)
        self.backing.describe_to(self.services.sources)
        self.drain = Drain(self.reactor, self.registry, config.server.drain, self._drained)
        self.listeners: list[Listener] = []
        self.address = ""
        self._leaving = False
        self._exit_code = EXIT_OK

    def _lay_out(self, page: Directory, routers: Mapping[str, Router]) -> Site:
        """Return what is behind the paths."""
        return Site(
            routers={"/chat": self.chat, "/echo": EchoRouter(), **routers},
            pages={"/livez": self._livez, "/readyz": self._readyz},
            fallback=StaticFiles(page.open).answer,
            open_paths=frozenset({"/livez", "/readyz"}),
        )

    def _open_chat(self, hub: socket | None, homes: Homes | None) -> ChatRouter:
        """Open store and broker and build the chat over it. Raises StoreUnavailable, and ConfigError."""
        config = self.config
        permissions = Permissions(config.channels, config.chat.history)
        self._authority = authority(config, self.world)
        outside = Outside(hub, self._on_store_lost, self.leave)
        self.backing = open_backing(self.reactor, config, permissions.history_of, outside)
        settings, rules, broker = chat_settings(config), permissions.rule_of, self.backing.broker
        return ChatRouter(settings, self.backing.log, codecs(), self._authority, rules, broker, homes)

    def _admission(self) -> Admission:
        limits = self.config.limits
        return Admission(
            connections(self.config, self.world.raise_fd_limit()),
            limits.connections_per_ip,
            limits.handshakes_per_ip,
            lambda: self.pressure.short,
        )

    # -- running ----------------------------------------------------------------------------------------------------

    def start(self, sockets: Sequence[socket] = (), admin: Sequence[socket] | None = None) -> None:
        """Listen on `sockets`, and on `admin` for those who watch, or where the settings say. Raises OSError."""
        sockets = sockets or listen(self.world, self.config)[0]
        try:
            admin = listen_admin(self.world, self.config) if admin is None else admin
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        self.address = describe(sockets[0])
        self._bound_to = bound_to(self.config, sockets[0])  # host and port that a browser may name
        self._judge_by(self.config)
        self.services.listen_on(sockets)
        self.listen_also(sockets)
        admin_pages: dict[str, Page] = {**self.site.pages, "/readyz": partial(self._readyz, in_full=True)}
        self.listeners += open_admin(
            self.config, self.reactor, admin, admin_pages, self.services.for_admin(), _log_exhausted
        )
        self.pressure.start()

    def listen_also(self, sockets: Sequence[socket]) -> list[Listener]:
        """Accept from `sockets` as well; they are ours from now on."""
        listeners = [Listener(self.reactor, sock, self.registry.admit, _log_exhausted) for sock in sockets]
        for listener in listeners:
            listener.start()
        self.listeners += listeners
        return listeners

    def obey_signals(self, reload: Callable[[], Config] | None = None) -> None:
        """Do what signals say: stop, take on what `reload` returns, write the state to the log."""
        on_signal = self.reactor.wakeup.on_signal
        for number in (signal.SIGTERM, signal.SIGINT):
            on_signal(number, self.stop)
        on_signal(signal.SIGUSR1, self.report_state)
        if reload is not None:
            on_signal(signal.SIGHUP, lambda: self._reload(reload))

    def when_ready(self, announce: Callable[[], None]) -> None:
        """Call `announce` once store and broker can be used, at once if they can be; after START_S even if not.

        Whoever waits for the ready line may `join` right behind it, and would be refused while a link is dialled.
        """
        self._look_whether_ready(announce, self.world.monotonic() + START_S)

    def _look_whether_ready(self, announce: Callable[[], None], until: float) -> None:
        if self.drain.started:
            return  # told to stop before it was ready
        if self.backing.faults() and self.world.monotonic() < until:
            self.reactor.call_later(LOOK_S, partial(self._look_whether_ready, announce, until))
        else:
            announce()

    @property
    def has_room(self) -> bool:
        """Whether other workers may hand us clients."""
        return not self.site.draining and self.registry.has_room and not self.backing.faults()

    def _judge_by(self, config: Config) -> None:
        """Let pass whom `config` lets pass."""
        rule = OriginRule(config.server.origins, config.server.hosts, *self._bound_to)
        self.site.judge_host = rule.check_host
        self.site.judge_origin = rule.check_origin

    def run(self) -> int:
        """Turn until drained; return the exit code."""
        try:
            self.reactor.run()
        finally:
            self.close()
        return self._exit_code

    def close(self) -> None:
        """Give everything back."""
        if self.listeners and self.config.server.unix:
            self.world.unlink(self.config.server.unix)
        for listener in self.listeners:
            listener.close()
        self.backing.close()
        self.reactor.close()

    def _on_store_lost(self) -> None:
        """Without its store the server promises what it cannot keep; started anew, it sees what is really there."""
        self._exit_code = EXIT_FAILED
        self.reactor.stop()

    def stop(self) -> None:
        """Send everybody away and end; a second call ends now."""
        if not self.drain.started:
            _LOG.info("draining", "Stopping: clients are sent away. Signal again to stop now.", clients=self._count())
        self.drain.start()

    def end(self) -> None:
        """End now, whoever is still here."""
        self._drained(clean=False)

    def leave(self) -> None:
        """Close everybody now, and end: the supervisor is gone, and with it all that the workers had in common."""
        if not self._leaving:
            self._leaving = True
            _LOG.error("orphaned", "The supervisor is gone; this worker ends.")
            Drain(self.reactor, self.registry, 0.0, lambda clean: self.end()).start()

    def report_state(self) -> None:
        """Write to the log where the server stands."""
        _LOG.info("state", "This is where the server stands.", **report(self.registry))

    def _reload(self, load: Callable[[], Config]) -> None:
        try:
            config = load()
        except ConfigError as error:
            _LOG.error("reload_failed", "The new configuration is no good; the old one stays.", cause=str(error))
            return
        self.take_on(config)

    def take_on(self, config: Config) -> None:
        """Do from now on what `config` says, as far as a running server can, and say what needs a restart."""
        changes = compare(self.config, config)
        self.config = replace_live(self.config, config)
        logs.adjust(config.log.level, config.log.format)
        self._judge_by(config)
        self.drain.drain_s = config.server.drain
        rate = config.limits.rate
        self.registry.house.message_rate = Rate(rate, max(1.0, 2 * rate)) if rate else None
        _LOG.info("reloaded", "The configuration was read again.", changed=", ".join(changes.live) or "nothing")
        if changes.later:
            _LOG.warning("restart_needed", "Some changes need a restart.", settings=", ".join(changes.later))

    def _drained(self, clean: bool) -> None:
        self._exit_code = EXIT_OK if clean else EXIT_FAILED
        _LOG.info("stopped", "Stopped.", clients=self._count())
        self.backing.say_goodbye()
        self.reactor.call_soon(self.reactor.stop)  # not now: the goodbye leaves at the end of a turn

    def _count(self) -> int:
        return len(self.registry.clients)

    # -- pages ------------------------------------------------------------------------------------------------------

    def _livez(self, request: Request) -> Response:
        """200 while the process runs."""
        _only_get(request)
        return json_response(200, {"status": "alive"})

    def _readyz(self, request: Request, in_full: bool = False) -> Response:
        """200 when it can serve, 503 with the reason when it cannot; strangers hear only which part it is."""
        _only_get(request)
        faults = ["draining"] if self.site.draining else self.backing.faults()
        if not (in_full or self.services.private):
            faults = [fault.partition(":")[0] for fault in faults]
        if faults:
            return json_response(503, {"status": "unavailable", "reason": "; ".join(faults)})
        return json_response(200, {"status": "ready"})


class CannotStart(Exception):
    """The sentence that says why, and what to do."""


class Inherited(NamedTuple):
    """The sockets that a worker has from its supervisor: to listen on, for those who watch, and the way to the hub."""

    sockets: Sequence[socket] = ()
    admin: Sequence[socket] | None = None
    hub: socket | None = None
    homes: Homes | None = None
    """Which worker a client should be with."""


NOTHING: Final = Inherited()


def build(
    config: Config, world: World, routers: Mapping[str, Router] | None = None, inherited: Inherited = NOTHING
) -> Server:
    """Return a server that listens. Raises CannotStart, and ConfigError."""
    keep_freed_memory()
    try:
        page = Directory(find_static(config.server.static))
    except OSError as error:
        raise CannotStart(
            f"cannot read the files of the page: {error}. Name their folder with --set server.static=PATH."
        ) from None
    try:
        server = Server(config, world, page, routers, inherited.hub, inherited.homes)
    except StoreUnavailable as error:
        raise CannotStart(f"{error}.") from None
    try:
        server.start(inherited.sockets, inherited.admin)
    except OSError as error:
        server.close()
        raise CannotStart(explain(config, error)) from None
    return server


def run(config: Config, routers: Mapping[str, Router] | None = None, reload: Callable[[], Config] | None = None) -> int:
    """Run a server until it is told to stop; return the exit code.

    `routers` are yours, by path. `reload` reads the configuration again when SIGHUP asks for it, or raises ConfigError.
    """
    if config.server.workers != 1:
        raise ConfigError("'server.workers' is for the command line: other processes know nothing of your program")
    try:
        server = build(config, World(), routers)
    except CannotStart as error:
        return _fail(str(error))
    server.obey_signals(reload)
    with Freezer(server.world.monotonic):
        line = f"wsserver listening on {server.address} (pid {os.getpid()})"
        server.when_ready(partial(print, line, flush=True))
        return server.run()


def find_static(configured: str) -> str:
    """Return the folder of the page: the configured one, or the one that comes with the package."""
    if configured:
        return configured
    with as_file(files("wsserver") / "static") as installed:
        if installed.is_dir():
            return str(installed)
    return str(Path(__file__).resolve().parent.parent / "static")  # a checkout that was not installed


def _only_get(request: Request) -> None:
    if request.method not in ("GET", "HEAD"):
        raise RequestError(405, "Only GET and HEAD are answered here.", (("Allow", "GET, HEAD"),))


def _fail(sentence: str) -> int:
    print(f"wsserver: error: {sentence}", file=sys.stderr)
    return EXIT_FAILED


def _report_crash(error: Exception) -> None:
    _LOG.exception("crash", "A rule of our own was broken; the client it happened to is closed.", error)


def _log_exhausted(error: OSError) -> None:
    _LOG.warning("accept_failed", "No file descriptors are left; accepting again in a moment.", error=str(error))


def _log_shed(clients: int, size: int) -> None:
    _LOG.warning("readers_shed", "Memory is short; the slowest readers were closed.", clients=clients, bytes=size)


def _log_short(resident: int) -> None:
    _LOG.warning("memory_short", "Above limits.memory: nobody new is let in.", resident=resident)


def _log_gone(client: Client) -> None:
    _LOG.debug(
        "client_gone",
        "A client is gone.",
        client=client.id or None,
        address=client.address,
        cause=client.cause,
        messages_in=client.messages_in,
        seconds=round(client.house.reactor.now - client.created_at, 3),
    )
