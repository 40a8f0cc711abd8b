"""`GET /metrics`: one look at a process, or at all workers of a server, for whoever monitors it.

    visit ---> steps over the clients, by turns with everybody ---> those of the other workers are added ---> written

Only for those who are let near: on the public port while nobody but this machine can reach that, and on the admin
port. Numbers tell how busy a chat is, and when.

Read next: `metrics.py`, `exposition.py`.
"""

from collections.abc import Callable
from typing import Final

from wsserver.clients.router import Step
from wsserver.clients.visit import Visit
from wsserver.http.errors import RequestError
from wsserver.http.response import Response, error_response
from wsserver.observe.exposition import OPENMETRICS_TYPE, TEXT_TYPE, prefers_openmetrics, render
from wsserver.observe.families import Snapshot
from wsserver.observe.metrics import Metrics

SumUp = Callable[[Snapshot, Callable[[Snapshot | None], None]], None]
"""Takes our own snapshot, and calls back once, later or at once, with that of all processes of this server together;
with None if it cannot be had."""

_NO_SUM: Final = error_response(RequestError(503, "The supervisor does not answer.", (("Retry-After", "15"),)))
"""Our own numbers in place of the sum would look as if everything had fallen, and then risen."""


class Scrape:
    """The service behind `/metrics` (`site.Service`)."""

    def __init__(self, metrics: Metrics, in_slices: Callable[[Step], None]) -> None:
        self._metrics = metrics
        self._in_slices = in_slices
        self.sum_up: SumUp | None = None
        """Where several workers are one server."""
        self.private = False
        """Only those can reach us who may know."""

    def serve(self, visit: Visit) -> None:
        """Answer one request. Raises RequestError 404 and 405."""
        if not self.private:
            raise RequestError(404, "Metrics are shown where nobody but this machine can ask, and on the admin port.")
        if visit.request.method not in ("GET", "HEAD"):
            raise RequestError(405, "Only GET and HEAD are answered here.", (("Allow", "GET, HEAD"),))
        measure(self._metrics, self._in_slices, lambda own: self._finish(visit, own), lambda: visit.over)

    def _finish(self, visit: Visit, own: Snapshot) -> None:
        if self.sum_up is None:
            _answer(visit, own)
        else:
            self.sum_up(own, lambda total: _answer(visit, total))


def measure(
    metrics: Metrics,
    in_slices: Callable[[Step], None],
    done: Callable[[Snapshot], None],
    unwanted: Callable[[], bool] = lambda: False,
) -> None:
    """Take a snapshot by turns with everybody, and call `done` with it; no step more is taken once it is `unwanted`."""
    steps, latest = metrics.steps(), Snapshot()

    def step() -> bool:
        nonlocal latest
        if unwanted():
            return False
        snapshot = next(steps, None)
        if snapshot is None:
            done(latest)
            return False
        latest = snapshot
        return True

    in_slices(step)


def _answer(visit: Visit, snapshot: Snapshot | None) -> None:
    if snapshot is None:
        visit.answer(_NO_SUM)
        return
    openmetrics = prefers_openmetrics(", ".join(visit.request.headers.all("accept")))
    content_type = OPENMETRICS_TYPE if openmetrics else TEXT_TYPE
    headers = (("Content-Type", content_type), ("Cache-Control", "no-store"), ("Vary", "Accept"))
    visit.answer(Response(200, headers, render(snapshot, openmetrics)))
