"""Reads requests with h11 and with our own parser, and demands that both read the same.

Two strict parsers that agree leave no room to smuggle a request from one past the other. We are the stricter one: h11
is asked for as many requests as we gave out. The one thing that we accept and it does not is the single empty line
before a request, which RFC 9112 section 2.2 asks servers to ignore; it is taken away before h11 sees it.
"""

import h11

from tests.http.reading import read

Reading = tuple[bytes, bytes, bytes, dict[bytes, list[bytes]], bytes]
"""Method, target, version, header values by name, body."""


def read_with_h11(data: bytes, most: int) -> list[Reading]:
    """Return what h11 makes of the first `most` requests in `data`, up to the first that it refuses."""
    readings = []
    for _ in range(most):
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
        connection.receive_data(data.removeprefix(b"\r\n"))
        try:
            reading = next_reading(connection)
        except h11.RemoteProtocolError:
            break
        if reading is None:
            break
        readings.append(reading)
        data = connection.trailing_data[0]
    return readings


def next_reading(connection: h11.Connection) -> Reading | None:
    """Return the request that h11 has, or None when it is not complete."""
    request, body = connection.next_event(), b""
    if not isinstance(request, h11.Request):
        return None
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if not isinstance(event, h11.Data):
            return None
        body += bytes(event.data)
    values: dict[bytes, list[bytes]] = {}
    for name, value in request.headers:
        values.setdefault(name, []).append(value)
    if values.get(b"transfer-encoding"):
        values[b"transfer-encoding"] = [b"chunked"]  # h11 writes it in lower case
    return request.method, request.target, request.http_version, values, body


def read_ourselves(data: bytes) -> list[Reading]:
    """Return what we make of `data`, written down as h11 does."""
    readings = []
    for request in read([data])[0]:
        values: dict[bytes, list[bytes]] = {}
        for name, value in request.headers:
            values.setdefault(name.encode(), []).append(value.encode("latin-1"))
        if b"transfer-encoding" in values:
            values[b"transfer-encoding"] = [b"chunked"]
        version = b"1.%d" % request.minor_version
        readings.append((request.method.encode(), request.target.encode(), version, values, request.body))
    return readings


def assert_agreement(data: bytes) -> None:
    """What we accept of `data`, h11 accepts too and reads alike."""
    ours = read_ourselves(data)
    assert read_with_h11(data, len(ours)) == ours
