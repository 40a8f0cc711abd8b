"""The schema is put in place once, whoever comes, and judged before a server runs."""

import socket
import threading

import pytest

from wsserver.chat.log import StoreUnavailable
from wsserver.stores.opening import migrate_store, open_remote_log
from wsserver.stores.postgres_conninfo import Conninfo
from wsserver.stores.postgres_schema import check, migrate
from wsserver.stores.postgres_statements import STEPS, VERSION


@pytest.fixture
def empty(postgres):
    return postgres.url(postgres.new_database())


def test_an_empty_database_is_brought_up_to_date_once(empty):
    assert migrate(Conninfo(empty)) == (0, VERSION)
    assert migrate(Conninfo(empty)) == (VERSION, VERSION)
    check(Conninfo(empty))
    assert len(STEPS) == VERSION


def test_it_is_said_what_was_done(empty):
    place = empty.rpartition("@")[2].replace(empty.split(":")[-1].split("/")[0], "").replace(":/", "/")
    assert migrate_store(empty) == f"{place} was brought from schema 0 to {VERSION}"
    assert migrate_store(empty) == f"{place} is up to date (schema {VERSION})"


def test_nodes_that_migrate_at_once_wait_for_each_other(empty):
    found = []
    threads = [threading.Thread(target=lambda: found.append(migrate(Conninfo(empty)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(0, VERSION)] + [(VERSION, VERSION)] * 3


def test_a_database_without_our_schema_is_refused_with_advice(empty):
    with pytest.raises(StoreUnavailable, match="has no schema of wsserver; run `wsserver migrate`"):
        check(Conninfo(empty))


def test_a_user_who_may_not_use_the_schema_is_told_what_he_needs_and_where(postgres, database):
    postgres.query(postgres.url(), "CREATE USER stranger")
    with pytest.raises(StoreUnavailable, match=f"{database.name}: its user may not do that") as caught:
        check(Conninfo(database.url.replace("wsserver@", "stranger@")))
    assert "migrate" not in str(caught.value)


@pytest.mark.parametrize(("step", "advice"), [(-1, "run `wsserver migrate` first"), (1, "run the newer one")])
def test_an_older_and_a_newer_schema_are_refused_with_advice(database, step, advice):
    database(f"UPDATE wsserver.store SET version = version + {step}")
    with pytest.raises(StoreUnavailable, match=advice):
        check(Conninfo(database.url))


def test_a_newer_schema_is_not_touched(database):
    database("UPDATE wsserver.store SET version = 99")
    with pytest.raises(StoreUnavailable, match="has schema 99, of a newer wsserver"):
        migrate(Conninfo(database.url))
    assert database("SELECT version FROM wsserver.store") == [("99",)]


def test_a_migration_that_fails_leaves_nothing_behind(postgres, empty):
    postgres.query(empty, "CREATE ROLE nobody_special LOGIN") if not postgres.query(
        empty, "SELECT FROM pg_roles WHERE rolname = 'nobody_special'"
    ) else None
    with pytest.raises(StoreUnavailable, match="could not be brought up to date: permission denied"):
        migrate(Conninfo(empty.replace("wsserver@", "nobody_special@")))
    assert migrate(Conninfo(empty)) == (0, VERSION)


def test_a_database_that_is_not_there_is_refused_with_advice_and_without_the_password():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(StoreUnavailable, match="see that it runs") as caught:
        check(Conninfo(f"postgresql://ann:secret@127.0.0.1:{port}/db"))
    assert "secret" not in str(caught.value)


def test_a_remote_log_is_opened_by_its_url(database, node, shelf):
    one = node()
    log = open_remote_log(database.url, one.reactor, one.offload, shelf.reporter, lambda _: 5)
    found = []
    log.glance("c", 5, found.append)
    one.turn_until(lambda: found)
    assert found[0].head.seq == 0
    log.close()
