"""What there is behind the paths of the public port, as the handshake sees it: routers, pages, and who may knock.

The consumer owns the interface: `handshake.py` asks, the composition root (`server.py`) fills it in.

Read next: `handshake.py`; `visit.py`, for answers that take time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wsserver.clients.router import Router
from wsserver.clients.visit import Visit
from wsserver.http.errors import RequestError
from wsserver.http.request import Request
from wsserver.http.response import Response, error_response

Page = Callable[[Request], Response]
"""Answers one plain HTTP request; may raise RequestError."""

Service = Callable[[Visit], None]
"""Answers one plain HTTP request at once, later, or without end; may raise RequestError while it is called."""

Judge = Callable[[Request], None]
"""Lets a request pass, or raises RequestError."""


def _pass(_request: Request) -> None:
    """Let everybody pass."""


def _explain(_path: str, error: RequestError) -> Response:
    """Answer with the sentence, whatever was asked for."""
    return error_response(error)


@dataclass(slots=True)
class Site:
    """The paths of one server."""

    routers: Mapping[str, Router]
    """WebSocket paths."""
    pages: Mapping[str, Page]
    """Plain HTTP paths, judged before `fallback`."""
    fallback: Page
    """Everything else: static files, or 404."""
    services: Mapping[str, Service] = field(default_factory=dict)
    """Plain HTTP paths whose answers may take time, judged before `pages`; one that ends in `/` has all below it."""
    lasting: frozenset[str] = field(default_factory=frozenset)
    """Those of them whose answers go on: each takes its client a connection, by a proxy too."""
    explain: Callable[[str, RequestError], Response] = _explain
    """Turns a refusal into an answer, by the path that was asked for ("" while that is unknown)."""
    judge_host: Judge = _pass
    """Asked for every request: is that one of our names? (421)"""
    judge_origin: Judge = _pass
    """Asked for every upgrade: may a page from there talk to us? (403)"""
    open_paths: frozenset[str] = field(default_factory=frozenset)
    """Paths that answer also while draining."""
    draining: bool = False
    """The server is shutting down: every request and upgrade gets 503."""

    def find_service(self, path: str) -> Service | None:
        """Return the service of a path, if it has one."""
        service = self.services.get(path)
        if service is not None:
            return service
        below = (service for place, service in self.services.items() if place[-1] == "/" and path.startswith(place))
        return next(below, None)
