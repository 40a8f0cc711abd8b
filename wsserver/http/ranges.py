"""A single byte range (RFC 9110 section 14): which part of a file is asked for.

Several ranges in one request are answered with the whole file, which is allowed and cannot be abused to have us send
the same bytes a thousand times.

Read next: `static.py`.
"""

import re
from typing import Final

_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)", re.IGNORECASE)

_DIGITS: Final = 18
_HUGE: Final = 10**_DIGITS
"""Larger than any file. Numbers of more digits are not converted: the time for that grows with their square."""


class UnsatisfiableRange(Exception):
    """None of the bytes that were asked for exist."""


def choose_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, stop) of the bytes that a Range header asks for, or None for the whole file.

    A header that is not one range in bytes is ignored, as RFC 9110 section 14.2 allows. Raises UnsatisfiableRange.
    """
    match = _RANGE.fullmatch(header) if header is not None else None
    if match is None:
        return None
    first, last = match.groups()
    if first:
        return _from_first(_number(first), _number(last) if last else _HUGE, size)
    return _from_end(_number(last), size) if last else None


def _from_first(first: int, last: int, size: int) -> tuple[int, int] | None:
    if last < first:
        return None  # no range at all
    if first >= size:
        raise UnsatisfiableRange
    return first, min(last + 1, size)


def _from_end(count: int, size: int) -> tuple[int, int] | None:
    if not count:
        raise UnsatisfiableRange
    if not size:
        return None  # the last n bytes of nothing: all of it
    return max(size - count, 0), size


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= _DIGITS else _HUGE
