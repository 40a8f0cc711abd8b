"""What there is behind the paths of the public port, as the handshake sees it: routers, pages, and who may knock.

The consumer owns the interface: `handshake.py` asks, the composition root (`server.py`) fills it in.

Read next: `handshake.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wsserver.clients.router import Router
from wsserver.http.request import Request
from wsserver.http.response import Response

Page = Callable[[Request], Response]
"""Answers one plain HTTP request; may raise RequestError."""

Judge = Callable[[Request], None]
"""Lets a request pass, or raises RequestError."""


def _pass(_request: Request) -> None:
    """Let everybody pass."""


@dataclass(slots=True)
class Site:
    """The paths of one server."""

    routers: Mapping[str, Router]
    """WebSocket paths."""
    pages: Mapping[str, Page]
    """Plain HTTP paths, judged before `fallback`."""
    fallback: Page
    """Everything else: static files, or 404."""
    judge_host: Judge = _pass
    """Asked for every request: is that one of our names? (421)"""
    judge_origin: Judge = _pass
    """Asked for every upgrade: may a page from there talk to us? (403)"""
    open_paths: frozenset[str] = field(default_factory=frozenset)
    """Paths that answer also while draining."""
    draining: bool = False
    """The server is shutting down: every request and upgrade gets 503."""
