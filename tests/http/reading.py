"""Feeds a request parser in every way there is, and demands one result."""

from collections.abc import Iterable

from tests.splits import portions
from wsserver.http.errors import RequestError
from wsserver.http.limits import DEFAULT_LIMITS, RequestLimits
from wsserver.http.request import Request, RequestParser


def read(pieces: Iterable[bytes], limits: RequestLimits = DEFAULT_LIMITS) -> tuple[list[Request], int | None, bytes]:
    """Feed the pieces; return (requests, status of the error or None, bytes left over)."""
    parser = RequestParser(limits)
    requests = []
    for piece in pieces:
        parser.feed(piece)
        try:
            while request := parser.next_request():
                requests.append(request)
        except RequestError as error:
            return requests, error.status, parser.take_rest()
    return requests, None, parser.take_rest()


def read_every_way(
    data: bytes, limits: RequestLimits = DEFAULT_LIMITS, most_cuts: int = 400
) -> tuple[list[Request], int | None]:
    """Feed `data` in every portion; demand one and the same result, and return it."""
    requests, status, _rest = read([data], limits)
    for pieces in portions(data, most_cuts):
        assert read(pieces, limits)[:2] == (requests, status), f"{len(pieces)} pieces, the first {pieces[0][:80]!r}"
    return requests, status


def parse(data: bytes) -> Request:
    """Return the one request that `data` is."""
    requests, status, rest = read([data])
    assert (len(requests), status, rest) == (1, None, b"")
    return requests[0]


def request(method: str = "GET", path: str = "/", minor_version: int = 1, **headers: str | list[str]) -> Request:
    """Return a request with these headers (`_` for `-` in names); Host is a.example unless it is given."""
    lines = [f"{method} {path} HTTP/1.{minor_version}"]
    for name, values in {"Host": "a.example", **headers}.items():
        for value in [values] if isinstance(values, str) else values:
            lines.append(f"{name.replace('_', '-')}: {value}")
    return parse("\r\n".join([*lines, "", ""]).encode("latin-1"))
