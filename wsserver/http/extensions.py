"""The header Sec-WebSocket-Extensions taken apart (RFC 6455 section 9.1). What its parameters mean is not judged here.

    permessage-deflate; client_max_window_bits, permessage-deflate
    '---- offer -----'  '---- parameter -----'

One pass, one compiled pattern per piece, no piece tried twice: 8 KiB of commas or spaces cost what they weigh.

Read next: `upgrade.py`, the caller; `websocket/deflate.py`, which judges the one extension we know.
"""

import re
from typing import Final, NamedTuple

from wsserver.http.errors import RequestError
from wsserver.http.headers import TOKEN_BYTES

OFFERS: Final = 8
PARAMETERS: Final = 16
"""Offers, and parameters of one offer, that are looked at. Browsers send one offer with one parameter; the longest
list of a library has three with four."""

_TOKEN: Final = TOKEN_BYTES.decode()
_NAME: Final = re.compile(_TOKEN)
_SEPARATOR: Final = re.compile(r"[ \t,]*")  # empty elements of a list do not count (RFC 9110 section 5.6.1)
_END: Final = re.compile(r"[ \t]*(?:,|\Z)")
_PARAMETER: Final = re.compile(
    rf'[ \t]*;[ \t]*(?P<name>{_TOKEN})(?:[ \t]*=[ \t]*(?:(?P<value>{_TOKEN})|"(?P<quoted>(?:[^"\\]++|\\.)*+)"))?'
)


class Offer(NamedTuple):
    """One extension that the client would like, its parameters in their order; a value is None when there is none."""

    name: str
    parameters: tuple[tuple[str, str | None], ...]


def parse_extensions(header: str) -> tuple[Offer, ...]:
    """Return the first OFFERS offers, the one the client likes best first. Raises RequestError(400)."""
    offers: list[Offer] = []
    position = _skip(header, 0)
    while position < len(header) and len(offers) < OFFERS:
        offer, position = _parse_offer(header, position)
        offers.append(offer)
        position = _skip(header, position)
    return tuple(offers)


def _skip(header: str, position: int) -> int:
    separator = _SEPARATOR.match(header, position)
    assert separator is not None  # it matches the empty string
    return separator.end()


def _parse_offer(header: str, position: int) -> tuple[Offer, int]:
    """Return the offer at `position`, and where it ends."""
    name = _NAME.match(header, position)
    if name is None:
        raise _malformed()
    position = name.end()
    parameters: list[tuple[str, str | None]] = []
    while (parameter := _PARAMETER.match(header, position)) is not None:
        if len(parameters) == PARAMETERS:
            raise RequestError(400, f"An offer in Sec-WebSocket-Extensions has more than {PARAMETERS} parameters.")
        parameters.append((parameter["name"], _value_of(parameter)))
        position = parameter.end()
    end = _END.match(header, position)
    if end is None:
        raise _malformed()
    return Offer(name[0], tuple(parameters)), end.end()


def _value_of(parameter: re.Match[str]) -> str | None:
    """Return the value, without its quotes; what was quoted must be a token all the same."""
    quoted: str | None = parameter["quoted"]
    if quoted is None:
        return parameter["value"]
    value = quoted.replace("\\", "")  # escapes go; an escaped backslash would be no token
    if "\\\\" in quoted or _NAME.fullmatch(value) is None:
        raise _malformed()
    return value


def _malformed() -> RequestError:
    return RequestError(400, "Sec-WebSocket-Extensions is not a list of names with parameters.")
