"""What the settings mean for each part of a server: limits, codecs, who judges tokens. It builds values, wires nothing.

Read next: `server.py`, which wires them.
"""

from pathlib import Path
from typing import Final

from wsserver.access.authority import BadTokens, TokenAuthority
from wsserver.access.secret import MISSING_LIBRARY
from wsserver.chat.authority import Authority
from wsserver.chat.codec import Codec
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.router import JSON_SUBPROTOCOL
from wsserver.chat.settings import ChatSettings
from wsserver.clients.limits import ClientLimits
from wsserver.config import Config, ConfigError
from wsserver.http.forwarded import TrustedProxies
from wsserver.observe import logs
from wsserver.reactor.poller import SELECT_FD_LIMIT
from wsserver.reactor.world import World
from wsserver.websocket.deflate import Terms

SPARE_FDS: Final = 256
"""File descriptors that clients may not have: for listeners, files of the page, refusals, and a batch of accepts."""

_LOG: Final = logs.get("server")


def connections(config: Config, fd_limit: int) -> int:
    """Return how many clients there may be: as configured, as far as there are file descriptors for them."""
    if config.server.poller == "select":
        fd_limit = min(fd_limit, SELECT_FD_LIMIT)
    # Where there are few, every fourth and the 16 that an idle server has open: some clients are better than none.
    possible = max(1, fd_limit - min(SPARE_FDS, 16 + fd_limit // 4))
    return min(config.limits.connections or possible, possible)


def client_limits(config: Config) -> ClientLimits:
    """Return what bounds one client."""
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


def proxies(config: Config) -> TrustedProxies | None:
    """Return whose word is taken on where clients come from; None: nobody's."""
    server = config.server
    if not server.trusted_proxies:
        return None
    return TrustedProxies(server.trusted_proxies, server.forwarded_header, server.proxy_protocol, _log_bad_forwarded)


def compression(config: Config) -> Terms | None:
    """Return what we agree on of permessage-deflate; None when it is off."""
    websocket = config.websocket
    context = websocket.compression_context
    if not websocket.compression:
        return None
    return Terms(websocket.compression_window, client_context=context != "none", server_context=context == "both")


def codecs() -> dict[str, Codec]:
    """Return what can be spoken on /chat, by subprotocol: protobuf only where its package is installed."""
    codecs: dict[str, Codec] = {JSON_SUBPROTOCOL: JsonCodec()}
    try:
        from wsserver.chat.codec_protobuf import SUBPROTOCOL, ProtobufCodec
    except ImportError:
        return codecs
    return {**codecs, SUBPROTOCOL: ProtobufCodec()}


def chat_settings(config: Config) -> ChatSettings:
    """Return what the chat wants to know."""
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


def authority(config: Config, world: World) -> Authority | None:
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


def _log_bad_token(address: str, reason: str) -> None:
    _LOG.info("bad_token", "A client showed a token that is not good.", address=address, cause=reason)


def _log_bad_forwarded(address: str, value: str) -> None:
    _LOG.warning(
        "bad_forwarded",
        "A trusted proxy does not say where its clients come from, or not as configured. Told once.",
        address=address,
        value=value,
    )
