"""Texts on their way to PostgreSQL and back: many in one parameter, and none that it cannot hold.

A `text` of PostgreSQL holds no U+0000 and nothing that is not Unicode, and one such text would have a whole batch
refused. So those characters, and the two that are used here, are written as ESCAPE and four hexadecimal digits. They
are so rare that a batch is looked at as one string, and only one that holds any is looked at text by text.

Read next: `postgres_batch.py`.
"""

import re
from collections.abc import Sequence
from typing import Final

ESCAPE: Final = "\x1a"
"""SUBSTITUTE: it "is used in the place of a character that has been found to be invalid" (ECMA-48, 8.3.148)."""

SEPARATOR: Final = "\x1f"
"""UNIT SEPARATOR. `string_to_array` takes it apart again, for less than reading an array costs."""

_RARE: Final = re.compile(f"[\0{ESCAPE}{SEPARATOR}\ud800-\udfff]")
_ESCAPED: Final = re.compile(f"{ESCAPE}([0-9a-f]{{4}})")


def escape(text: str) -> str:
    """Return `text` as it is written."""
    return _RARE.sub(_write, text)


def unescape(text: str) -> str:
    """Return what was written as `text`. What somebody else wrote comes back as it stands."""
    return _ESCAPED.sub(_read, text) if ESCAPE in text else text


def join(texts: Sequence[str]) -> bytes:
    """Return all of them as one parameter, escaped where that is needed."""
    joined = SEPARATOR.join(texts)
    if "\0" not in joined and ESCAPE not in joined and joined.count(SEPARATOR) == len(texts) - 1:
        try:
            return joined.encode()
        except UnicodeEncodeError:
            pass
    return SEPARATOR.join(map(escape, texts)).encode()


def _write(found: re.Match[str]) -> str:
    return f"{ESCAPE}{ord(found[0]):04x}"


def _read(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))
