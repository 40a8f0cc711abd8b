"""Files of the page: which request gets which, with which headers. All decisions, no file: those are handed in.

    path -> parts: plain names, the last with an allowed ending -> open_file(parts) -> conditions -> range -> answer

Whatever is not allowed is answered as if it did not exist, in the same words: nobody learns what else is there.

Read next: `net/files.py`, which opens them.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from wsserver.http.conditions import judge_conditions, range_still_holds
from wsserver.http.dates import format_date
from wsserver.http.errors import RequestError
from wsserver.http.ranges import UnsatisfiableRange, choose_range
from wsserver.http.request import Request
from wsserver.http.response import Response, error_response
from wsserver.http.security import HeaderList, page_headers

MIME_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/vnd.microsoft.icon",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff2": "font/woff2",
}
"""What is served, and as what. A file with another ending does not exist: no source, no database, no backup."""

AT_ONCE_LIMIT: Final = 32 * 1024
"""Bytes of a file up to which it is answered in one piece; above, slice by slice, for who asks may never read."""

_NAME: Final = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.-]{0,254}")
"""One part of a path: no dot in front, so neither a hidden file nor `..`; no slash, backslash or colon."""

_NOT_FOUND: Final = RequestError(404, "There is nothing at this address.")
_NOT_ALLOWED: Final = RequestError(405, "Files can only be read.", (("Allow", "GET, HEAD"),))


class StaticFile(Protocol):
    """An open file. Whoever has it closes it, or reads slices of it to their end."""

    @property
    def size(self) -> int:
        """Bytes when it was opened."""

    @property
    def mtime_ns(self) -> int:
        """When it was last changed, in nanoseconds after 1970."""

    def slices(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield these bytes in pieces, then close the file. They end early if the file has become shorter."""

    def close(self) -> None:
        """Close it. Twice is once."""


class StaticFiles:
    """The files under one root.

    `open_file` gets the parts of a path and returns None for what is no regular file there. OSError from it means that
    nothing can be opened now: 503.
    """

    def __init__(self, open_file: Callable[[tuple[str, ...]], StaticFile | None]) -> None:
        self._open_file = open_file

    def answer(self, request: Request) -> Response:
        """Answer any request for a path that nobody else has."""
        if request.method not in ("GET", "HEAD"):
            return error_response(_NOT_ALLOWED)
        parts = split_path(request.path)
        file = self._open(parts) if parts is not None else None
        if parts is None or file is None:
            return error_response(_NOT_FOUND)
        try:
            return _answer_with(file, _mime_type(parts), request)
        except BaseException:
            file.close()
            raise

    def _open(self, parts: tuple[str, ...]) -> StaticFile | None:
        try:
            return self._open_file(parts)
        except OSError:
            raise RequestError(
                503, "The file cannot be opened now; try again later.", (("Retry-After", "1"),)
            ) from None


def split_path(path: str) -> tuple[str, ...] | None:
    """Return the names that a decoded path consists of; None for a path that no file of ours can have."""
    parts = tuple(path[1:].split("/")) if path != "/" else ("index.html",)
    if not all(map(_NAME.fullmatch, parts)) or _ending(parts) not in MIME_TYPES:
        return None
    return parts


def _ending(parts: tuple[str, ...]) -> str:
    return parts[-1].rpartition(".")[2]


def _mime_type(parts: tuple[str, ...]) -> str:
    return MIME_TYPES[_ending(parts)]


def _answer_with(file: StaticFile, mime_type: str, request: Request) -> Response:
    etag = f'"{file.size:x}-{file.mtime_ns:x}"'
    modified_s = file.mtime_ns // 1_000_000_000
    headers: HeaderList = (
        ("ETag", etag),
        ("Last-Modified", format_date(modified_s)),
        ("Cache-Control", "no-cache"),  # keep it, but ask whether it is still the current one
        ("Accept-Ranges", "bytes"),
        *page_headers(request.headers.get("host")),
    )
    status = judge_conditions(request.headers, etag, modified_s)
    if status is not None:
        file.close()
        return Response(status, headers)
    part = None
    if request.method == "GET" and range_still_holds(request.headers, etag):
        try:
            part = choose_range(request.headers.get("range"), file.size)
        except UnsatisfiableRange:
            file.close()
            return Response(416, (("Content-Range", f"bytes */{file.size}"), *headers))
    headers = (("Content-Type", mime_type), *headers)
    if part is None:
        return _send(file, 200, headers, 0, file.size, request.method == "HEAD")
    start, stop = part
    headers = (("Content-Range", f"bytes {start}-{stop - 1}/{file.size}"), *headers)
    return _send(file, 206, headers, start, stop, head_only=False)


def _send(file: StaticFile, status: int, headers: HeaderList, start: int, stop: int, head_only: bool) -> Response:
    length = stop - start
    if head_only:
        file.close()
        return Response(status, headers, length=length)
    if length > AT_ONCE_LIMIT:
        return Response(status, headers, slices=file.slices(start, stop), length=length)
    body = b"".join(file.slices(start, stop))
    if len(body) != length:
        raise RequestError(503, "The file was changed while it was read; try again.", (("Retry-After", "1"),))
    return Response(status, headers, body)
