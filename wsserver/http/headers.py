"""Header fields: the syntax of one line, and the set of them that a message has (RFC 9110 and RFC 9112, section 5).

White space is space and tab and nothing else. `str.strip` would also take \\x85 and \\xa0, `bytes.strip` \\x0b and
\\x0c; where two parsers disagree about that, a header can be smuggled past one of them.

It does not know what any header means. Read next: `head.py`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from wsserver.http.errors import RequestError

TOKEN_BYTES: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
"""A token as a regular expression (RFC 9110 section 5.6.2)."""

# The name ends at the first colon, which no token contains: nothing to go back for, so time is linear in the line.
_LINE: Final = re.compile(rb"(" + TOKEN_BYTES + rb"):([^\x00-\x08\x0a-\x1f\x7f]*)")


def parse_header_line(line: bytes) -> tuple[str, str]:
    """Return (lower-cased name, value) of one header line without its CRLF. Raises RequestError 400.

    Bytes above 0x7f in a value become the Latin-1 characters of the same number (RFC 9110 section 5.5: opaque).
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise RequestError(400, _what_is_wrong(line))
    return match[1].decode("ascii").lower(), match[2].strip(b" \t").decode("latin-1")


def _what_is_wrong(line: bytes) -> str:
    name, colon, _value = line.partition(b":")
    if line[:1] in (b" ", b"\t"):
        return "A header line starts with white space: folded headers are not accepted."
    if not colon:
        return "A header line has no colon."
    if name[-1:] in (b" ", b"\t"):
        return "There is white space between a header's name and its colon."
    if not re.fullmatch(TOKEN_BYTES, name):
        return "A header's name is empty or has a character that names may not have."
    return "A header's value has a control character."


class Headers:
    """The header fields of one message, in the order they came. Names are compared without regard to case."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    @classmethod
    def of_good_lines(cls, lines: str) -> "Headers":
        """Return the fields of whole lines, each with its CRLF, of which `parse_header_line` would accept every one."""
        headers = cls()
        values = headers._values
        for line in lines[:-2].split("\r\n"):
            name, _, value = line.partition(":")
            values.setdefault(name.lower(), []).append(value.strip(" \t"))
        return headers

    def get(self, name: str) -> str | None:
        """Return the value, or None. Several of that name are one list, joined by ", " (RFC 9110 section 5.3)."""
        values = self._values.get(name.lower())
        return None if values is None else ", ".join(values)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value that came under that name, in order."""
        return tuple(self._values.get(name.lower(), ()))

    def elements(self, name: str) -> tuple[str, ...]:
        """Return the elements of a comma-separated list, in order; empty ones do not count (RFC 9110 section 5.6.1)."""
        if name.lower() not in self._values:
            return ()
        parts = (part.strip(" \t") for value in self.all(name) for part in value.split(","))
        return tuple(part for part in parts if part)

    def mentions(self, name: str, token: str) -> bool:
        """Tell whether a list has `token`, given in lower case, among its elements, in any case."""
        for value in self._values.get(name.lower(), ()):
            if "," not in value:  # nearly always there is one, and making a list of it takes ten times as long
                if value.lower() == token:
                    return True
            elif any(element.strip(" \t").lower() == token for element in value.split(",")):
                return True
        return False

    def has_any(self, names: Iterable[str]) -> bool:
        """Tell whether there is a field of one of these names, which are in lower case."""
        return not self._values.keys().isdisjoint(names)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (lower-cased name, value); values of one name stand together."""
        for name, values in self._values.items():
            for value in values:
                yield name, value

    def __len__(self) -> int:
        return sum(map(len, self._values.values()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"
