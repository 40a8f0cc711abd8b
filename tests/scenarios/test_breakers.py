"""A database, or the way to the other nodes, goes away under real servers and comes back: what is shown of it."""

import json
import time

import pytest

from tests.engines.postgres import Postgres
from tests.engines.redis import Redis
from tests.observe.strict import read
from tests.scenarios.running import PATIENCE_S
from wsserver.resilience.breaker import FAILURES
from wsserver.stores.opening import migrate_store

pytest.importorskip("psycopg")
pytest.importorskip("hiredis")

LONG_S = 4 * PATIENCE_S
"""The pauses of links and breakers come on top of what a busy machine takes."""


@pytest.fixture(scope="module")
def database():
    with Postgres() as database:
        yield database


@pytest.fixture(scope="module")
def redis():
    with Redis() as redis:
        yield redis


def state_of(server, part="store"):
    return read(server.get("/metrics")[2].decode())["wsserver_breaker_state", (("part", part),)]


def opened(server, part="store"):
    return read(server.get("/metrics")[2].decode())["wsserver_breaker_opened_total", (("part", part),)]


def wait_until(what, sentence):
    until = time.monotonic() + LONG_S
    while not what():
        assert time.monotonic() < until, sentence
        time.sleep(0.02)


def test_while_the_database_is_away_nobody_waits_and_everything_else_goes_on(database, start, connect):
    url = database.url(database.new_database())
    migrate_store(url)
    server = start("--store", url, "--set", "limits.rate=0")
    ann, bob = connect(server, "ann", "lobby"), connect(server, "bob", "lobby")
    assert ann.ask("message", channel="lobby", text="before")["seq"] == 1
    assert (server.get("/readyz")[0], state_of(server)) == (200, 0)
    database.crash()
    wait_until(lambda: server.get("/readyz")[0] == 503, "nobody has noticed")
    for number in range(2 * FAILURES):
        answer = ann.ask("message", channel="lobby", text="meanwhile", key=f"k{number}")
        assert (answer["type"], answer["code"], answer["retry"]) == ("error", "store_unavailable", True)
    assert state_of(server) in (1, 2)
    assert opened(server) >= 1
    status, _, body = server.get("/readyz")
    assert status == 503
    assert json.loads(body)["reason"].startswith("store: ")
    assert server.get("/livez")[0] == 200
    assert ann.ask("presence", channel="lobby")["count"] == 2
    assert ann.ask("direct", to="bob", text="psst")["delivered"] == 1
    bob.hear("direct", text="psst")
    database.start()
    wait_until(lambda: server.get("/readyz")[0] == 200, "it does not come back")
    assert state_of(server) == 0
    assert ann.ask("message", channel="lobby", text="meanwhile", key="k0")["seq"] == 2
    assert bob.hear("message", text="meanwhile")["seq"] == 2
    assert ann.ask("message", channel="lobby", text="meanwhile", key="k0")["duplicate"] is True
    assert server.log.count("breaker_open:") == server.log.count("breaker_closed:") == opened(server), server.log


def test_behind_a_message_that_is_in_doubt_in_a_frozen_database_nobody_waits_for_long(database, start, connect):
    url = database.url(database.new_database())
    migrate_store(url)
    server = start("--store", url, "--set", "limits.rate=0")
    ann, bob = connect(server, "ann", "lobby"), connect(server, "bob", "lobby")
    database.pause()
    try:
        ann.say("message", channel="lobby", text="in doubt", key="d", id="d")
        wait_until(lambda: server.get("/readyz")[0] == 503, "nobody has noticed")
        for number in range(3):
            answer = bob.ask("message", channel="lobby", text="meanwhile", key=f"k{number}")
            assert (answer["type"], answer["code"], answer["retry"]) == ("error", "store_unavailable", True)
    finally:
        database.resume()
    assert ann.hear("ack", id="d")["seq"] == 1
    wait_until(lambda: server.get("/readyz")[0] == 200, "it does not come back")
    assert bob.ask("message", channel="lobby", text="meanwhile", key="k0")["seq"] == 2


def test_while_the_other_nodes_cannot_be_reached_each_goes_on_alone(database, redis, start, connect):
    url = database.url(database.new_database())
    migrate_store(url)
    flags = ("--store", url, "--broker", f"redis://127.0.0.1:{redis.port}", "--set", "limits.rate=0")
    here, there = start(*flags), start(*flags)
    for node in (here, there):
        wait_until(lambda node=node: node.get("/readyz")[0] == 200, "it is not ready")
    ann, amy, bob = connect(here, "ann", "lobby"), connect(here, "amy", "lobby"), connect(there, "bob", "lobby")
    ann.ask("message", channel="lobby", text="to both")
    bob.hear("message", text="to both")
    redis.kill()
    for node in (here, there):
        wait_until(lambda node=node: node.get("/readyz")[0] == 503, "nobody has noticed")
    assert json.loads(here.get("/readyz")[2])["reason"].startswith("broker: ")
    assert (state_of(here, "broker"), state_of(here)) == (2, 0)
    assert ann.ask("message", channel="lobby", text="to those here")["seq"] == 2
    amy.hear("message", text="to those here")
    redis.start()
    for node in (here, there):
        wait_until(lambda node=node: node.get("/readyz")[0] == 200, "it does not come back")
    assert state_of(here, "broker") == 0
    assert ann.ask("message", channel="lobby", text="to both again")["seq"] == 3
    assert bob.hear("message", text="to those here")["seq"] == 2
    assert bob.hear("message", text="to both again")["seq"] == 3
    counted = read(there.get("/metrics")[2].decode())
    assert counted["wsserver_broker_total", (("what", "received"),)] >= 2
    assert counted["wsserver_broker_total", (("what", "interrupted"),)] >= 1
