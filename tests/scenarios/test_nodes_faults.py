"""Redis and PostgreSQL fail under load and come back: nothing that was acknowledged is lost or doubled, everybody has
seen everything in one order, each node says what ails it, and nobody has to help.

What is tried here in a minute, `python -m tests.scenarios.faults` tries at length.
"""

import pytest

from tests.engines.postgres import Postgres
from tests.engines.redis import Redis
from tests.scenarios import faults
from tests.scenarios.faults import company, engine_fault, link
from tests.scenarios.members import Member, judge
from tests.scenarios.nodes import HEALING_S, Nodes, longest_turn_s, until

CUT_S = 6.0
"""A link notices after 5 s without an answer."""


@pytest.fixture(scope="module")
def frail_redis():
    with Redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def frail_postgres():
    with Postgres() as postgres:
        yield postgres


def no_turn_waited(people):
    """No turn of a reactor waited for anybody: what does, waits for seconds."""
    for server in people.nodes.servers:
        longest, _, turns = longest_turn_s(server)
        assert longest < 2.0
        assert turns > 100


def test_redis_is_killed_and_comes_back_empty_while_messages_are_in_postgresql(frail_redis, frail_postgres):
    with company(frail_redis, frail_postgres) as people:
        people.suffer(engine_fault("redis", "killed", faults.kill, faults.start, 0.5))
        assert {"broker_unavailable", "delivered to 1"} <= set(people.watches[0].answers)
        for member in people.members:
            assert member.errors == {}, "what is in a channel needs no broker"
        people.finish()
        no_turn_waited(people)


def test_postgresql_is_frozen_and_then_stopped_for_a_while(frail_redis, frail_postgres):
    with company(frail_redis, frail_postgres) as people:
        people.suffer(engine_fault("postgres", "frozen", faults.pause, faults.resume, 5))
        people.suffer(engine_fault("postgres", "stopped", faults.end, faults.start, 0.5))
        assert set(people.watches[0].answers) == {"delivered to 1"}, "what is not in a channel needs no store"
        people.finish()
        no_turn_waited(people)


@pytest.mark.parametrize(("to_redis", "to_postgres"), [("there", "back"), ("back", "there")])
def test_ways_are_cut_in_one_direction_for_each_node_another_one(frail_redis, frail_postgres, to_redis, to_postgres):
    with company(frail_redis, frail_postgres) as people:
        people.suffer(link(0, "redis", to_redis, CUT_S), link(1, "postgres", to_postgres, CUT_S))
        people.finish()
        no_turn_waited(people)


def test_the_last_words_of_both_sides_of_a_broken_way_are_heard_when_it_is_back(frail_redis, frail_postgres, connect):
    with Nodes(2, frail_redis, frail_postgres, proxied=True) as nodes:
        ann, ben = (connect(server, user, "lobby") for server, user in zip(nodes.servers, ("ann", "ben"), strict=True))
        way = nodes.ways[0]["redis"]
        way.refuse()
        way.sever()
        until(lambda: nodes.servers[0].get("/readyz")[0] == 503)
        assert ben.ask("message", channel="lobby", text="from outside")["seq"] == 1
        assert ann.ask("message", channel="lobby", text="from inside")["seq"] == 2
        connect(nodes.servers[0], "cid", "lobby")
        way.heal()
        for talker in (ann, ben):
            assert [talker.hear("message")["text"] for _ in range(2)] == ["from outside", "from inside"]
            until(lambda talker=talker: talker.ask("presence", channel="lobby")["count"] == 3)


def test_whose_node_is_killed_goes_on_at_the_other_one_and_misses_nothing(frail_redis, frail_postgres):
    with Nodes(2, frail_redis, frail_postgres) as nodes:
        urls = [server.ws() for server in nodes.servers]
        members = [Member(urls[number % 2], "moving", f"user {number}", 10**9, 0.005) for number in range(4)]
        for member in members:
            member.urls = [member.urls[0], *(url for url in urls if url != member.urls[0])]
        try:
            for member in members:
                member.start()
            until(lambda: all(len(member.acked) > 50 for member in members))
            nodes.servers[1].end("SIGKILL")
            marks = [len(member.acked) for member in members]
            until(lambda: all(len(m.acked) > mark + 50 for m, mark in zip(members, marks, strict=True)))
            for member in members:
                member.stop()
            until(lambda: all(member.is_done for member in members))
            stored = nodes.stored("moving")
            until(lambda: all(member.seq == len(stored) for member in members))
            judge(members, stored)
            assert [member.lost_connections for member in members] == [0, 1, 0, 1]
            assert all(len(member.stretches) == 1 for member in members)
        finally:
            for member in members:
                member.leave()


def test_where_redis_keeps_the_messages_a_node_that_is_cut_off_refuses_them_and_goes_on_later(frail_redis):
    with company(frail_redis) as people:
        people.suffer(link(1, "redis", "back", CUT_S).where_redis_is_alone())
        people.finish()
        no_turn_waited(people)


def test_where_redis_kept_the_messages_and_comes_back_empty_everybody_is_told_to_begin_anew(frail_redis):
    with company(frail_redis) as people:
        frail_redis.kill()
        frail_redis.start()
        until(lambda: all(len(member.stretches) == 2 for member in people.members), lambda: people.nodes.log, HEALING_S)
        for member in people.members:
            member.stop()
        until(lambda: all(member.is_done for member in people.members), lambda: people.nodes.log, HEALING_S)
        newest = max(member.seq for member in people.members)
        until(lambda: all(member.seq == newest for member in people.members))
        assert len({member.stretches[0][0] for member in people.members}) == 1
        assert len({member.stretches[1][0] for member in people.members}) == 1
        views = [{seq: text for seq, _, text in member.stretches[1][1] if text} for member in people.members]
        common = set.intersection(*(set(view) for view in views))
        assert common
        for seq in common:
            assert len({view[seq] for view in views}) == 1
        for member in people.members:
            assert [wrong for wrong in member.wrong if wrong[0] == "after"] == []
            assert member.lost_connections == 0
