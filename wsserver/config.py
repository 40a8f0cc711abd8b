"""From what people wrote to a `Config`: judges every value, names the nearest key for an unknown one, and the place.

Precedence: flags > environment > file > defaults. Every value is judged, also one that a stronger source overrules: a
mistake in a file is a mistake whatever the flags are.

Read next: `configuration/settings.py`, the list of all settings.
"""

import difflib
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wsserver.access.secret import API_KEY_CHARS, secret_fault
from wsserver.brokers.address import LOCAL
from wsserver.brokers.address import parse_address as parse_broker
from wsserver.chat.names import pattern_fault
from wsserver.configuration.document import render
from wsserver.configuration.errors import ConfigError
from wsserver.configuration.passwords import hide_passwords
from wsserver.configuration.settings import CHANNELS, SECTIONS, ChannelSettings, Config, Setting, settings_of
from wsserver.configuration.sources import Given, from_assignment, from_environment, from_file
from wsserver.reactor.poller import available_pollers
from wsserver.stores.address import SQLITE
from wsserver.stores.address import parse_address as parse_store

__all__ = ["Config", "ConfigError", "Given", "cautions", "from_assignment", "load", "render"]

_KNOWN: Final = tuple(f"{section}.{key}" for section, kind in SECTIONS.items() for key in settings_of(kind))
_CHANNEL_OPTIONS: Final = tuple(settings_of(ChannelSettings))

_LOOPBACK_NAMES: Final = ("localhost", "ip6-localhost")


def load(file: str = "", environment: Mapping[str, str] | None = None, flags: Iterable[Given] = ()) -> Config:
    """Return the effective configuration. Raises ConfigError, which names the place and what was expected there."""
    given = [*(from_file(file) if file else ()), *from_environment(environment or {}), *flags]
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    channels: dict[str, dict[str, Any]] = {}
    for entry in given:
        if entry.path[0] == CHANNELS:
            _take_channel(entry, channels)
        elif not (entry.value == {} and len(entry.path) == 1 and entry.path[0] in SECTIONS):
            section, key = _find(entry)
            values[section][key] = _judge(entry, settings_of(SECTIONS[section])[key])
    config = Config(
        **{section: kind(**values[section]) for section, kind in SECTIONS.items()},
        channels={pattern: ChannelSettings(**options) for pattern, options in channels.items()},
    )
    _judge_whole(config)
    return config


def cautions(config: Config) -> tuple[str, ...]:
    """Return a sentence for each setting that is allowed and dangerous; they are logged at every start."""
    said = []
    server = config.server
    if not server.unix and server.fd is None and not _is_loopback(server.host):
        names = "under any name they like" if config.auth.mode == "open" else "and tokens can be read on their way"
        said.append(f"Everybody who can reach {server.host} can connect, without TLS, {names}.")
    if config.auth.mode == "open" and any(_names_users(options) for options in config.channels.values()):
        said.append("Some channels are only for some users, but auth.mode is open: anybody may use their names.")
    if "*" in server.hosts:
        said.append('server.hosts holds "*": a foreign page can reach this server by DNS rebinding.')
    if 0 < len(config.api.key) < API_KEY_CHARS:
        said.append(f"api.key has fewer than {API_KEY_CHARS} characters: it can be guessed.")
    if not config.limits.rate:
        said.append("limits.rate is 0: one client may keep the server busy alone.")
    return tuple(said)


def _find(entry: Given) -> tuple[str, str]:
    """Return the section and key that a path names. Raises ConfigError, with the nearest that exists."""
    name = ".".join(entry.path)
    if entry.path[0] in SECTIONS and len(entry.path) == 1:
        raise ConfigError(f"{entry.place}: '{name}' is a section; write [{name}] and its keys below")
    if name not in _KNOWN:
        raise ConfigError(f"{entry.place}: there is no setting '{name}'; did you mean '{_nearest(entry.path)}'?")
    return entry.path[0], entry.path[1]


