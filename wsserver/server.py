"""The composition root: the one place that knows every part. It builds them, wires them, starts them, and stops them.

    Config -> World -> Reactor -> Listener(s) -> Registry -> Site -> /chat: ChatRouter -> Storage, rights
                                                                  -> /echo: EchoRouter
                                                                  -> /api, /events: for other programs
                                                                  -> /livez, /readyz, and the files of the page

Read next: `reactor/loop.py` for what runs then; `drain.py` for how it ends.
"""

import errno
import os
import signal
import sys
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Final

from wsserver.access.authority import BadTokens, TokenAuthority
from wsserver.access.origins import OriginRule
from wsserver.access.permissions import Permissions
from wsserver.access.secret import MISSING_LIBRARY
from wsserver.chat.authority import Authority
from wsserver.chat.codec import Codec
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.log import StoreUnavailable
from wsserver.chat.router import JSON_SUBPROTOCOL, ChatRouter
from wsserver.chat.settings import ChatSettings
from wsserver.clients.admission import Admission
from wsserver.clients.client import Client
from wsserver.clients.echo import EchoRouter
from wsserver.clients.limits import ClientLimits
from wsserver.clients.registry import Registry
from wsserver.clients.router import Router
from wsserver.clients.site import Site
from wsserver.config import Config, ConfigError
from wsserver.drain import Drain
from wsserver.http.errors import RequestError
from wsserver.http.request import Request
from wsserver.http.response import Response, json_response
from wsserver.http.static import StaticFiles
from wsserver.net.files import Directory
from wsserver.net.listener import Listener
from wsserver.net.pressure import Pressure
from wsserver.observe import logs
from wsserver.reactor.loop import Reactor
from wsserver.reactor.memory import keep_freed_memory
from wsserver.reactor.poller import SELECT_FD_LIMIT
from wsserver.reactor.world import World
from wsserver.services import Services
from wsserver.storage import Storage
from wsserver.websocket.deflate import Terms

SPARE_FDS: Final = 256
"""File descriptors that clients may not have: for listeners, files of the page, refusals, and a batch of accepts."""

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1

_LOG: Final = logs.get("server")


