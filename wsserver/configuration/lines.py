"""Where in a TOML file does a key stand? The standard library's reader does not say, and people want the line.

A line's key or header is handed to the same reader, alone, so quoting and dots mean what they mean there. Lines that
are the inside of a longer value mostly do not parse as a key and are passed over; at worst an error names a line that
only looks like the right one.

Read next: `sources.py`.
"""

import tomllib
from collections.abc import Mapping
from typing import Any


def find_lines(text: str) -> Mapping[tuple[str, ...], int]:
    """Return the number (from 1) of the line where each table and key of a TOML text begins, by its path."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: to TOML, U+2028 and its like end no line
        stripped = line.strip()
        if stripped.startswith("["):
            path = _path_of(stripped)
            if path:
                table = path
                found.setdefault(path, number)
        elif "=" in stripped:
            path = _path_of(_key_of(stripped) + "=0")
            if path:
                found.setdefault(table + path, number)
    return found


def _key_of(line: str) -> str:
    """Return what stands before the first "=" that is outside of quotes."""
    quote = ""
    for index, character in enumerate(line):
        if character in "\"'" and quote in ("", character):
            quote = "" if quote else character
        elif character == "=" and not quote:
            return line[:index]
    return line


def _path_of(line: str) -> tuple[str, ...]:
    """Return the path that a lone header or key opens, () when the line is neither."""
    try:
        value: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(value, dict) and value:
        [(key, value)] = value.items()
        path.append(key)
        value = value[0] if isinstance(value, list) and value else value
    return tuple(path)