def _nearest(path: tuple[str, ...]) -> str:
    """Return the known setting that looks most like an unknown one: the same key elsewhere first, then by likeness."""
    namesakes = [name for name in _KNOWN if name.partition(".")[2] == path[-1]]
    return difflib.get_close_matches(".".join(path), namesakes or _KNOWN, n=1, cutoff=0.0)[0]


def _judge(entry: Given, setting: Setting) -> Any:
    """Turn what was written into the value. Raises ConfigError when it is not of the kind, or not available yet."""
    name = ".".join(entry.path)
    try:
        value = setting.kind.parse(entry.value)
    except ValueError:
        written = "no good" if setting.secret else _shorten(entry.value)
        raise ConfigError(f"{entry.place}: '{name}' is {written}; expected {setting.kind.expected}") from None
    if setting.only is not None and value not in setting.only:
        stays = " or ".join(setting.kind.render(possible) for possible in setting.only)
        rest = f"; the only value is {stays}" if stays else ""
        written = "..." if setting.secret else setting.kind.render(value)
        raise ConfigError(f"{entry.place}: '{name}' = {written} is not available in this version{rest}")
    return value


def _take_channel(entry: Given, channels: dict[str, dict[str, Any]]) -> None:
    """Judge an option of a pattern and put it into `channels`."""
    if len(entry.path) != 3 or entry.path[2] not in _CHANNEL_OPTIONS:
        if entry.value == {} and len(entry.path) < 3:
            return
        nearest = difflib.get_close_matches(entry.path[-1], _CHANNEL_OPTIONS, n=1, cutoff=0.0)[0]
        name = ".".join(entry.path)
        meant = f'channels."PATTERN".{nearest}'
        raise ConfigError(f"{entry.place}: there is no setting '{name}'; did you mean '{meant}'?")
    _, pattern, key = entry.path
    fault = pattern_fault(pattern)
    if fault:
        raise ConfigError(
            f"{entry.place}: a pattern of channels is a name, or the beginning of one and *; its name {fault}"
        )
    channels.setdefault(pattern, {})[key] = _judge(entry, settings_of(ChannelSettings)[key])


def _names_users(options: ChannelSettings) -> bool:
    return any(users is not None and "*" not in users for users in (options.join, options.send))


def _judge_whole(config: Config) -> None:
    """Judge what no setting can judge alone. Raises ConfigError."""
    server = config.server
    if server.unix and server.fd is not None:
        raise ConfigError("'server.unix' and 'server.fd' are both set; a server listens in one place")
    if server.proxy_protocol and not server.trusted_proxies:
        raise ConfigError("'server.proxy_protocol' is set and 'server.trusted_proxies' names nobody who may speak it")
    _judge_sharing(config)
    auth = config.auth
    if auth.secret and auth.public_key:
        raise ConfigError("'auth.secret' and 'auth.public_key' are both set; tokens are signed in one way")
    fault = secret_fault(auth.secret) if auth.secret else None
    if fault:
        raise ConfigError(f"'auth.secret' {fault}")
    if server.poller not in available_pollers():
        raise ConfigError(f"this platform has no poller '{server.poller}'; it has {', '.join(available_pollers())}")


def _judge_sharing(config: Config) -> None:
    """Servers that talk to each other have one log, or everybody would see another one. Raises ConfigError."""
    url = config.store.url
    if parse_broker(config.broker.url).kind == LOCAL or parse_store(url).kind != SQLITE:
        return
    raise ConfigError(
        f"servers that share 'broker.url' cannot share the file of 'store.url' = \"{url}\"; give --store "
        "postgresql://..., which keeps messages, or --store memory:, where Redis keeps them as long as it lives"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() in _LOOPBACK_NAMES


def _shorten(value: object) -> str:
    """Show what was written, cut to what fits into a sentence, and without passwords."""
    text = hide_passwords(f'"{value}"' if isinstance(value, str) else str(value))
    return text if len(text) <= 60 else text[:57] + "..."