class Server:
    """All parts of one server, built and wired. `start` opens the sockets, `run` turns until it is drained."""

    def __init__(
        self, config: Config, world: World, page: Directory, routers: Mapping[str, Router] | None = None
    ) -> None:
        """Build everything that needs no socket. `page` holds the files of the page.

        `routers` are served at their paths besides `/chat` and `/echo`, or in their place.
        Raises StoreUnavailable, and ConfigError.
        """
        self.config = config
        self.world = world
        self.reactor = Reactor(world, world.open_poller(config.server.poller), _report_crash)
        try:
            self.chat = self._open_chat()
        except BaseException:
            self.reactor.close()
            raise
        self.site = Site(
            routers={"/chat": self.chat, "/echo": EchoRouter(), **(routers or {})},
            pages={"/livez": self._livez, "/readyz": self._readyz},
            fallback=StaticFiles(page.open).answer,
            open_paths=frozenset({"/livez", "/readyz"}),
        )
        limits = config.limits
        self.pressure = Pressure(self.reactor, limits.queued, limits.memory, _log_shed, _log_short)
        self.registry = Registry(
            self.reactor,
            self.site,
            _client_limits(config),
            self._admission(),
            _log_gone,
            _compression(config),
        )
        self.services = Services(config, self.registry, self.chat, self.storage.store, self._authority)
        self.drain = Drain(self.reactor, self.registry, config.server.drain, self._drained)
        self.listeners: list[Listener] = []
        self.address = ""
        self._exit_code = EXIT_OK

    def _open_chat(self) -> ChatRouter:
        """Open the store and build the chat over it. Raises StoreUnavailable, and ConfigError."""
        config = self.config
        permissions = Permissions(config.channels, config.chat.history)
        self._authority = _authority(config, self.world)
        self.storage = Storage(self.reactor, config, permissions.history_of, self._on_store_lost)
        settings, store, rules = _chat_settings(config), self.storage.store, permissions.rule_of
        return ChatRouter(settings, store, _codecs(), authority=self._authority, rules=rules)

    def _admission(self) -> Admission:
        limits = self.config.limits
        return Admission(
            _connections(self.config, self.world.raise_fd_limit()),
            limits.connections_per_ip,
            limits.handshakes_per_ip,
            lambda: self.pressure.short,
        )

    # -- running ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the listening sockets. Raises OSError."""
        sockets = self._listen()
        self.address = _describe(sockets[0])
        host, port = self._bound_to(sockets[0])
        rule = OriginRule(self.config.server.origins, self.config.server.hosts, host, port)
        self.site.judge_host = rule.check_host
        self.site.judge_origin = rule.check_origin
        self.services.listen_on(sockets)
        self.listeners = [Listener(self.reactor, sock, self.registry.admit, _log_exhausted) for sock in sockets]
        for listener in self.listeners:
            listener.start()
        self.pressure.start()
        for number in (signal.SIGTERM, signal.SIGINT):
            self.reactor.wakeup.on_signal(number, self._on_stop_signal)

    def _listen(self) -> list[socket]:
        server = self.config.server
        if server.fd is not None:
            return [self.world.listen_inherited(server.fd)]
        if server.unix:
            return [self.world.listen_unix(server.unix)]
        return self.world.listen_tcp(server.host, server.port)

    def _bound_to(self, listener: socket) -> tuple[str | None, int]:
        """Return host and port that a browser may name: the configured host, or where an inherited socket is bound."""
        if listener.family == AF_UNIX:
            return None, 0
        address, port = listener.getsockname()[:2]
        return address if self.config.server.fd is not None else self.config.server.host, port

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
        self.storage.close()
        self.reactor.close()

    def _on_store_lost(self) -> None:
        """Without its store the server promises what it cannot keep; started anew, it sees what is really there."""
        self._exit_code = EXIT_FAILED
        self.reactor.stop()

    def _on_stop_signal(self) -> None:
        if not self.drain.started:
            _LOG.info("draining", "Stopping: clients are sent away. Signal again to stop now.", clients=self._count())
        self.drain.start()

    def _drained(self, clean: bool) -> None:
        self._exit_code = EXIT_OK if clean else EXIT_FAILED
        _LOG.info("stopped", "Stopped.", clients=self._count())
        self.reactor.stop()

    def _count(self) -> int:
        return len(self.registry.clients)

    # -- pages ------------------------------------------------------------------------------------------------------

    def _livez(self, request: Request) -> Response:
        """200 while the process runs."""
        _only_get(request)
        return json_response(200, {"status": "alive"})

    def _readyz(self, request: Request) -> Response:
        """200 when it can serve, 503 with the reason when it cannot."""
        _only_get(request)
        if self.site.draining:
            return json_response(503, {"status": "unavailable", "reason": "draining"})
        if self.storage.fault is not None:
            return json_response(503, {"status": "unavailable", "reason": self.storage.fault})
        return json_response(200, {"status": "ready"})


def run(config: Config, routers: Mapping[str, Router] | None = None) -> int:
    """Run a server until it is told to stop; return the exit code. `routers` are yours, by path."""
    keep_freed_memory()
    try:
        page = Directory(find_static(config.server.static))
    except OSError as error:
        return _fail(f"cannot read the files of the page: {error}. Name their folder with --set server.static=PATH.")
    try:
        server = Server(config, World(), page, routers)
    except StoreUnavailable as error:
        return _fail(f"{error}.")
    try:
        server.start()
    except OSError as error:
        server.close()
        return _fail(_explain(config, error))
    print(f"wsserver listening on {server.address} (pid {os.getpid()})", flush=True)
    return server.run()


def find_static(configured: str) -> str:
    """Return the folder of the page: the configured one, or the one that comes with the package."""
    if configured:
        return configured
    with as_file(files("wsserver") / "static") as installed:
        if installed.is_dir():
            return str(installed)
    return str(Path(__file__).resolve().parent.parent / "static")  # a checkout that was not installed


