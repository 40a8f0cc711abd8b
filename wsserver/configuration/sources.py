"""Where values come from: a file, the environment, the command line. Finds them and says where; judges nothing.

| source       | written as                             | place in an error                    |
|--------------|----------------------------------------|--------------------------------------|
| file (TOML)  | [websocket]  max_message = "64KiB"     | wsserver.toml:7                      |
| environment  | WSSERVER_WEBSOCKET_MAX_MESSAGE=64KiB   | environment variable WSSERVER_...    |
| command line | --set websocket.max_message=64KiB      | --set websocket.max_message          |

Read next: `wsserver/config.py`, which judges them in this order, later ones winning.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from wsserver.configuration.errors import ConfigError
from wsserver.configuration.lines import find_lines
from wsserver.configuration.settings import CHANNELS

PREFIX: Final = "WSSERVER_"

_NOT_OURS: Final = re.compile(r"WSSERVER_(SERVICE_(HOST|PORT.*)|PORT(_.*)?)")
"""What Kubernetes puts into the environment of every container beside a service that is called "wsserver"."""


class Given(NamedTuple):
    """A value that somebody wrote down. An empty table is a path with the value {}."""

    path: tuple[str, ...]
    value: object
    place: str


def from_file(path: str) -> list[Given]:
    """Read a TOML file. Raises ConfigError when it cannot be read or is not TOML."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_place_syntax_error(path, str(error), text)) from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply") from None
    lines = find_lines(text)
    return [Given(keys, value, _place(path, keys, lines)) for keys, value in _flatten(document, ())]


def from_environment(environment: Mapping[str, str]) -> list[Given]:
    """Read `WSSERVER_SECTION_KEY` variables. An empty one counts as not set."""
    given = []
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIX) and value and not _NOT_OURS.fullmatch(name):
            section, _, key = name.removeprefix(PREFIX).lower().partition("_")
            given.append(Given((section, key) if key else (section,), value, f"environment variable {name}"))
    return given


def from_assignment(assignment: str) -> Given:
    """Read one `section.key=value` of the command line. Raises ConfigError when it is none."""
    name, equals, value = assignment.partition("=")
    path = tuple(part.strip() for part in _split_name(name))
    if not equals or len(path) < 2 or not all(path):
        raise ConfigError(f"--set {assignment}: expected section.key=value, such as websocket.max_message=64KiB")
    return Given(path, value.strip(), f"--set {name.strip()}")


def _split_name(name: str) -> tuple[str, ...]:
    """Cut `section.key`, and `channels.PATTERN.key` where the pattern may hold dots and stand in quotes."""
    section, _, rest = name.strip().partition(".")
    pattern, dot, key = rest.rpartition(".")
    if section == CHANNELS and dot:
        return section, pattern.strip("\"'"), key
    return section, rest


def _flatten(table: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, (*path, key))
        else:
            yield (*path, key), value


def _place(file: str, path: tuple[str, ...], lines: Mapping[tuple[str, ...], int]) -> str:
    """Name the line of a key; failing that, of the nearest table around it; failing that, the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return f"{file}:{lines[path[:length]]}"
    return file


def _place_syntax_error(file: str, message: str, text: str) -> str:
    """Turn "Expected '=' after a key (at line 3, column 5)" into "FILE:3: Expected '=' after a key (column 5)"."""
    match = re.search(r" \(at line (\d+), (column \d+)\)$", message)
    if match:
        return f"{file}:{match[1]}: {message[: match.start()]} ({match[2]})"
    return f"{file}:{text.count(chr(10)) + 1}: {message}"
