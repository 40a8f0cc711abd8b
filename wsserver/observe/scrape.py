"""`GET /metrics`: one look at a process, or at all workers of a server, for whoever monitors it.

    visit ---> steps over the clients, by turns with everybody ---> the other workers are asked ---> merged, written

Only for those who are let near: on the public port while nobody but this machine can reach that, and on the admin
port. Numbers tell how busy a chat is, and when.

Read next: `metrics.py`, `exposition.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from wsserver.chat.broker import Broker, BrokerUnavailable, Measure
from wsserver.chat.requests import Later
from wsserver.clients.router import Step
from wsserver.clients.visit import Visit
from wsserver.http.errors import RequestError
from wsserver.http.response import Response
from wsserver.observe.exposition import OPENMETRICS_TYPE, TEXT_TYPE, prefers_openmetrics, render
from wsserver.observe.families import Snapshot, merge
from wsserver.observe.metrics import Metrics

AskOthers = Callable[[Callable[[list[Snapshot]], None]], None]
"""Calls what it is given once, later or at once, with the snapshots of the other processes."""


class Scrape:
    """The service behind `/metrics` (`site.Service`)."""

    def __init__(
        self, metrics: Metrics, in_slices: Callable[[Step], None], ask_others: AskOthers | None = None
    ) -> None:
        """`ask_others`: where several workers are one server. Nodes that are scraped each for itself are not asked."""
        self._metrics = metrics
        self._in_slices = in_slices
        self.ask_others = ask_others
        self.private = False
        """Only those can reach us who may know."""

    def serve(self, visit: Visit) -> None:
        """Answer one request. Raises RequestError 404 and 405."""
        if not self.private:
            raise RequestError(404, "Metrics are shown where nobody but this machine can ask, and on the admin port.")
        if visit.request.method not in ("GET", "HEAD"):
            raise RequestError(405, "Only GET and HEAD are answered here.", (("Allow", "GET, HEAD"),))
        self._in_slices(_Walk(visit, self._metrics.steps(), self._finish).step)

    def _finish(self, visit: Visit, own: Snapshot) -> None:
        if self.ask_others is None:
            _answer(visit, own)
        else:
            self.ask_others(lambda others: _answer(visit, merge([own, *others])))


class _Walk:
    """One look, on its way."""

    def __init__(self, visit: Visit, steps: Iterator[Snapshot], done: Callable[[Visit, Snapshot], None]) -> None:
        self._visit = visit
        self._steps = steps
        self._done = done
        self._snapshot: Snapshot = {}

    def step(self) -> bool:
        """Take one step; return whether there are more."""
        if self._visit.over:
            return False
        snapshot = next(self._steps, None)
        if snapshot is None:
            self._done(self._visit, self._snapshot)
            return False
        self._snapshot = snapshot
        return True


def ask_workers(broker: Broker) -> AskOthers:
    """Return how the other workers are asked, over the broker between them. One that does not answer is left out."""

    def ask(done: Callable[[list[Snapshot]], None]) -> None:
        def hear(answers: list[Any] | BrokerUnavailable) -> None:
            known = [] if isinstance(answers, BrokerUnavailable) else answers
            done([answer for answer in known if isinstance(answer, dict)])

        broker.ask(Measure(), hear)

    return ask


def measure(metrics: Metrics, in_slices: Callable[[Step], None]) -> Later:
    """Return the answer to `Measure`: our own snapshot, as soon as it is taken, which holds nobody up."""

    def begin(done: Callable[[Snapshot], None]) -> None:
        steps, latest = metrics.steps(), Snapshot()

        def step() -> bool:
            nonlocal latest
            snapshot = next(steps, None)
            if snapshot is None:
                done(latest)
                return False
            latest = snapshot
            return True

        in_slices(step)

    return Later(begin)


def _answer(visit: Visit, snapshot: Snapshot) -> None:
    openmetrics = prefers_openmetrics(", ".join(visit.request.headers.all("accept")))
    content_type = OPENMETRICS_TYPE if openmetrics else TEXT_TYPE
    headers = (("Content-Type", content_type), ("Cache-Control", "no-store"), ("Vary", "Accept"))
    visit.answer(Response(200, headers, render(snapshot, openmetrics)))
