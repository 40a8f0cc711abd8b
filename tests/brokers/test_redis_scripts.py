"""What runs inside Redis, run there."""

import pytest

from wsserver.brokers import redis_scripts as scripts


@pytest.fixture
def run(rig, redis):
    broker, _ = rig.broker(redis.url())

    def run(script, keys, *arguments):
        told = []
        scripts.run(broker.commands, script, keys, arguments, told.append)
        rig.until(lambda: told)
        return told[0]

    run.commands = broker.commands
    return run


def test_a_lease_that_runs_is_told_from_one_that_is_new_or_over(run, redis):
    assert run(scripts.CLAIM, ["k"], "n", 60_000) == 0
    assert run(scripts.CLAIM, ["k"], "n", 60_000) == 1
    redis.ask("ZADD", "k", "1", "n")
    assert run(scripts.ENDED, ["k"], 5) == [b"n"] and run(scripts.LIVING, ["k"]) == []
    assert run(scripts.CLAIM, ["k"], "n", 60_000) == 0
    assert run(scripts.LIVING, ["k"]) == [b"n"] and run(scripts.ENDED, ["k"], 5) == []


def test_a_sweep_removes_one_nodes_users_in_steps_and_then_says_so(run, redis):
    for number in range(150):
        redis.ask("SADD", "pn", f"c{number}")
        redis.ask("HSET", f"p:c{number}", "n|ann", 1, "nn|bob", 1)
    redis.ask("ZADD", "nodes", "1", "n")
    first = run(scripts.SWEEP, ["nodes", "pn"], "n", "lease", "p:", "all", "gone")
    second = run(scripts.SWEEP, ["nodes", "pn"], "n", "lease", "p:", "all", "gone")
    assert (first[0], len(first), second[0], len(second)) == (1, 101, 2, 51)
    assert redis.ask("HKEYS", "p:c7") == [b"nn|bob"] and redis.ask("ZCARD", "nodes") == 0
    assert run(scripts.SWEEP, ["nodes", "pn"], "n", "lease", "p:", "all", "gone") == [0]


def test_a_node_whose_lease_runs_is_not_swept(run, redis):
    run(scripts.CLAIM, ["nodes"], "n", 60_000)
    redis.ask("SADD", "pn", "c")
    assert run(scripts.SWEEP, ["nodes", "pn"], "n", "lease", "p:", "all", "gone") == [0]
    assert redis.ask("SCARD", "pn") == 1


def test_a_script_that_is_not_known_is_sent_whole(run, redis):
    redis.ask("SCRIPT", "FLUSH")
    assert run(scripts.CLAIM, ["k"], "n", 1000) == 0
    assert run(scripts.CLAIM, ["k"], "n", 1000) == 1


def test_a_write_that_succeeds_ends_a_complaint_and_reading_does_not(run):
    run.commands.complaint = "full"
    run(scripts.LIVING, ["k"])
    assert run.commands.complaint == "full"
    run(scripts.CLAIM, ["k"], "n", 1000)
    assert run.commands.complaint is None
