"""Writes a configuration as a TOML file that explains itself: every setting with its reason, good to be read back.

Read next: `settings.py`, where the sentences come from.
"""

from dataclasses import fields
from textwrap import wrap
from typing import Any, Final

from wsserver.configuration.kinds import Kind
from wsserver.configuration.settings import Config, settings_of

_WIDTH: Final = 100

_HEAD: Final = """\
# wsserver configuration. Everything here may be left out; what stands here is in force.
# A flag wins over the environment (WSSERVER_SECTION_KEY), the environment over this file.
"""


def render(config: Config) -> str:
    """Return `config` as TOML with the reason above every key."""
    sections = (_render_section(entry.name, getattr(config, entry.name)) for entry in fields(config))
    return "\n".join([_HEAD, *sections])


def _render_section(name: str, section: Any) -> str:
    lines = [*_comment(type(section).__doc__ or ""), f"[{name}]"]
    defaults = type(section)()
    for key, (kind, reason, only) in settings_of(section).items():
        value, default = getattr(section, key), getattr(defaults, key)
        lines += ["", *_comment(f"{reason} {_explain(kind, only, value, default)}".strip())]
        lines.append(f"{key} = {kind.render(value)}")
    return "\n".join(lines) + "\n"


def _explain(kind: Kind, only: tuple[object, ...] | None, value: object, default: object) -> str:
    """Say what may stand here, and what would without you."""
    sentences = []
    if only is not None:
        sentences.append("No other value is available in this version.")
    if value != default:
        sentences.append(f"The default is {kind.render(default)}.")
    return " ".join(sentences)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)]
