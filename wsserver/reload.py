"""What of a changed configuration a running server takes on, and what has to wait for its next start. Pure.

Read next: `server.py`, which takes it on.
"""

from dataclasses import replace
from typing import Any, Final, NamedTuple

from wsserver.config import Config
from wsserver.configuration.settings import CHANNELS, SECTIONS, settings_of

LIVE: Final = frozenset(
    (
        *("log.level", "log.format", "server.origins", "server.hosts", "server.drain", "server.worker_timeout"),
        "limits.rate",
    )
)
"""What is asked for at the moment of use, and held nowhere by those who are connected. A client keeps its rate."""


class Changes(NamedTuple):
    """Names of settings, in the order of the file."""

    live: tuple[str, ...]
    later: tuple[str, ...]
    """Those that a restart is needed for."""


def compare(before: Config, after: Config) -> Changes:
    """Say which settings differ."""
    changed = [
        f"{section}.{key}"
        for section, kind in SECTIONS.items()
        for key in settings_of(kind)
        if getattr(getattr(before, section), key) != getattr(getattr(after, section), key)
    ]
    if before.channels != after.channels:
        changed.append(CHANNELS)
    live = tuple(name for name in changed if name in LIVE)
    return Changes(live, tuple(name for name in changed if name not in LIVE))


def replace_live(before: Config, after: Config) -> Config:
    """Return `before` with the live settings of `after`: what is in force once they are taken on."""
    sections: dict[str, Any] = {}
    for name in LIVE:
        section, _, key = name.partition(".")
        value = getattr(getattr(after, section), key)
        sections[section] = replace(sections.get(section, getattr(before, section)), **{key: value})
    return replace(before, **sections)
