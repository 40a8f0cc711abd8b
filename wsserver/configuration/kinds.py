"""Kinds of values: how a duration, a size, a list is written, judged and written back.

A value comes as TOML made it (a number, a string, a list) or as a string (environment, command line); both ways lead
through `Kind.parse`. What `Kind.render` writes, `parse` reads back as the same value. A kind knows no setting and no
source: it says what it expects, and the caller says where.

| kind     | written as                        | in Python          |
|----------|-----------------------------------|--------------------|
| Duration | "250ms" "25s" "5m" "1h" "1d" 2.5  | float, seconds     |
| Size     | "64KiB" "1MiB" "1GiB" 65536       | int, bytes         |
| Count    | 1024                              | int                |
| Rate     | 50 0.5                            | float              |
| Flag     | true false                        | bool               |
| Text     | "localhost"                       | str                |
| CountOrAuto | 2 "auto"                       | int                |
| Choice   | "text"                            | str, one of a few  |
| StoreUrl | "memory:" "sqlite:wsserver.db"    | str                |
| Names    | ["a", "b"], or "a,b" in a string  | tuple of str       |
| Networks | ["10.0.0.1", "fd00::/8", "unix"]  | tuple of str       |
| HostPort | "127.0.0.1:9180" "[::1]:9180"     | str                |

Read next: `settings.py`.
"""

import json
import re
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, Final, Protocol

from wsserver.brokers.address import EXPECTED as EXPECTED_BROKER
from wsserver.brokers.address import parse_address as parse_broker
from wsserver.http.forwarded import UNIX
from wsserver.stores.address import EXPECTED, parse_address

AUTO: Final = "auto"

LONGEST_S: Final = 7 * 86400.0
"""Nothing that is waited for means anything past a week, and poll(2) cannot sleep for more than 24 days."""

LARGEST: Final = 2**53 - 1
"""The greatest integer that every JSON and TOML implementation agrees on."""

