"""Redis has the newest messages of channels in PostgreSQL: nodes open them with it, and never by it alone."""

import re

import pytest

from tests.scenarios.nodes import Nodes, until

SAID = 80


@pytest.fixture(scope="module")
def nodes(redis, postgres):
    with Nodes(2, redis, postgres, ("--set", "broker.recent=true")) as nodes:
        yield nodes


def looks(server):
    """How many looks at a log were answered with the copy, and without."""
    text = server.get("/metrics")[2].decode()
    return [int(re.search(rf'^wsserver_cache_total{{result="{result}"}} (\d+)$', text, re.M)[1])
            for result in ("hit", "miss")]  # fmt: skip


def test_members_on_another_node_find_the_newest_page_and_what_they_missed(nodes, connect, room):
    first, second = nodes.servers
    bob = connect(second, "bob", f"{room} before")  # from the first answer on an epoch is known
    ann = connect(first, "ann", room)
    for number in range(SAID):
        ann.ask("message", channel=room, text=f"text {number}")
    hits, misses = looks(second)
    joined = bob.join(room)
    assert looks(second) == [hits + 1, misses]
    assert joined["seq"] == SAID
    assert [one["text"] for one in joined["messages"]] == [f"text {number}" for number in range(30, SAID)]
    again = connect(second).join(room, user="bob", since=10, epoch=joined["epoch"])
    assert again["recovered"] is True
    assert [one["seq"] for one in again["messages"]] == list(range(11, SAID + 1))


def test_a_node_whose_copy_is_old_tells_nobody_that_he_has_it_all(nodes, redis, connect, room):
    first, second = nodes.servers
    bob = connect(second, "bob", f"{room} before")
    ann = connect(first)
    joined = ann.join(room, user="ann")
    for number in range(60):
        ann.ask("message", channel=room, text=f"text {number}")
    [rows] = until(lambda: redis.ask("KEYS", f"*:r:{{{room}}}:*:m"))
    until(lambda: redis.ask("ZCARD", rows) == 60)
    redis.ask("ZPOPMAX", rows, 7)  # as a Redis that comes back with an older copy
    answer = bob.join(room, since=55, epoch=joined["epoch"])
    assert (answer["recovered"], answer["seq"]) == (True, 60)
    assert [one["seq"] for one in answer["messages"]] == [56, 57, 58, 59, 60]
