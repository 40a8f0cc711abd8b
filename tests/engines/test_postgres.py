"""The private PostgreSQL is one, keeps nothing of other tests, and can be broken."""

import pytest
from psycopg import pq

from tests.engines.postgres import Database, Postgres


@pytest.fixture(scope="module")
def server():
    with Postgres() as server:
        yield server


def test_databases_know_nothing_of_each_other(server):
    one, other = (Database(server, server.new_database()) for _ in range(2))
    one("CREATE TABLE t AS SELECT 1 AS x")
    assert one("SELECT x, NULL FROM t") == [("1", None)]
    assert other("SELECT to_regclass('t')") == [(None,)]


def test_what_is_held_stays_locked_until_it_is_let_go(server):
    one = Database(server, server.new_database())
    one("CREATE TABLE t AS SELECT 1 AS x")
    with one.holding("SELECT FROM t FOR UPDATE"):
        assert one("SELECT x FROM t FOR UPDATE SKIP LOCKED") == []
    assert one("SELECT x FROM t FOR UPDATE NOWAIT") == [("1",)]


def test_a_crash_loses_nothing_that_was_committed(server):
    one = Database(server, server.new_database())
    one("CREATE TABLE t AS SELECT 1 AS x")
    server.crash()
    assert pq.PGconn.ping(one.url.encode()) == pq.Ping.NO_RESPONSE
    server.start()
    assert one("SELECT x FROM t") == [("1",)]


def test_a_mistake_in_a_statement_is_told(server):
    with pytest.raises(AssertionError, match="syntax error"):
        server.query(server.url(), "SELEKT")