def _connections(config: Config, fd_limit: int) -> int:
    """Return how many clients there may be: as configured, as far as there are file descriptors for them."""
    if config.server.poller == "select":
        fd_limit = min(fd_limit, SELECT_FD_LIMIT)
    # Where there are few, every fourth and the 16 that an idle server has open: some clients are better than none.
    possible = max(1, fd_limit - min(SPARE_FDS, 16 + fd_limit // 4))
    return min(config.limits.connections or possible, possible)


def _client_limits(config: Config) -> ClientLimits:
    websocket, limits, server = config.websocket, config.limits, config.server
    return ClientLimits(
        max_message=websocket.max_message,
        max_fragments=websocket.max_fragments,
        handshake_timeout_s=websocket.handshake_timeout,
        keepalive_timeout_s=server.keepalive_timeout,
        max_requests=server.keepalive_requests,
        ping_interval_s=websocket.ping_interval,
        pong_timeout_s=websocket.pong_timeout,
        close_timeout_s=websocket.close_timeout,
        rate=limits.rate,
        inflate_rate=limits.inflate,
        queue=limits.queue,
        queue_policy=limits.queue_policy,
    )


def _compression(config: Config) -> Terms | None:
    """Return what we agree on of permessage-deflate; None when it is off."""
    websocket = config.websocket
    context = websocket.compression_context
    if not websocket.compression:
        return None
    return Terms(websocket.compression_window, client_context=context != "none", server_context=context == "both")


def _codecs() -> dict[str, Codec]:
    """Return what can be spoken on /chat, by subprotocol: protobuf only where its package is installed."""
    codecs: dict[str, Codec] = {JSON_SUBPROTOCOL: JsonCodec()}
    try:
        from wsserver.chat.codec_protobuf import SUBPROTOCOL, ProtobufCodec
    except ImportError:
        return codecs
    return {**codecs, SUBPROTOCOL: ProtobufCodec()}


def _chat_settings(config: Config) -> ChatSettings:
    return ChatSettings(
        recovery_limit=config.chat.recovery_limit,
        gather_s=config.chat.gather,
        leave_grace_s=config.presence.leave_grace,
        names=config.presence.names,
        channels_per_client=config.limits.channels_per_client,
        heartbeat_s=config.websocket.ping_interval,
        max_message=config.websocket.max_message,
        auth_timeout_s=config.auth.timeout,
    )


def _authority(config: Config, world: World) -> Authority | None:
    """Return who judges tokens; None where names are taken on trust. Raises ConfigError."""
    auth = config.auth
    if auth.mode == "open":
        return None
    if not auth.secret and not auth.public_key:
        raise ConfigError(
            "auth.mode is token, and no key is set to check tokens with: put a secret of 32 bytes or more into "
            "WSSERVER_AUTH_SECRET, or a public key's path into auth.public_key"
        )
    try:
        from wsserver.access.tokens import BadKey, Verifier, public_key, secret_key
    except ImportError:
        raise ConfigError(MISSING_LIBRARY) from None
    try:
        key = secret_key(auth.secret) if auth.secret else public_key(Path(auth.public_key).read_bytes())
    except OSError as error:
        raise ConfigError(f"'auth.public_key' cannot be read: {error.strerror or error}") from None
    except BadKey as error:
        raise ConfigError(f"'auth.{'secret' if auth.secret else 'public_key'}' {error}") from None
    verifier = Verifier(key, auth.audience)
    return TokenAuthority(verifier, BadTokens(auth.bad_tokens), world.monotonic, world.wall_ms, _log_bad_token)


def _only_get(request: Request) -> None:
    if request.method not in ("GET", "HEAD"):
        raise RequestError(405, "Only GET and HEAD are answered here.", (("Allow", "GET, HEAD"),))


def _describe(listener: socket) -> str:
    """Return the address of a listening socket, for people."""
    name = listener.getsockname()
    if listener.family == AF_UNIX:
        return f"unix:{name}"
    host, port = name[0], name[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _explain(config: Config, error: OSError) -> str:
    """Say why it cannot listen, and what to do."""
    server = config.server
    where = server.unix or (f"file descriptor {server.fd}" if server.fd is not None else f"{server.host}:{server.port}")
    advice = {
        "EADDRINUSE": "Another program listens there; stop it, or choose another port with --port (0: a free one).",
        "EACCES": "It is not allowed to; ports below 1024 need privileges, choose another with --port.",
        "EADDRNOTAVAIL": "This machine has no such address; --host 127.0.0.1 and --host 0.0.0.0 always exist.",
    }.get(errno.errorcode.get(error.errno or 0, ""), "Check --host, --port, --unix and --fd.")
    return f"cannot listen on {where}: {error.strerror or error}. {advice}"


def _fail(sentence: str) -> int:
    print(f"wsserver: error: {sentence}", file=sys.stderr)
    return EXIT_FAILED


def _report_crash(error: Exception) -> None:
    _LOG.exception("crash", "A rule of our own was broken; the client it happened to is closed.", error)


def _log_exhausted(error: OSError) -> None:
    _LOG.warning("accept_failed", "No file descriptors are left; accepting again in a moment.", error=str(error))


def _log_bad_token(address: str, reason: str) -> None:
    _LOG.info("bad_token", "A client showed a token that is not good.", address=address, cause=reason)


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
