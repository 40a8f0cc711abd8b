"""Several nodes are one chat: every member on every node sees one order, without a gap, and each message once."""

import contextlib

import pytest

from tests.scenarios.members import Member, judge
from tests.scenarios.nodes import HEALING_S, Nodes, until
from tests.scenarios.working import APART

MESSAGES = 2000


@contextlib.contextmanager
def all_talking(urls, channels, messages):
    """Two members of each channel on each URL say so many messages in each; yields them when everybody saw all."""
    members = {
        channel: [Member(url, channel, f"{channel} {number} {twin}", messages // (2 * len(urls)))
                  for number, url in enumerate(urls) for twin in "ab"]
        for channel in channels
    }  # fmt: skip
    everybody = [member for some in members.values() for member in some]
    try:
        for member in everybody:
            member.start()
        until(
            lambda: all(member.is_done and member.seq >= messages for member in everybody),
            lambda: [(m.user, m.seq, len(m.acked), m.errors, m.wrong[:2]) for m in everybody],
            HEALING_S,
        )
        yield members
    finally:
        for member in everybody:
            member.leave()


def all_saw_one_order(members, messages):
    """What the first one saw is what everybody saw, and what was acknowledged."""
    [[epoch, kept]] = members[0].stretches
    assert [seq for seq, _, _ in kept] == list(range(1, messages + 1))
    judge(members, kept)
    for member in members:
        assert [(e, seen[-1][0]) for e, seen in member.stretches] == [(epoch, messages)]
        assert member.errors == {}
    return kept


@pytest.fixture(scope="module")
def nodes(redis, postgres):
    with Nodes(2, redis, postgres, ("--set", 'channels."passing:*".history=0')) as nodes:
        yield nodes


def test_two_nodes_over_redis_and_postgresql_have_one_order(nodes):
    with all_talking([server.ws() for server in nodes.servers], ["busy"], MESSAGES) as members:
        kept = all_saw_one_order(members["busy"], MESSAGES)
    assert nodes.stored("busy") == kept


def test_each_of_several_channels_has_its_own(nodes):
    channels = ["red", "green", "passing:blue"]
    with all_talking([server.ws() for server in nodes.servers], channels, 400) as members:
        for channel in channels:
            kept = all_saw_one_order(members[channel], 400)
            assert nodes.stored(channel) == ([] if channel.startswith("passing") else kept)


def test_two_nodes_over_redis_alone_have_one_order(redis):
    with Nodes(2, redis, flags=("--set", 'channels."passing".history=0')) as nodes:
        urls = [server.ws() for server in nodes.servers]
        with all_talking(urls, ["busy", "passing"], MESSAGES // 2) as members:
            all_saw_one_order(members["busy"], MESSAGES // 2)
            all_saw_one_order(members["passing"], MESSAGES // 2)


def test_two_nodes_of_two_workers_each_have_one_order(redis, postgres):
    with Nodes(2, redis, postgres, ("--workers", "2", "--set", 'channels."passing".history=0', *APART)) as nodes:
        urls = [server.ws() for server in nodes.servers for _ in range(2)]
        with all_talking(urls, ["busy", "passing"], MESSAGES // 2) as members:
            assert all_saw_one_order(members["busy"], MESSAGES // 2) == nodes.stored("busy")
            all_saw_one_order(members["passing"], MESSAGES // 2)


@pytest.mark.parametrize("durability", ["process", "power"])
def test_two_workers_over_one_file_have_one_order(start, tmp_path, durability):
    server = start(
        "--workers", "2", "--store", f"sqlite:{tmp_path}/chat.db", "--set", f"store.durability={durability}",
        "--set", "limits.rate=0", "--set", 'channels."passing".history=0', "--set", "server.drain=100ms",
        *APART,
    )  # fmt: skip
    with all_talking([server.ws()] * 4, ["busy", "passing"], MESSAGES // 2) as members:
        all_saw_one_order(members["busy"], MESSAGES // 2)
        all_saw_one_order(members["passing"], MESSAGES // 2)
