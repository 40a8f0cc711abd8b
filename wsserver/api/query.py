"""The query of a request (`?after=7&limit=50`): texts and numbers by name, judged one by one.

Written as forms are (`+` is a space). A parameter that is empty counts as left out; one that comes twice is refused,
since two readers could choose differently. Parameters that nobody asks for are ignored.

Read next: `lists.py`, which asks.
"""

import re
from typing import Final
from urllib.parse import parse_qsl

from wsserver.api.answers import ApiError, bad_field
from wsserver.http.request import Request

PARAMETERS: Final = 20
"""Nothing here takes more than four."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,15}")
"""Fifteen digits are exact in every language; no seq will ever have more."""


class Query:
    """The parameters of one request."""

    __slots__ = ("_values",)

    def __init__(self, request: Request) -> None:
        """Raises ApiError 400."""
        try:
            pairs = parse_qsl(request.query, errors="strict", max_num_fields=PARAMETERS)
        except UnicodeDecodeError:
            raise ApiError(400, "The query is not UTF-8 when decoded.") from None
        except ValueError:
            raise ApiError(400, f"The query has more than {PARAMETERS} parameters.") from None
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name in self._values:
                raise bad_field(name[:64], "stands there twice")
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """Return a parameter as it came, None when there is none."""
        return self._values.get(name)

    def integer(self, name: str) -> int | None:
        """Return a parameter that is a whole number. Raises ApiError 400."""
        value = self._values.get(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise bad_field(name, "must be a whole number")
        return int(value)

    def count(self, name: str, default: int, most: int) -> int:
        """Return a parameter that says how many are wanted, cut to `most`. Raises ApiError 400."""
        value = self.integer(name)
        if value is None:
            return default
        if value < 0:
            raise bad_field(name, "must not be negative")
        return min(value, most)
