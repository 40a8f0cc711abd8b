"""What is demanded of the parts that eat the bytes of HTTP requests, whatever the bytes are."""

import io
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from hashlib import sha1
from http.client import HTTPResponse
from ipaddress import IPv6Address
from posixpath import normpath
from socket import socket
from typing import Any, cast
from urllib.parse import unquote_to_bytes, urlsplit

from tests.conformance.h11_reading import assert_agreement
from tests.splits import few_portions
from wsserver.access.origins import OriginRule
from wsserver.http.chunked import EXTENSIONS_LIMIT, SIZE_DIGITS, ChunkedBody
from wsserver.http.dates import format_date, parse_date
from wsserver.http.errors import RequestError
from wsserver.http.headers import Headers
from wsserver.http.hosts import split_host
from wsserver.http.intake import Intake
from wsserver.http.limits import DEFAULT_LIMITS, RequestLimits
from wsserver.http.ranges import UnsatisfiableRange, choose_range
from wsserver.http.request import Request, RequestParser
from wsserver.http.response import encode_response, error_response
from wsserver.http.static import StaticFiles, split_path
from wsserver.http.target import parse_target
from wsserver.http.upgrade import SUBPROTOCOLS_LOOKED_AT, check_upgrade, encode_switching_protocols

TIGHT = RequestLimits(request_line=60, header_line=40, head=150, headers=4, body=20)
"""Limits that short inputs reach."""

REFUSALS = frozenset((400, 405, 413, 414, 417, 431, 501, 505))
"""What a parser may answer with."""

MODIFIED_S = 784111777
SIZES = {"index.html": 0, "a.js": 1, "b.css": 100}


def request(data: bytes) -> None:
    """Requests do not depend on the portions, keep within limits, and are what h11 reads too."""
    for limits in (DEFAULT_LIMITS, TIGHT):
        outcomes = [_read(pieces, limits) for pieces in few_portions(data)]
        assert outcomes[0] == outcomes[1] == outcomes[2]
        for accepted in outcomes[0][0]:
            assert accepted.path.startswith("/")
            assert not any(ord(character) < 0x20 or character == "\x7f" for character in accepted.path)
            assert not any(set(value) & set("\r\n\0") for _, value in accepted.headers)
            assert len(accepted.body) <= limits.body and len(accepted.headers) <= limits.headers
    assert_agreement(data)


def _read(pieces: Iterable[bytes], limits: RequestLimits) -> tuple[list[Request], tuple[int, str] | None]:
    """Return the requests and the refusal behind them; what is held never exceeds what the limits allow."""
    most = limits.head + limits.body + max(limits.header_line, SIZE_DIGITS + EXTENSIONS_LIMIT) + len("\r\n")
    parser, requests = RequestParser(limits), list[Request]()
    for piece in pieces:
        parser.feed(piece)
        try:
            while found := parser.next_request():
                requests.append(found)
        except RequestError as error:
            assert error.status in REFUSALS and error.detail.isascii() and error.detail.isprintable()
            assert parser.buffered == 0 and parser.next_request() is None
            return requests, (error.status, error.detail)
        ended = bool(requests) and not requests[-1].keep_alive  # what came in the same read is left to others
        assert parser.buffered <= (most + len(piece) if ended else most)
        assert parser.take_interim() in (b"", b"HTTP/1.1 100 Continue\r\n\r\n") and parser.take_interim() == b""
    return requests, None


def chunked(data: bytes) -> None:
    """A body in chunks does not depend on the portions, keeps within limits, and is what h11 reads too."""
    for limits in (DEFAULT_LIMITS, TIGHT):
        outcomes = [_read_chunks(pieces, limits) for pieces in few_portions(data)]
        assert outcomes[0] == outcomes[1] == outcomes[2]
    assert_agreement(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + data)


def _read_chunks(pieces: Iterable[bytes], limits: RequestLimits) -> tuple[bytes | None, int | None, bytes]:
    """Return the body, the status of a refusal, and what came behind the body."""
    body, intake, done = ChunkedBody(limits), Intake(), None
    for piece in pieces:
        intake.append(piece)
        try:
            done = body.read(intake) if done is None else done
        except RequestError as error:
            assert error.status in (400, 413, 431)
            return None, error.status, b""
        assert body.size <= limits.body
        assert done is not None or len(intake) <= max(limits.header_line, SIZE_DIGITS + EXTENSIONS_LIMIT) + 1
    return done, None, b"" if done is None else intake.take(len(intake))


def target(data: bytes) -> None:
    """A target is decoded once and as the standard library does, and a path to a file never leaves its root."""
    for method in ("GET", "OPTIONS", "CONNECT"):
        try:
            taken = parse_target(data, method)
        except RequestError as error:
            assert error.status == (405 if error.headers else 400)
            continue
        local = taken.raw if taken.authority is None else taken.raw[taken.raw.index("//") + 2 + len(taken.authority) :]
        path = local.partition("?")[0] or "/"
        assert taken.path.encode() == unquote_to_bytes(path)
        parts = split_path(taken.path)
        if parts is not None:
            joined = "/".join(("/root", *parts))
            assert normpath(joined) == joined and not any(part.startswith(".") for part in parts)


