"""The request target: what a client asks for, taken apart and decoded exactly once (RFC 9112 section 3.2).

| form           | example                      | here                                                |
|----------------|------------------------------|-----------------------------------------------------|
| origin-form    | `/chat?x=1`                  | yes                                                 |
| absolute-form  | `http://host/chat?x=1`       | yes, if its authority is the Host header's text     |
| authority-form | `host:443`                   | only CONNECT has it, which is refused with 405      |
| asterisk-form  | `*`                          | only OPTIONS has it, which is refused with 405      |

It does not resolve `..`: whoever opens files judges the parts of the path. Read next: `request_line.py`.
"""

import re
from dataclasses import dataclass
from typing import Final

from wsserver.http.errors import RequestError

# Visible ASCII but for `#`, which a client never sends, and the backslash, which some systems take for a slash.
_PLAIN: Final = re.compile(rb'[!"$-\[\]-~]+')
_ABSOLUTE: Final = re.compile(r"https?://([^/?]*)(.*)", re.IGNORECASE)
# What may stand behind a percent sign: a table, since a path may have 2,700 of them (regular expressions: 3 ms).
_ESCAPES: Final = {b"%02x" % value: bytes((value,)) for value in range(256)}
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")

_ALLOWED_SERVER_WIDE: Final = (("Allow", "GET, HEAD, POST"),)


@dataclass(frozen=True, slots=True)
class Target:
    """A request target, taken apart."""

    raw: str
    """As it came."""
    path: str
    """Percent-decoded once; starts with "/"."""
    query: str
    """What stood behind the first `?`, as it came; "" if nothing did."""
    authority: str | None
    """Of the absolute-form: who was asked. It must be the same as Host."""


def parse_target(raw: bytes, method: str) -> Target:
    """Take a target apart. Raises RequestError 400, or 405 for the two methods whose targets name no resource."""
    if not _PLAIN.fullmatch(raw):
        raise RequestError(400, "The request target has a character that must be percent-encoded, or a fragment.")
    text = raw.decode("ascii")
    if method == "CONNECT" or (method == "OPTIONS" and text == "*"):
        raise RequestError(405, "This server is no proxy and has no options to tell.", _ALLOWED_SERVER_WIDE)
    authority = None
    local = text
    if not text.startswith("/"):
        match = _ABSOLUTE.fullmatch(text)
        if match is None:
            raise RequestError(400, "The request target must be a path that starts with a slash, or an http URL.")
        authority = match[1]
        local = match[2] if match[2].startswith("/") else "/" + match[2]
    path, _, query = local.partition("?")
    return Target(text, decode_path(path), query, authority)


def decode_path(path: str) -> str:
    """Percent-decode a path, once. Raises RequestError 400 for a broken escape, a control character, or no UTF-8."""
    if "%" not in path:
        return path
    first, *rest = path.encode("ascii").split(b"%")
    try:
        decoded = first + b"".join([_ESCAPES[part[:2].lower()] + part[2:] for part in rest])
    except KeyError:
        raise RequestError(400, "A percent sign in the path is not followed by two hexadecimal digits.") from None
    if _CONTROL.search(decoded):
        raise RequestError(400, "The path has a control character.")
    try:
        return decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError(400, "The path is not UTF-8 when decoded.") from None
