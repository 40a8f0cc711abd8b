"""Every setting there is: its kind, its default, and the reason of that default, which `wsserver config` prints.

A section is a frozen dataclass, an attribute is a key of the file: `config.websocket.max_message` is `max_message` in
`[websocket]`. Durations are seconds, sizes bytes. A number without a reason has no business here.

A setting whose part this version does not have yet can be written down, but takes only the values named by `only`: one
that cannot be honoured is refused, never ignored.

Read next: `sources.py`, which finds the values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from wsserver.configuration.kinds import (
    BrokerUrl,
    Choice,
    Count,
    CountOrAuto,
    Duration,
    Flag,
    HostPort,
    Kind,
    Names,
    Networks,
    Rate,
    Size,
    StoreUrl,
    Text,
)
from wsserver.http.forwarded import FORWARDED, X_FORWARDED_FOR
from wsserver.net.outbox import QUEUE_POLICIES
from wsserver.reactor.poller import available_pollers

_BEST_POLLER: Final = next(iter(available_pollers()))


class Setting(NamedTuple):
    """What is known of one key."""

    kind: Kind
    reason: str
    only: tuple[object, ...] | None
    """The values that this version can honour; None when it can honour all of its kind."""
    secret: bool = False
    """Its value is shown to nobody: not in the printed configuration, not in an error, not in a trace."""


def setting(
    kind: Kind, default: object, reason: str, only: tuple[object, ...] | None = None, secret: bool = False
) -> Any:
    """Declare a key. `default` is written as in a file, so it is judged by its own kind."""
    known = Setting(kind, reason, only, secret)
    return field(default=kind.parse(default), repr=not secret, metadata={"setting": known})


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where to listen, and for whom."""

    host: str = setting(
        Text("a host name or an address"), "127.0.0.1", "Nobody else reaches a server until you say so."
    )
    port: int = setting(Count(most=65535), 8080, "What nobody needs privileges for; 0 picks a free one.")
    unix: str = setting(Text("a path"), "", "Listen on a Unix socket at this path, in place of host and port.")
    fd: int | None = setting(
        Count(most=2**20, optional=True),
        "",
        "Listen on an inherited socket with this number, in place of host and port.",
    )
    workers: int = setting(
        CountOrAuto(most=256), 1, "One process, one thread: the whole of one core. auto: as many as there are cores."
    )
    pin: bool = setting(
        Flag(), True, "With several workers, each on a core of its own: a process that moves leaves its caches behind."
    )
    handoff: bool = setting(
        Flag(),
        True,
        "With several workers, whoever joins a small channel is handed to the worker where its members are, so that a "
        "message is worked on once. Nobody notices.",
    )
    worker_timeout: float = setting(
        Duration(),
        "30s",
        "A worker that has not answered for so long hangs, and is replaced; the longest work of one that is well takes "
        "seconds. Those who knock do not wait for that: after 2 to 4 s others accept for it. 0: never.",
    )
    admin: str = setting(HostPort(), "", "A second, private port for metrics and the X-ray page; empty: none.")
    tls_cert: str = setting(Text("a path"), "", "Certificate chain, PEM; empty: no TLS.", only=("",))
    tls_key: str = setting(Text("a path"), "", "Its private key, PEM.", only=("",))
    poller: str = setting(
        Choice(("epoll", "poll", "select", "kqueue")),
        _BEST_POLLER,
        "The best this platform has; the others are lessons.",
    )
    static: str = setting(
        Text("a path"), "", "Serve the files of this folder; empty: the page that comes with wsserver."
    )
    drain: float = setting(
        Duration(), "10s", "Reconnects are spread over this time at shutdown, so that they do not come as one herd."
    )
    origins: tuple[str, ...] = setting(
        Names("origins, such as https://example.org"),
        [],
        "Pages from elsewhere that may connect; without it a foreign page could speak as its visitor.",
    )
    hosts: tuple[str, ...] = setting(
        Names("host names, or *"),
        [],
        "Names accepted in Host; empty: the bound address and, on loopback, the loopback names. Stops DNS rebinding.",
    )
    trusted_proxies: tuple[str, ...] = setting(
        Networks(),
        [],
        "Whose word is taken on where a client comes from; anybody else's could name any address. Limits for each "
        "address then count that client, and not the proxy.",
    )
    forwarded_header: str = setting(
        Choice((X_FORWARDED_FOR, FORWARDED)),
        X_FORWARDED_FOR,
        "The header that they write, overwriting or adding to what a client sent; the other one is not read.",
    )
    proxy_protocol: bool = setting(
        Flag(), False, "Each connection of a trusted proxy begins with the PROXY protocol, version 1 or 2."
    )
    keepalive_timeout: float = setting(
        Duration(least_s=0.001), "15s", "How long a plain HTTP connection may idle; a page loads its files within that."
    )
    keepalive_requests: int = setting(
        Count(least=1), 100, "Requests on one plain HTTP connection; then it starts afresh, so none lives for ever."
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is told on standard error."""

    level: str = setting(
        Choice(("debug", "info", "warning", "error")), "info", "Says what the server does, not what clients do."
    )
    format: str = setting(
        Choice(("text", "json")), "text", "Lines for people, or json: one object a line, for machines."
    )


@dataclass(frozen=True, slots=True)
class WebSocketSettings:
    """One connection: what it may send, and how long it may be silent."""

    max_message: int = setting(
        Size(least=1, most=2**30),
        "64KiB",
        "Chat needs least: what others allow by default reaches from 16 KiB to 100 MiB.",
    )
    max_fragments: int = setting(
        Count(least=1), 1024, "Frames in one message; a message in one-byte frames costs far more than its size."
    )
    compression: bool = setting(
        Flag(), False, "permessage-deflate costs memory a client and CPU a message; it pays where links are slow."
    )
    compression_window: int = setting(
        Count(least=9, most=15),
        12,
        "2 to so many bytes, ours and, where they let us choose, our clients'; 15 packs little better.",
    )
    compression_context: str = setting(
        Choice(("none", "client", "both")),
        "client",
        "Whose messages may build on those before them, at 11 to 40 KiB a client; both: 38 to 152 more, and each "
        "broadcast is compressed for each member.",
    )
    ping_interval: float = setting(
        Duration(least_s=0.001), "25s", "Middleboxes forget idle connections after 30 to 60 seconds."
    )
    pong_timeout: float = setting(
        Duration(least_s=0.001),
        "20s",
        "Anything that comes in this time after a ping proves life; a phone may need long.",
    )
    handshake_timeout: float = setting(
        Duration(least_s=0.001), "10s", "For the whole upgrade, not per byte: a slow sender cannot stretch it."
    )
    close_timeout: float = setting(
        Duration(least_s=0.001), "5s", "How long the peer's Close is awaited; a peer that is gone never sends one."
    )


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What clients may take of the server; 0 turns a limit off where it says so."""

    connections: int = setting(Count(), 0, "Clients at a time; 0: as many as the limit of file descriptors allows.")
    connections_per_ip: int = setting(
        Count(), 0, "Clients of one address; 0: off, since whole offices and balancers share one."
    )
    handshakes_per_ip: float = setting(
        Rate(),
        0,
        "New connections a second from one address, ten seconds' worth at once; 0: off, since behind a proxy all "
        "have one.",
    )
    rate: float = setting(
        Rate(), 50, "Messages a second from one client, twice that at once; no person types that fast. 0: off."
    )
    inflate: int = setting(
        Size(),
        "4MiB",
        "Bytes a second that one client's compressed messages may come to, and 64 of the largest at once, else it "
        "waits: a few bytes can say thousands. 0: off.",
    )
    queue: int = setting(
        Size(least=1024), "1MiB", "Bytes waiting for one client; past it the reader is too slow to wait for."
    )
    queued: int = setting(
        Size(),
        "256MiB",
        "Bytes waiting for all clients together, what is shared counted once; above it the largest queues go. 0: off.",
    )
    queue_policy: str = setting(
        Choice(QUEUE_POLICIES), "close", "What then happens: a closed client knows that it must recover what it missed."
    )
    channels_per_client: int = setting(
        Count(least=1), 128, "Channels one client may be in; each costs memory and announcements."
    )
    memory: int = setting(Size(), 0, "Above this resident size new clients get 503 and the slowest readers go; 0: off.")


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Channels and what they remember."""

    history: int = setting(Count(most=10**9), 10000, "Messages kept of a channel: weeks of talk; 0: none are kept.")
    history_age: float = setting(
        Duration(most_s=100 * 365 * 86400.0), "0s", "A message in a file is deleted soon after; 0: none is too old."
    )
    recovery_limit: int = setting(
        Count(), 1000, "Missed messages sent after a reconnect; who missed more is better served with the newest page."
    )
    gather: float = setting(
        Duration(0.0, 0.1),
        0.003,
        "For so long messages that come thick may wait for others; among nodes twice as long. 0s: none ever waits.",
    )


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where messages are kept."""

    url: str = setting(
        StoreUrl(),
        "sqlite:wsserver.db",
        "One file where the server was started, nothing to set up; memory: forgets everything when it stops.",
    )
    durability: str = setting(
        Choice(("process", "power")),
        "process",
        "An acknowledged message survives the death of the process; with power, at the price of the disk's time, "
        "also a power cut.",
    )


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """How several servers talk to each other."""

    url: str = setting(
        BrokerUrl(), "local:", "Nobody but the workers of this server; redis:// joins servers that share a store."
    )
    recent: bool = setting(
        Flag(),
        False,
        "Redis has the newest messages of channels in PostgreSQL: opening one costs the database half, "
        "each message costs Redis more.",
    )


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """Who is there."""

    leave_grace: float = setting(
        Duration(), "5s", "A lost user stays for so long, so that a reload or a tunnel is not announced."
    )
    names: int = setting(
        Count(least=1, most=10000),
        100,
        "Names in one list; with all of them a join to a room of 10,000 stalls everybody.",
    )
    lease: float = setting(
        Duration(least_s=1), "60s", "With Redis: a node that died without a word is forgotten after this time."
    )


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who may say who they are."""

    mode: str = setting(
        Choice(("open", "token")),
        "open",
        "A first run needs no secrets; names are taken on trust. token: every client shows a signed token first.",
    )
    secret: str = setting(
        Text("a secret of at least 32 bytes"),
        "",
        "What tokens are signed with (HS256). Whoever has it can be anybody: best kept in WSSERVER_AUTH_SECRET.",
        secret=True,
    )
    public_key: str = setting(
        Text("a path"),
        "",
        "In place of a secret: a public key, PEM, of somebody else who signs tokens (RSA: RS256, P-256: ES256).",
    )
    audience: str = setting(
        Text("a name"), "", "The name of this server in a token's aud; a token for somebody else is refused."
    )
    timeout: float = setting(
        Duration(least_s=0.001), "10s", "How long a client may stay without a token: it has one ready, or never will."
    )
    bad_tokens: int = setting(
        Count(),
        5,
        "Bad tokens a minute from one address, not counting loopback; then it has to wait. 0: off, as behind a proxy.",
    )


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The HTTP API for other programs."""

    key: str = setting(
        Text("a key"),
        "",
        "What other programs show to use it; without one there is no API. Best kept in WSSERVER_API_KEY.",
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Options of the channels of one pattern: a name, or the beginning of one and `*`."""

    history: int | None = setting(
        Count(most=10**9, optional=True), "", "Messages kept, in place of chat.history; 0: none are."
    )
    queue_policy: str | None = setting(
        Choice(QUEUE_POLICIES, optional=True),
        "",
        "What becomes of its messages in a full queue, in place of limits.queue_policy.",
    )
    join: tuple[str, ...] | None = setting(
        Names("users, or *", optional=True), "", "Who may join; everybody, if nothing is said."
    )
    send: tuple[str, ...] | None = setting(
        Names("users, or *", optional=True), "", "Which members may send; all, if nothing is said."
    )


@dataclass(frozen=True, slots=True)
class Config:
    """The effective configuration: one attribute a section."""

    server: ServerSettings = ServerSettings()
    log: LogSettings = LogSettings()
    websocket: WebSocketSettings = WebSocketSettings()
    limits: LimitSettings = LimitSettings()
    chat: ChatSettings = ChatSettings()
    store: StoreSettings = StoreSettings()
    broker: BrokerSettings = BrokerSettings()
    presence: PresenceSettings = PresenceSettings()
    auth: AuthSettings = AuthSettings()
    api: ApiSettings = ApiSettings()
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    """By pattern. Each option of a channel is taken from the most specific pattern that says anything about it."""


def settings_of(section: object) -> Mapping[str, Setting]:
    """Return the settings of a section (an instance or its class) by key, in the order they are declared."""
    return {entry.name: entry.metadata["setting"] for entry in fields(section)}  # type: ignore[arg-type]


CHANNELS: Final = "channels"
"""The section whose tables are named by patterns: `[channels."news:*"]`."""

SECTIONS: Final[Mapping[str, type]] = {
    entry.name: type(entry.default) for entry in fields(Config) if entry.name != CHANNELS
}
"""The class of each other section, by its name in the file."""