def files(data: bytes) -> None:
    """Whatever asks for a file gets an answer that another client can read, with the bytes that its headers say."""
    opened = list[_File]()

    def open_file(parts: tuple[str, ...]) -> "_File | None":
        if parts[-1] not in SIZES:
            return None
        opened.append(_File(SIZES[parts[-1]]))
        return opened[-1]

    for asked in _read([data], DEFAULT_LIMITS)[0]:
        answer = StaticFiles(open_file).answer(asked)
        assert answer.status in (200, 206, 304, 404, 405, 412, 416)
        assert all(file.closed for file in opened)
        head_only = asked.method == "HEAD"
        raw = encode_response(answer, head_only=head_only, keep_alive=asked.keep_alive,
                              minor_version=asked.minor_version, date=format_date(MODIFIED_S))  # fmt: skip
        heard = HTTPResponse(cast(socket, _Wire(raw)), method=asked.method)
        heard.begin()
        body = heard.read()
        assert (heard.status, heard.headers["Content-Length"] is None) == (answer.status, answer.status == 304)
        assert {name for name, _ in answer.headers} <= set(heard.headers) and not heard.headers.defects
        if answer.status == 206:
            _check_part(heard.headers["Content-Range"], body, opened[-1].content)
        elif answer.status == 200:
            assert body == (b"" if head_only else opened[-1].content)
        _check_numbers(asked.headers)


def _check_part(content_range: str, body: bytes, content: bytes) -> None:
    unit, _, rest = content_range.partition(" ")
    part, _, size = rest.partition("/")
    first, _, last = part.partition("-")
    assert (unit, int(size)) == ("bytes", len(content))
    assert body == content[int(first) : int(last) + 1] != b""


def _check_numbers(headers: Headers) -> None:
    """The readers of dates and ranges agree with other readers, whatever the size of the file is."""
    since = headers.get("if-modified-since") or ""
    moment = parse_date(since)
    if moment is not None and since[12:16] >= "0100":  # the standard library takes an early year for a short one
        assert moment == parsedate_to_datetime(since).timestamp()
    for size in (0, 1, 100, 1 << 40):
        try:
            part = choose_range(headers.get("range"), size)
        except UnsatisfiableRange:
            continue
        assert part is None or 0 <= part[0] < part[1] <= size


class _File:
    """A file in memory that knows whether it is closed."""

    mtime_ns = MODIFIED_S * 1_000_000_000

    def __init__(self, size: int) -> None:
        self.content = bytes(index % 251 for index in range(size))
        self.size = size
        self.closed = False

    def slices(self, start: int, stop: int) -> Iterator[bytes]:
        yield self.content[start:stop]
        self.close()

    def close(self) -> None:
        self.closed = True


class _Wire:
    """What the standard library's client reads an answer from."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._raw)


RULES = (
    OriginRule(("https://chat.example",), (), "127.0.0.1", 8080),
    OriginRule((), ("chat.example", "*"), "0.0.0.0", 80),
    OriginRule((), (), "::", 8080),
    OriginRule((), (), None, 0),
)


def upgrade(data: bytes) -> None:
    """Whoever knocks is let in by the rules or refused with a status; the 101 proves that the key was read."""
    for knock in _read([data], DEFAULT_LIMITS)[0]:
        for rule in RULES:
            _judge(rule, knock)
        try:
            wanted = check_upgrade(knock)
        except RequestError as error:
            assert error.status in (400, 405, 426)
            assert (error.status == 426) == any(name == "Sec-WebSocket-Version" for name, _ in error.headers)
            encode_response(error_response(error), head_only=False, keep_alive=False, minor_version=1, date="")
            continue
        assert len(wanted.subprotocols) <= SUBPROTOCOLS_LOOKED_AT
        chosen = wanted.subprotocols[0] if wanted.subprotocols else None
        lines = encode_switching_protocols(wanted, chosen).split(b"\r\n")
        proof = sha1(wanted.key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        accept = dict(line.split(b": ") for line in lines[1:-2])[b"Sec-WebSocket-Accept"]
        assert a2b_base64(accept, strict_mode=True) == proof
        assert len(lines) == (6 if chosen is None else 7)


def _judge(rule: OriginRule, knock: Request) -> tuple[int | None, int | None]:
    """Return the statuses with which the rule refuses the host and the origin."""
    statuses: list[int | None] = []
    for check in (rule.check_host, rule.check_origin):
        try:
            check(knock)
            statuses.append(None)
        except RequestError as error:
            statuses.append(error.status)
    assert statuses[0] in (None, 421) and statuses[1] in (None, 403)
    return statuses[0], statuses[1]


def origin(data: bytes) -> None:
    """A first line Host, a second line Origin: an origin that is let in has the host's name and port, by URL rules."""
    host, _, said = data.decode("latin-1").partition("\n")
    split = split_host(host)
    if split is not None:
        name, port = split
        assert split_host(name) == (name, None) and name == name.lower()
        assert port is None or 0 <= port <= 65535
        if name.startswith("["):
            IPv6Address(name[1:-1])
    headers = Headers([("host", host), ("origin", said)])
    knock = Request("GET", "/", "/", "", 1, headers, b"", True)
    for rule in RULES:
        _, refused = _judge(rule, knock)
        if refused is None and said != "https://chat.example":
            _check_same(host, said)


def _check_same(host: str, said: str) -> None:
    ours, theirs = urlsplit("//" + host), urlsplit(said)
    assert theirs.scheme in ("http", "https") and not theirs.path and not theirs.query and theirs.username is None
    default = 80 if theirs.scheme == "http" else 443
    assert (ours.port or default) == (theirs.port or default) or 0 in (ours.port, theirs.port)
    assert _plain(ours.hostname or "") == _plain(theirs.hostname or "")


def _plain(name: str) -> str:
    try:
        return str(IPv6Address(name))
    except ValueError:
        return name.removesuffix(".") or name
