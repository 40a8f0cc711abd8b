"""From what people wrote to a `Config`: judges every value, names the nearest key for an unknown one, and the place.

Precedence: flags > environment > file > defaults. Every value is judged, also one that a stronger source overrules: a
mistake in a file is a mistake whatever the flags are.

Read next: `configuration/settings.py`, the list of all settings.
"""

import difflib
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wsserver.configuration.document import render
from wsserver.configuration.errors import ConfigError
from wsserver.configuration.settings import CHANNELS, SECTIONS, ChannelSettings, Config, Setting, settings_of
from wsserver.configuration.sources import Given, from_assignment, from_environment, from_file
from wsserver.reactor.poller import available_pollers

__all__ = ["Config", "ConfigError", "Given", "cautions", "from_assignment", "load", "render"]

_KNOWN: Final = tuple(f"{section}.{key}" for section, kind in SECTIONS.items() for key in settings_of(kind))
_CHANNEL_OPTIONS: Final = tuple(settings_of(ChannelSettings))

_LOOPBACK_NAMES: Final = ("localhost", "ip6-localhost")


def load(file: str = "", environment: Mapping[str, str] | None = None, flags: Iterable[Given] = ()) -> Config:
    """Return the effective configuration. Raises ConfigError, which names the place and what was expected there."""
    given = [*(from_file(file) if file else ()), *from_environment(environment or {}), *flags]
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for entry in given:
        if entry.path[0] == CHANNELS:
            _judge_channel(entry)
        elif not (entry.value == {} and len(entry.path) == 1 and entry.path[0] in SECTIONS):
            section, key = _find(entry)
            values[section][key] = _judge(entry, settings_of(SECTIONS[section])[key])
    config = Config(**{section: kind(**values[section]) for section, kind in SECTIONS.items()})
    _judge_whole(config)
    return config


def cautions(config: Config) -> tuple[str, ...]:
    """Return a sentence for each setting that is allowed and dangerous; they are logged at every start."""
    said = []
    server = config.server
    if not server.unix and server.fd is None and not _is_loopback(server.host):
        said.append(f"Everybody who can reach {server.host} can connect, without TLS and under any name they like.")
    if "*" in server.hosts:
        said.append('server.hosts holds "*": a foreign page can reach this server by DNS rebinding.')
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
        raise ConfigError(
            f"{entry.place}: '{name}' is {_shorten(entry.value)}; expected {setting.kind.expected}"
        ) from None
    if setting.only is not None and value not in setting.only:
        stays = " or ".join(setting.kind.render(possible) for possible in setting.only)
        rest = f"; the only value is {stays}" if stays else ""
        written = setting.kind.render(value)
        raise ConfigError(f"{entry.place}: '{name}' = {written} is not available in this version{rest}")
    return value


def _judge_channel(entry: Given) -> None:
    """Judge an option of a pattern. They are known and checked, and refused: no part honours them yet."""
    if len(entry.path) != 3 or entry.path[2] not in _CHANNEL_OPTIONS:
        if entry.value == {} and len(entry.path) < 3:
            return
        nearest = difflib.get_close_matches(entry.path[-1], _CHANNEL_OPTIONS, n=1, cutoff=0.0)[0]
        name = ".".join(entry.path)
        meant = f'channels."PATTERN".{nearest}'
        raise ConfigError(f"{entry.place}: there is no setting '{name}'; did you mean '{meant}'?")
    _judge(entry, settings_of(ChannelSettings)[entry.path[2]])


def _judge_whole(config: Config) -> None:
    """Judge what no setting can judge alone. Raises ConfigError."""
    server = config.server
    if server.unix and server.fd is not None:
        raise ConfigError("'server.unix' and 'server.fd' are both set; a server listens in one place")
    if server.poller not in available_pollers():
        raise ConfigError(f"this platform has no poller '{server.poller}'; it has {', '.join(available_pollers())}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() in _LOOPBACK_NAMES


def _shorten(value: object) -> str:
    """Show what was written, cut to what fits into a sentence."""
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
