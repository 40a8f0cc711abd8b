"""Judges the names of channels, topics and users: one rule for all three (`docs/protocol.md`, names).

It judges bytes as they are and normalises nothing: whether two names that look alike are the same is a question for
people, and a key that was changed on the way is how permission checks get bypassed.

Read next: `errors.py` for what comes out when a name is bad.
"""

import re
from typing import Final

from wsserver.chat.errors import ChatError

NAME_BYTES: Final = 255
"""A file name is as long on every file system; an index entry in any database is far shorter than its limit."""

# Control characters: C0, DEL and C1, which a terminal may obey. `*` is left for patterns.
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f*]")


def name_fault(name: str) -> str | None:
    """Return what is wrong with `name`, as the end of a sentence, or None when it is good."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:  # half a surrogate pair: JSON cannot bring one in, an embedding program can
        return "must be valid Unicode"
    if not 1 <= size <= NAME_BYTES:
        return f"must be 1 to {NAME_BYTES} bytes of UTF-8"
    if _FORBIDDEN.search(name):
        return "must contain no control characters and no *"
    if name != name.strip():
        return "must not begin or end with a space"
    return None


def judge_channel(name: str) -> None:
    """Let a good channel name pass; raise ChatError `bad_channel` for any other."""
    fault = name_fault(name)
    if fault:
        raise ChatError("bad_channel", f"The channel name {fault}.")


def judge_name(name: str, field: str) -> None:
    """Let a good name pass; raise ChatError `bad_message` that names `field` for any other."""
    fault = name_fault(name)
    if fault:
        raise ChatError("bad_message", f"`{field}` {fault}.")


def judge_pattern(pattern: str) -> None:
    """Let what one may subscribe to pass: a topic, or the beginning of one (also an empty one) and `*`."""
    if pattern != "*":
        judge_name(pattern.removesuffix("*"), "topic")


def pattern_fault(pattern: str) -> str | None:
    """Return what is wrong with a pattern of names (a name, or the beginning of one, also an empty one, and `*`)."""
    return None if pattern == "*" else name_fault(pattern.removesuffix("*"))


def pattern_covers(pattern: str, name: str) -> bool:
    """Tell whether a good pattern means `name`."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def judge_text(text: str, field: str) -> None:
    """Let a text pass that every store can keep; raise ChatError `bad_message` for any other.

    PostgreSQL refuses U+0000 in text, and would refuse the whole batch of a turn with it.
    """
    if "\0" in text:
        raise ChatError("bad_message", f"`{field}` must not contain the character U+0000.")
