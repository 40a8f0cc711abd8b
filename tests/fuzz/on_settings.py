"""What is demanded of the reader of the configuration, whatever people write."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache

from wsserver.config import Config, ConfigError, Given, from_assignment, load, render
from wsserver.configuration.settings import SECTIONS, settings_of
from wsserver.configuration.sources import from_environment


def assignments(data: bytes) -> None:
    """Lines of `section.key=value`: a configuration or a sentence, the same for a flag and for the environment."""
    said = [line.decode("utf-8", "surrogateescape") for line in data.split(b"\n")]
    try:
        given = [from_assignment(line) for line in said if line]
        config = load(flags=given)
    except ConfigError as error:
        assert str(error)
        return
    _check_round_trip(config)
    names = {"WSSERVER_" + "_".join(entry.path).upper(): str(entry.value) for entry in given}
    if all(entry.path[0] != "channels" and entry.value for entry in given):
        assert load(flags=from_environment(names)) == config


def toml(data: bytes) -> None:
    """A file: a configuration, or a sentence that names a line that the file has."""
    path, fd = _file()
    os.ftruncate(fd, 0)
    os.pwrite(fd, data, 0)
    try:
        _check_round_trip(load(path))
    except ConfigError as error:
        place, _, rest = str(error).removeprefix(path).partition(" ")
        line = place.strip(":")
        if str(error).startswith(path + ":") and line:
            _check_line(data.decode("utf-8-sig").split("\n"), int(line), rest)


def _check_line(lines: list[str], number: int, complaint: str) -> None:
    """The line exists; and if the key that the complaint names stands in one line only, it is that line."""
    assert complaint and 1 <= number <= len(lines)
    named = re.match(r"(?:there is no setting )?'(?:\w+\.)*(\w+)'", complaint)
    if named and not any(character in "".join(lines) for character in "\"'\\"):
        places = [index for index, line in enumerate(lines, 1) if named[1] in line]
        assert len(places) != 1 or number == places[0]


@cache
def _file() -> tuple[str, int]:
    """Return the path and number of a file that is nowhere."""
    fd = os.memfd_create("wsserver.toml")
    return f"/proc/self/fd/{fd}", fd


def _check_round_trip(config: Config) -> None:
    """What is written as a file is the same configuration when it is read, but for the secrets, which are not shown."""
    text = render(config)
    secrets = list(_secrets(config))
    assert not any(len(str(secret.value)) > 20 and str(secret.value) in text for secret in secrets)
    assert load(flags=[*_flatten(tomllib.loads(text)), *secrets]) == config


def _secrets(config: Config) -> Iterator[Given]:
    for section, kind in SECTIONS.items():
        for key, known in settings_of(kind).items():
            value = getattr(getattr(config, section), key)
            if known.secret and value:
                yield Given((section, key), value, "here")


def _flatten(table: Mapping[str, object], path: tuple[str, ...] = ()) -> Iterator[Given]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, (*path, key))
        else:
            yield Given((*path, key), value, "here")
