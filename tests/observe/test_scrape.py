"""`/metrics` as a client sees it, in a house of real sockets."""

from types import SimpleNamespace

import pytest

from tests.clients.rig import House, get, parse_answers
from tests.observe.strict import read
from tests.observe.test_metrics import metrics_of
from wsserver.observe.families import merge
from wsserver.observe.scrape import Scrape, measure


class Watched:
    """A house with metrics in it."""

    def __init__(self):
        self.house = House()
        self.scrape = Scrape(metrics_of(self.house), self.house.registry.in_slices)
        self.scrape.private = True
        self.house.site.services = {"/metrics": self.scrape.serve}

    def ask(self, extra="", method="GET", turns=4):
        peer = self.house.connect()
        peer.send(get("/metrics", extra, method))
        self.house.turn(turns)
        [answer] = parse_answers(peer.received()) if method == "GET" else [peer.received()]
        return answer


@pytest.fixture
def watched():
    watched = Watched()
    yield watched
    watched.house.close()


def test_who_is_near_gets_text_that_can_be_read(watched):
    status, headers, body = watched.ask()
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert headers["cache-control"] == "no-store"
    samples = read(body.decode())
    assert samples["wsserver_clients", (("state", "created"),)] == 1
    assert samples["wsserver_breaker_state", (("part", "store"),)] == 0


def test_who_prefers_openmetrics_gets_it(watched):
    _, headers, body = watched.ask("Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n")
    assert headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert read(body.decode(), openmetrics=True)["wsserver_connections_accepted_total", ()] == 1


def test_head_gets_the_head(watched):
    answer = watched.ask(method="HEAD")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_other_methods_are_told_which(watched):
    peer = watched.house.connect()
    peer.send(get("/metrics", "Content-Length: 0\r\n", "POST"))
    [(status, headers, _)] = parse_answers(peer.received())
    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_where_others_can_ask_there_is_nothing(watched):
    watched.scrape.private = False
    status, _, body = watched.ask()
    assert status == 404
    assert b"wsserver_" not in body


def test_the_other_workers_are_asked_and_added(watched):
    waiting = []
    watched.scrape.sum_up = lambda own, done: waiting.append((own, done))
    peer = watched.house.connect()
    peer.send(get("/metrics"))
    watched.house.turn(4)
    assert peer.received() == b""
    [(own, done)] = waiting
    done(merge([own, {"wsserver_clients": {"open": 41, "created": 1}, "wsserver_processes": 1}]))
    watched.house.turn(2)
    [(_, _, body)] = parse_answers(peer.received())
    samples = read(body.decode())
    assert samples["wsserver_clients", (("state", "open"),)] == 41
    assert samples["wsserver_clients", (("state", "created"),)] == 2
    assert samples["wsserver_processes", ()] == 2


def test_a_sum_that_cannot_be_had_is_no_sum(watched):
    watched.scrape.sum_up = lambda own, done: done(None)
    status, headers, body = watched.ask()
    assert (status, headers["retry-after"]) == (503, "15")
    assert b"wsserver_" not in body


def three_steps():
    """Metrics that take three steps."""
    return SimpleNamespace(steps=lambda: iter([{}, {}, {"a": 1}]))


def test_numbers_are_there_when_all_steps_are_taken():
    work, got = [], []
    measure(three_steps(), work.append, got.append)
    [step] = work
    assert [step(), step(), step()] == [True, True, True]
    assert got == []
    assert not step()
    assert got == [{"a": 1}]


def test_a_client_that_goes_meanwhile_stops_the_walk():
    work, got, over = [], [], []
    measure(three_steps(), work.append, got.append, lambda: bool(over))
    [step] = work
    assert step()
    over.append(True)
    assert not step()
    assert got == []
