"""Numbers of a house that the test knows all about."""

import json

import pytest

from tests.clients.rig import House, close_payload, get
from wsserver.chat.router import ChatRouter
from wsserver.chat.settings import ChatSettings
from wsserver.observe.families import FAMILIES, HISTOGRAM
from wsserver.observe.metrics import STEP, Metrics, Sources
from wsserver.reactor.histogram import LATENCY_BOUNDS_S, Histogram
from wsserver.resilience.backoff import Backoff
from wsserver.resilience.breaker import FAILURES, Breaker
from wsserver.resilience.guard import Guard
from wsserver.stores.memory import MemoryStore
from wsserver.websocket.codes import CLOSE, TEXT


@pytest.fixture
def house():
    house = House()
    yield house
    house.close()


def metrics_of(house, **sources):
    registry = house.registry
    chat = ChatRouter(ChatSettings(), MemoryStore(registry.random_bytes, registry.monotonic, lambda _channel: 10))
    chat.attach(registry)
    return Metrics(Sources(registry, chat, **sources))


def test_a_snapshot_has_every_family_and_nothing_else(house) -> None:
    snapshot = metrics_of(house).snapshot()
    assert snapshot.keys() == FAMILIES.keys()
    for name, family in FAMILIES.items():
        value = snapshot[name]
        if family.kind == HISTOGRAM:
            assert len(value["counts"]) == len(family.bounds) + 1
        elif family.labels:
            assert all(len(key.split("|")) == len(family.labels) for key in value)
    assert json.loads(json.dumps(snapshot)) == snapshot


def test_clients_are_counted_by_state_and_so_is_what_they_said(house) -> None:
    metrics = metrics_of(house)
    echo, quiet = house.connect(), house.connect()
    house.connect()
    for peer in (echo, quiet):
        peer.upgrade("/echo")
    for _ in range(3):
        echo.send_frame(TEXT, b"hello")
    house.turn()
    snapshot = metrics.snapshot()
    assert snapshot["wsserver_clients"] == {
        **dict.fromkeys(("handshake", "closing_sts", "closing_cts", "closing_stw", "gone"), 0),
        "created": 1,
        "open": 2,
    }
    assert snapshot["wsserver_messages_received"] == 3
    assert snapshot["wsserver_messages_sent"] == 3
    assert snapshot["wsserver_connections_accepted"] == 3
    assert snapshot["wsserver_handoffs"] == 0


def test_what_clients_said_stays_counted_when_they_have_gone(house) -> None:
    metrics = metrics_of(house)
    peer = house.connect()
    peer.upgrade("/echo")
    peer.send_frame(TEXT, b"hello")
    before = metrics.snapshot()
    peer.send_frame(CLOSE, close_payload(1000))
    peer.hang_up()
    house.turn(3)
    after = metrics.snapshot()
    assert after["wsserver_clients"]["open"] == after["wsserver_clients"]["gone"] == 0
    assert after["wsserver_messages_sent"] == before["wsserver_messages_sent"] == 1
    assert after["wsserver_messages_received"] >= before["wsserver_messages_received"] == 1
    assert after["wsserver_closes"]["1000"] == 1


def test_what_waits_is_summed_and_the_longest_queue_told(house) -> None:
    metrics = metrics_of(house)
    for size in (100, 5000):
        house.connect().client.transport.write_last(b"x" * size)
    snapshot = metrics.snapshot()
    assert snapshot["wsserver_queued_bytes"] == 100 + 5000 + 2 * 48
    assert snapshot["wsserver_queued_most_bytes"] == 5048


def test_labels_do_not_grow_with_what_strangers_make_up(house) -> None:
    metrics = metrics_of(house)
    before = metrics.snapshot()
    for code in range(3000, 3020):
        peer = house.connect()
        peer.upgrade("/echo")
        peer.send_frame(CLOSE, close_payload(code))
    for number in range(20):
        house.connect().send(get(f"/nowhere-{number}"))
    after = metrics.snapshot()
    assert after["wsserver_closes"].keys() == before["wsserver_closes"].keys()
    assert after["wsserver_closes"]["other"] == 20
    assert after["wsserver_refusals"] == {"404": 20}


def test_breakers_are_told_by_their_state_and_a_store_without_one_by_its_trouble(house) -> None:
    breaker = Breaker(Backoff(1, 30, lambda low, _high: low))
    guard = Guard(breaker, house.reactor.world, lambda _done: None, lambda *_change: None)
    house.reactor.world.call_later = house.reactor.call_later
    trouble = []
    metrics = metrics_of(
        house,
        troubles={"store": lambda: trouble[0] if trouble else None},
        guards={"broker": guard},
        refused={"broker": lambda: 17},
        broker=lambda: {"sent": 4},
    )
    assert metrics.snapshot()["wsserver_breaker_state"] == {"store": 0, "broker": 0}
    trouble.append("the disk is full")
    for _ in range(FAILURES):
        guard.note(guard.admit(), "no link")
    snapshot = metrics.snapshot()
    assert snapshot["wsserver_breaker_state"] == {"store": 2, "broker": 2}
    assert snapshot["wsserver_breaker_opened"] == {"store": 0, "broker": 1}
    assert snapshot["wsserver_breaker_refused"] == {"store": 0, "broker": 17}
    assert snapshot["wsserver_broker"] == {"sent": 4}
    guard.close()


def test_commits_are_those_of_the_store(house) -> None:
    commits = Histogram(LATENCY_BOUNDS_S)
    commits.observe(0.003)
    value = metrics_of(house, commits=lambda: commits).snapshot()["wsserver_store_commit_seconds"]
    assert (sum(value["counts"]), value["sum"]) == (1, 0.003)


def test_a_crowd_is_looked_at_in_steps(house) -> None:
    for _ in range(STEP // 2 + 2):
        house.connect()
        house.connect()
    steps = list(metrics_of(house).steps())
    assert len(steps) == 3
    assert steps[-1]["wsserver_clients"]["created"] == STEP + 4


def test_no_count_falls_when_clients_go_while_they_are_looked_at(house) -> None:
    metrics = metrics_of(house)
    peers = [house.connect() for _ in range(STEP + 6)]
    for peer in peers:
        peer.upgrade("/echo")
        peer.send_frame(TEXT, b"hello")
    before = metrics.snapshot()["wsserver_messages_received"]
    steps = metrics.steps()
    next(steps)
    for peer in peers:
        peer.hang_up()
    house.turn(4)
    [*_, during] = steps
    assert before == STEP + 6
    assert during["wsserver_messages_received"] == before
    assert metrics.snapshot()["wsserver_messages_received"] == before
