"""Writes a configuration as a TOML file that explains itself: every setting with its reason, good to be read back.

Read next: `settings.py`, where the sentences come from.
"""

from textwrap import wrap
from typing import Any, Final

from wsserver.configuration.kinds import Text
from wsserver.configuration.passwords import HIDDEN, hide_passwords
from wsserver.configuration.settings import CHANNELS, SECTIONS, ChannelSettings, Config, Setting, settings_of

_WIDTH: Final = 100

_HEAD: Final = """\
# wsserver configuration. Everything here may be left out; what stands here is in force.
# A flag wins over the environment (WSSERVER_SECTION_KEY), the environment over this file.
"""

_CHANNELS_HEAD: Final = """\
# Channels with options of their own, by pattern: a name, or the beginning of one and *. Each option
# is taken from the most specific pattern that says anything about it: the name itself, then the
# longest beginning. For example:
#
# [channels."news:*"]
# history = 100                  # messages kept, in place of chat.history; 0: none are
# queue_policy = "drop-oldest"   # for its messages in a full queue, in place of limits.queue_policy
# join = ["*"]                   # who may join: users, or * for everybody
# send = ["ann", "bob"]          # which members may send
"""


def render(config: Config) -> str:
    """Return `config` as TOML with the reason above every key."""
    sections = (_render_section(name, getattr(config, name)) for name in SECTIONS)
    channels = (_render_channels(pattern, config.channels[pattern]) for pattern in config.channels)
    return "\n".join([_HEAD, *sections, _CHANNELS_HEAD, *channels])


def _render_section(name: str, section: Any) -> str:
    lines = [*_comment(type(section).__doc__ or ""), f"[{name}]"]
    defaults = type(section)()
    for key, known in settings_of(section).items():
        value, default = getattr(section, key), getattr(defaults, key)
        lines += ["", *_comment(f"{known.reason} {_explain(known, value, default)}".strip())]
        lines.append(_render_setting(key, known, value, default))
    return "\n".join(lines) + "\n"


def _render_setting(key: str, known: Setting, value: Any, default: Any) -> str:
    """Write the line, as a comment if something of it must not be shown: the file is good without it."""
    if known.secret and value != default:
        return f"# {key} = {known.kind.render(HIDDEN)}"
    if _holds_password(value):
        return f"# {key} = {known.kind.render(hide_passwords(value))}"
    return f"{key} = {known.kind.render(value)}"


def _holds_password(value: object) -> bool:
    return isinstance(value, str) and hide_passwords(value) != value


def _render_channels(pattern: str, options: ChannelSettings) -> str:
    lines = [f"[{CHANNELS}.{Text('').render(pattern)}]"]
    for key, known in settings_of(options).items():
        value = getattr(options, key)
        if value is not None:
            lines.append(f"{key} = {known.kind.render(value)}")
    return "\n".join(lines) + "\n"


def _explain(known: Setting, value: object, default: object) -> str:
    """Say what may stand here, and what would without you."""
    sentences = []
    if known.only is not None:
        sentences.append("No other value is available in this version.")
    if value != default and known.secret:
        sentences.append("It is set, and not shown here.")
    elif _holds_password(value):
        sentences.append("It is set, and its password is not shown here.")
    elif value != default:
        sentences.append(f"The default is {known.kind.render(default)}.")
    return " ".join(sentences)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)]
