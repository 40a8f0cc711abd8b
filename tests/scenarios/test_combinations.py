"""Every store with every broker, one process or several: the same chat, whichever of them serves a client."""

import json

import pytest

from tests.engines.postgres import Postgres
from tests.engines.redis import Redis
from tests.scenarios.running import RunningServer
from tests.scenarios.working import APART, until

QUICK = ("--set", "server.drain=100ms", "--set", "presence.leave_grace=200ms")

COMBINATIONS = {
    "one process, PostgreSQL": (1, 1, "postgres", "local"),
    "two workers, PostgreSQL": (1, 2, "postgres", "local"),
    "two nodes, PostgreSQL and Redis": (2, 1, "postgres", "redis"),
    "two nodes, Redis alone": (2, 1, "memory", "redis"),
    "two nodes of two workers, PostgreSQL and Redis": (2, 2, "postgres", "redis"),
}
"""Nodes, workers of each, store, broker."""

SPREAD = 6
"""Clients on each node: enough for both workers of one, mostly; and that no test needs it to be so."""


@pytest.fixture(scope="module")
def engines():
    """A PostgreSQL and a Redis of our own."""
    with Postgres() as postgres, Redis() as redis:
        yield postgres, redis


def is_ready(node):
    return node.get("/readyz")[0] == 200


@pytest.fixture(scope="module", params=COMBINATIONS.values(), ids=COMBINATIONS)
def nodes(request, engines):
    """The servers of one combination."""
    count, workers, store, broker = request.param
    postgres, redis = engines
    url = postgres.url(postgres.new_database()) if store == "postgres" else "memory:"
    flags = ["--store", url, "--workers", str(workers), *QUICK, *APART]
    if broker == "redis":
        flags += ["--broker", redis.url(f"?prefix=test{request.param_index}")]
    if store == "postgres":
        from wsserver.stores.opening import migrate_store

        migrate_store(url)
    running = []
    try:
        for _ in range(count):
            running.append(RunningServer("--port", "0", *flags))
        for node in running:
            until(lambda node=node: is_ready(node))
        yield running
    finally:
        codes = [node.end("SIGTERM") for node in running if node.process.poll() is None]
        logs = [node.log for node in running]
        for node in running:
            node.stop()
    assert codes == [0] * count, logs
    assert not any("Traceback" in log or "crash" in log for log in logs), logs


@pytest.fixture
def talkers(nodes, connect):
    """Clients of every node, by turns."""
    return [connect(nodes[index % len(nodes)]) for index in range(SPREAD * len(nodes))]


def test_everybody_hears_everything_in_one_order_and_counts_everybody(talkers, room):
    joined = [talker.join(room, f"user-{index}") for index, talker in enumerate(talkers)]
    assert len({one["epoch"] for one in joined}) == 1
    until(lambda: all(talker.ask("presence", channel=room)["count"] == len(talkers) for talker in talkers))
    for number in range(3):
        for index, talker in enumerate(talkers):
            talker.say("message", channel=room, text=f"{index}:{number}")
    total = 3 * len(talkers)
    heard = [[talker.hear("message") for _ in range(total)] for talker in talkers]
    assert all(one == heard[0] for one in heard)
    assert [message["seq"] for message in heard[0]] == list(range(1, total + 1))


def test_what_was_missed_is_recovered_on_any_of_them(talkers, room):
    first = talkers[0].join(room, "ann")
    assert [talkers[0].ask("message", channel=room, text=str(n))["seq"] for n in range(5)] == [1, 2, 3, 4, 5]
    for index, talker in enumerate(talkers[1:]):
        joined = talker.join(room, f"late-{index}", since=2, epoch=first["epoch"])
        assert (joined["recovered"], [message["seq"] for message in joined["messages"]]) == (True, [3, 4, 5])
        assert len(talker.ask("history", channel=room)["messages"]) == 5


def test_a_key_is_stored_once_wherever_it_is_shown(talkers, room):
    for talker in talkers:
        talker.join(room, "ann")
    acks = [talker.ask("message", channel=room, text="once", key="k") for talker in talkers]
    assert [ack["seq"] for ack in acks] == [1] * len(talkers)
    assert [ack["duplicate"] for ack in acks] == [False] + [True] * (len(talkers) - 1)
    assert talkers[-1].ask("presence", channel=room)["count"] == 1


def test_words_for_some_reach_them_wherever_they_are(talkers, room):
    for index, talker in enumerate(talkers):
        talker.join(room, f"{room}-{index}")
    ann, last = talkers[0], talkers[-1]
    assert ann.ask("direct", to=f"{room}-{len(talkers) - 1}", text="psst")["delivered"] == 1
    assert last.hear("direct")["text"] == "psst"
    last.ask("subscribe", topic=f"{room}*")
    assert ann.ask("publish", topic=f"{room}-news", data=json.loads("[1]"))["delivered"] == 1
    assert last.hear("event")["data"] == [1]
    assert ann.ask("broadcast", text=room)["delivered"] >= len(talkers)
    assert last.hear("broadcast")["text"] == room


def test_who_leaves_and_who_vanishes_is_gone_everywhere(talkers, room):
    for index, talker in enumerate(talkers):
        talker.join(room, f"user-{index}")
    until(lambda: talkers[0].ask("presence", channel=room)["count"] == len(talkers))
    talkers[-1].vanish()
    talkers[-2].ask("leave", channel=room)
    until(lambda: talkers[0].ask("presence", channel=room)["count"] == len(talkers) - 2)