_DECIMAL: Final = r"[0-9]{1,15}(?:\.[0-9]{1,30})?(?:e-[0-9]{1,2})?"  # whatever repr() makes of a float of ours
_NUMBER: Final = re.compile(_DECIMAL)
_INTEGER: Final = re.compile(r"[0-9]{1,18}")
_DURATION: Final = re.compile(rf"({_DECIMAL})(ms|s|m|h|d)?")
_SIZE: Final = re.compile(r"([0-9]{1,15})(B|KiB|MiB|GiB)?", re.IGNORECASE)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES: Final = {"b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_FLAGS: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


class Kind(Protocol):
    """A way to write a value."""

    @property
    def expected(self) -> str:
        """What a person has to write, to stand behind "expected"."""

    def parse(self, raw: object) -> Any:
        """Turn what was written into the value. Raises ValueError, without a text, when it is not of this kind."""

    def render(self, value: Any) -> str:
        """Write the value as TOML."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time, in seconds; a bare number is seconds too."""

    least_s: float = 0.0
    most_s: float = LONGEST_S

    @property
    def expected(self) -> str:
        least = f" of at least {_render_seconds(self.least_s)}" if self.least_s else ""
        return f'a duration{least}, such as "250ms", "25s", "5m" or "1h"'

    def parse(self, raw: object) -> float:
        match = _DURATION.fullmatch(_written(raw))
        if match is None:
            raise ValueError
        amount, unit = float(match[1]), match[2] or "s"
        # Milliseconds divide: 7 / 1000 is the float nearest to 0.007, 7 * 0.001 is not.
        seconds = amount / 1000 if unit == "ms" else amount * _SECONDS[unit]
        return _within(seconds, self.least_s, self.most_s)

    def render(self, value: float) -> str:
        text = _render_seconds(value)
        return f'"{text}"' if text[-1].isalpha() else text


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes, in powers of 1024 so that nobody has to guess which kilobyte was meant."""

    least: int = 0
    most: int = 2**40

    @property
    def expected(self) -> str:
        return f'a size{_bounds(self.least, self.most, 2**40)}, such as "64KiB", "1MiB" or 65536 (bytes)'

    def parse(self, raw: object) -> int:
        match = _SIZE.fullmatch(_written(raw))
        if match is None:
            raise ValueError
        return int(_within(int(match[1]) * _BYTES[(match[2] or "B").lower()], self.least, self.most))

    def render(self, value: int) -> str:
        for unit in ("GiB", "MiB", "KiB"):
            amount, rest = divmod(value, _BYTES[unit.lower()])
            if amount and not rest:
                return f'"{amount}{unit}"'
        return str(value)


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something. With `optional`, an empty string stands for none at all."""

    least: int = 0
    most: int = LARGEST
    optional: bool = False

    @property
    def expected(self) -> str:
        return f"a whole number{_bounds(self.least, self.most, LARGEST)}"

    def parse(self, raw: object) -> int | None:
        if raw == "" and self.optional:
            return None
        text = _written(raw)
        if _INTEGER.fullmatch(text) is None:
            raise ValueError
        return int(_within(int(text), self.least, self.most))

    def render(self, value: int | None) -> str:
        return '""' if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second."""

    @property
    def expected(self) -> str:
        return "a number a second, such as 50 or 0.5 (0 turns it off)"

    def parse(self, raw: object) -> float:
        text = _written(raw)
        if _NUMBER.fullmatch(text) is None:
            raise ValueError
        return _within(float(text), 0, LARGEST)

    def render(self, value: float) -> str:
        return _render_number(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    @property
    def expected(self) -> str:
        return "true or false"

    def parse(self, raw: object) -> bool:
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, str) or raw.lower() not in _FLAGS:
            raise ValueError
        return _FLAGS[raw.lower()]

    def render(self, value: bool) -> str:
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Text:
    """Any line of text. `meaning` says which."""

    meaning: str

    @property
    def expected(self) -> str:
        return self.meaning

    def parse(self, raw: object) -> str:
        if not isinstance(raw, str) or not _is_line(raw):
            raise ValueError
        return raw

    def render(self, value: str) -> str:
        return _quote(value)


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """Where messages are kept (`stores/address.py`)."""

    @property
    def expected(self) -> str:
        return EXPECTED

    def parse(self, raw: object) -> str:
        if not isinstance(raw, str) or not _is_line(raw):
            raise ValueError
        parse_address(raw)
        return raw

    def render(self, value: str) -> str:
        return _quote(value)


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """Where the other servers are met (`brokers/address.py`)."""

    @property
    def expected(self) -> str:
        return EXPECTED_BROKER

    def parse(self, raw: object) -> str:
        if not isinstance(raw, str) or not _is_line(raw):
            raise ValueError
        parse_broker(raw)
        return raw

    def render(self, value: str) -> str:
        return _quote(value)


@dataclass(frozen=True, slots=True)
class CountOrAuto:
    """A whole number from 1 to `most`, or "auto", which is 0: as many as there are of what is counted."""

    most: int

    @property
    def expected(self) -> str:
        return f"auto, or {Count(1, self.most).expected}"

    def parse(self, raw: object) -> int:
        if isinstance(raw, str) and raw.lower() == AUTO:
            return 0
        return Count(1, self.most).parse(raw) or 0

    def render(self, value: int) -> str:
        return str(value) if value else _quote(AUTO)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; case does not matter. With `optional`, an empty string stands for none of them."""

    words: tuple[str, ...]
    optional: bool = False

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(self.words)

    def parse(self, raw: object) -> str | None:
        if raw == "" and self.optional:
            return None
        if not isinstance(raw, str) or raw.lower() not in self.words:
            raise ValueError
        return raw.lower()

    def render(self, value: str | None) -> str:
        return _quote(value or "")


@dataclass(frozen=True, slots=True)
class Names:
    """A list of texts; a string is cut at its commas. With `optional`, an empty string stands for no list at all."""

    meaning: str
    optional: bool = False
    _item: Text = field(default=Text(""), repr=False)

    @property
    def expected(self) -> str:
        return f"a list of {self.meaning}"

    def parse(self, raw: object) -> tuple[str, ...] | None:
        if raw == "" and self.optional:
            return None
        items = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(items, list | tuple):
            raise ValueError
        return tuple(name for item in items if (name := self._item.parse(item).strip()))

    def render(self, value: tuple[str, ...] | None) -> str:
        return '""' if value is None else f"[{', '.join(map(_quote, value))}]"


@dataclass(frozen=True, slots=True)
class Networks:
    """A list of addresses and networks; "unix" stands for whoever comes through a Unix socket."""

    _names: Names = field(default=Names("addresses"), repr=False)

    @property
    def expected(self) -> str:
        return 'a list of addresses, networks ("10.0.0.0/8") or "unix"'

    def parse(self, raw: object) -> tuple[str, ...]:
        items = self._names.parse(raw) or ()
        for item in items:
            if item != UNIX:
                ip_network(item)
        return items

    def render(self, value: tuple[str, ...]) -> str:
        return self._names.render(value)


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where to listen; an empty string: nowhere."""

    @property
    def expected(self) -> str:
        return "HOST:PORT, such as 127.0.0.1:9180"

    def parse(self, raw: object) -> str:
        if not isinstance(raw, str) or not _is_line(raw):
            raise ValueError
        if raw:
            split_host_port(raw)
        return raw

    def render(self, value: str) -> str:
        return _quote(value)


def split_host_port(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT` or `[::1]:PORT`. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not (colon and bare and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError
    return bare, int(port)


def _written(raw: object) -> str:
    """Return a number or a string as it was written. A bool is no number here, though Python thinks so."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise ValueError
    return raw.strip() if isinstance(raw, str) else _render_number(raw)


def _within(value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        raise ValueError
    return value


def _bounds(least: float, most: float, greatest: float) -> str:
    if most < greatest:
        return f" from {least} to {most}"
    return f" of at least {least}" if least else ""


def _render_number(value: float) -> str:
    return str(int(value)) if value == value // 1 and abs(value) <= LARGEST else repr(value)


def _render_seconds(value: float) -> str:
    """Write a duration in the greatest unit that takes a whole number of it; a bare number of seconds failing that."""
    for unit in ("d", "h", "m", "s"):
        if value >= _SECONDS[unit] and value % _SECONDS[unit] == 0:
            return f"{int(value / _SECONDS[unit])}{unit}"
    if value and round(value * 1000) / 1000 == value:
        return f"{round(value * 1000)}ms"
    return "0s" if value == 0 else _render_number(value)


def _is_line(text: str) -> bool:
    """Tell whether a text is one line that TOML and UTF-8 can carry."""
    return text.isprintable()


def _quote(text: str) -> str:
    """Write a TOML basic string; JSON's escapes are a part of TOML's."""
    return json.dumps(text, ensure_ascii=False)
