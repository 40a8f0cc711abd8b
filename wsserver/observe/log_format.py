"""How one log record is written: a line for people, or a line of JSON. Pure: no clock, no file.

What comes from a peer may hold anything, so whatever is not printable is escaped (a log line can neither begin a second
one nor recolour a terminal), and a value is cut at 200 characters.

    2026-03-01T12:00:00.250Z WARNING listener accept_failed: No file descriptors are left. errno=24 rest_s=0.25

Read next: `logs.py`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

VALUE_LIMIT: Final = 200
"""Characters of one value: enough for a URL or a reason, too few to fill a disk with."""

TRACE_LIMIT: Final = 2400
"""Characters of a trace, from its end: the innermost frames are the ones that say something."""

LINE_LIMIT: Final = 4096
"""Bytes of one line. PIPE_BUF on Linux: so much is written to a pipe whole or not at all (pipe(7))."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/@+*\-\[\]]+")


@dataclass(frozen=True, slots=True)
class Record:
    """What is to be told. `wall_ms` is milliseconds since 1970; `kind` names the event, `sentence` is for a person."""

    wall_ms: int
    level: str
    source: str
    kind: str
    sentence: str
    fields: Mapping[str, object]
    trace: str = ""


Format = Callable[[Record], bytes]
"""Writes a record as one line (a trace adds some), newline included, of at most LINE_LIMIT bytes."""


def format_text(record: Record) -> bytes:
    """Write a record for people, UTF-8."""
    head = f"{_timestamp(record.wall_ms)} {record.level.upper()} {record.source} {record.kind}: "
    head += _escape(_cut(record.sentence))
    fields = "".join(f" {name}={_quote(_cut(str(value)))}" for name, value in record.fields.items())
    trace = "".join(f"\n  | {_escape(line)}" for line in record.trace[-TRACE_LIMIT:].splitlines())
    return _first_that_fits(f"{head}{fields}{trace}\n", f"{head}{fields} (the trace is too long)\n", f"{head} (cut)\n")


def format_json(record: Record) -> bytes:
    """Write a record for machines: one object, ASCII. The names `ts`, `level`, `source`, `kind`, `message` are ours."""
    own = {
        "ts": _timestamp(record.wall_ms),
        "level": record.level,
        "source": record.source,
        "kind": record.kind,
        "message": _cut(record.sentence),
    }
    fields = {name: _to_json(value) for name, value in record.fields.items()}
    trace = {"trace": record.trace[-TRACE_LIMIT:]} if record.trace else {}
    return _first_that_fits(
        _dump({**fields, **trace, **own}), _dump({**fields, "cut": True, **own}), _dump({"cut": True, **own})
    )


def _first_that_fits(*candidates: str) -> bytes:
    for candidate in candidates:
        line = candidate.encode()
        if len(line) <= LINE_LIMIT:
            return line
    return line[: LINE_LIMIT - 1] + b"\n"


def _dump(value: Mapping[str, object]) -> str:
    """Encode as ASCII JSON. It leaves DEL as it is, which can only stand inside a string."""
    return json.dumps(value).replace("\x7f", "\\u007f") + "\n"


def _to_json(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and value - value == 0:  # not infinite and not a NaN, which JSON does not have
        return value
    return _cut(str(value))


def _timestamp(wall_ms: int) -> str:
    moment = datetime.fromtimestamp(wall_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LIMIT else text[: VALUE_LIMIT - 1] + "…"


def _quote(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else '"' + _escape(text).replace('"', '\\"') + '"'


def _escape(text: str) -> str:
    """Replace whatever is not printable (CR, LF, ESC, DEL, U+2028, lone surrogates) and the backslash itself."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_escape_character(character) for character in text)


def _escape_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
