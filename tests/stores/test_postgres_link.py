"""What happens to questions and batches when the database, or the way to it, fails."""

import pytest

from tests.engines.postgres import Postgres, SecurePostgres
from tests.engines.proxy import Proxy
from tests.stores.postgres_rig import Node
from wsserver.chat.log import Publication, StoreUnavailable
from wsserver.stores.postgres import UNKNOWN_S
from wsserver.stores.postgres_conninfo import Conninfo
from wsserver.stores.postgres_link import ANSWER_S, RETRY_MOST_S, STATEMENT_S
from wsserver.stores.postgres_schema import migrate

END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = 'wsserver' AND datname = current_database()"
)
SAID = Publication("c", "ann", "text", 5)


@pytest.fixture
def proxy(postgres):
    with Proxy(postgres.port) as proxy:
        yield proxy


@pytest.fixture
def far(node, database, proxy):
    """A node whose way to the database can be broken."""
    return node(database.server.url(database.name, proxy.port)).ready()


def seqs(messages):
    return [message.seq for message in messages]


def count(database):
    return int(database("SELECT count(*) FROM wsserver.entry")[0][0])


def test_the_database_gives_up_before_the_link_does():
    assert STATEMENT_S < ANSWER_S


def test_what_was_stored_without_an_answer_is_answered_by_the_next_link_and_not_stored_again(far, database, proxy):
    far.post()
    proxy.cut("back")
    outcome = far.begin_append(SAID, SAID)
    far.turn_until(lambda: count(database) == 3)
    assert outcome == []
    far.lose(proxy.sever)
    proxy.heal()
    far.reconnect()
    assert [one.message.seq for one in far.wait(outcome)] == [2, 3]
    assert far.post() == [4]
    assert seqs(far.read()) == [1, 2, 3, 4]


def test_what_did_not_arrive_is_sent_again_by_the_next_link(far, database, proxy):
    far.post()
    proxy.cut("there")
    outcome = far.begin_append(SAID)
    far.turn_until(lambda: proxy.kept > 50)
    far.lose(proxy.sever)
    proxy.heal()
    far.reconnect()
    assert [one.message.seq for one in far.wait(outcome)] == [2]
    assert count(database) == 2


def test_a_batch_that_arrives_late_after_the_next_link_sent_it_is_not_stored_again(far, database, proxy):
    """The first connection hangs with the batch in it, the second brings it; then the first gets through."""
    proxy.cut("there")
    outcome = far.begin_append(SAID)
    far.turn_until(lambda: proxy.kept > 50)
    parcel = far.log._parcel[0]
    far.lose(proxy.sever)
    proxy.heal()
    far.reconnect()
    far.wait(outcome)
    late = []
    far.log._writer.ask("append", parcel.parameters, late.append)
    assert far.wait(late).get_value(0, 0)
    assert far.post() == [2]
    later = []
    far.log._writer.ask("append", parcel.parameters, later.append)
    assert "comes after" in str(far.wait(later))
    assert count(database) == 2


def test_a_frozen_database_is_found_by_the_clock_and_what_it_had_is_asked_after(node, database, postgres):
    one = node().ready()
    one.post()
    postgres.pause()
    try:
        outcome, page, glance = one.begin_append(SAID), [], []
        one.log.read("c", 1, 9, page.append)
        one.log.glance("c", 9, glance.append)
        one.jump(ANSWER_S - 0.1)
        assert (outcome, page, glance, one.log.trouble) == ([], [], [], None)
        one.jump(0.2)
        assert isinstance(page[0], StoreUnavailable)
        assert isinstance(glance[0], StoreUnavailable)
        assert outcome == []
        assert "does not answer" in one.log.trouble
        assert one.reporter.said == ["the database does not answer"]
        for _ in range(20):
            one.jump(0.5)
        refused = one.glance()
        assert isinstance(refused, StoreUnavailable)
    finally:
        postgres.resume()
    one.reconnect()
    assert [stored.message.seq for stored in one.wait(outcome)] == [2]
    assert one.post() == [3]
    assert seqs(one.read()) == [1, 2, 3]
    assert one.reporter.said == ["the database does not answer", "recovered"]


def test_a_batch_of_which_nothing_is_heard_any_more_is_refused_and_the_log_says_that_nobody_knows(far, database, proxy):
    proxy.cut("back")
    outcome = far.begin_append(SAID, SAID)
    far.turn_until(lambda: count(database) == 2)
    proxy.refuse()
    far.lose(proxy.sever)
    for _ in range(round(UNKNOWN_S) - 1):
        far.jump(1)
    assert outcome == []
    far.jump(2)
    assert isinstance(outcome[0], StoreUnavailable)
    assert "may be there or not" in str(outcome[0])
    assert "it is not known whether 2 messages were stored: they were refused" in far.reporter.said
    proxy.heal()
    far.reconnect()
    assert far.post() == [3]


def test_without_a_link_everything_is_refused_at_once_and_with_the_reason(far, proxy):
    proxy.refuse()
    far.lose(proxy.sever)
    for answer in (far.append(SAID), far.glance(), far.read()):
        assert isinstance(answer, StoreUnavailable)
        assert str(answer) in (far.log._writer.down_because, far.log._reader.down_because)


def test_it_is_tried_again_less_and_less_often_and_recovers_by_itself(far, proxy):
    proxy.refuse()
    far.lose(proxy.sever)
    for _ in range(240):
        far.jump(0.25)
    attempts = far.log._writer.attempts
    assert 8 <= attempts <= 8 + 2 * 60 / RETRY_MOST_S
    proxy.heal()
    far.reconnect()
    assert far.post() == [1]
    assert far.reporter.said[-1] == "recovered"
    assert len(far.reporter.said) == 2


def test_a_connection_that_never_gets_through_is_given_up(far, proxy):
    proxy.cut()
    far.lose(proxy.sever)
    far.turn_until(lambda: far.jump(0.05) or far.log._writer._conn is not None)
    hanging = far.log._writer._conn
    far.jump(ANSWER_S + 1)
    assert far.log._writer._conn is not hanging
    assert "does not answer" in far.log.trouble


def test_a_database_that_crashed_has_everything_that_was_acknowledged(node):
    with Postgres() as server:
        url = server.url(server.new_database())
        migrate(Conninfo(url))
        one = node(url)
        epoch = one.glance().head.epoch
        one.post(5)
        one.ready()
        outcome = one.begin_append(SAID)
        one.lose(server.crash)
        server.start()
        one.reconnect()
        assert [stored.message.seq for stored in one.wait(outcome)] == [6]
        assert one.glance().head.epoch == epoch
        assert seqs(one.read()) == [1, 2, 3, 4, 5, 6]


def test_sessions_that_are_ended_by_hand_come_back(node, database):
    one = node().ready()
    one.post()
    one.lose(lambda: database(END_SESSIONS))
    assert "the connection to the database is lost" in one.log.trouble
    assert one.reconnect().post() == [2]


def test_a_database_that_may_not_be_written_is_trouble_until_it_may(node, database):
    one = node().ready()
    one.post()
    database("CREATE TABLE full_disk AS SELECT true AS is_full")
    database(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT is_full FROM full_disk) THEN "
        "RAISE 'no space left' USING ERRCODE = '53100'; END IF; RETURN NEW; END $$"
    )
    database("CREATE TRIGGER refuse BEFORE UPDATE ON wsserver.writer FOR EACH ROW EXECUTE FUNCTION refuse()")
    assert "no room left (no space left)" in str(one.append(SAID))
    one.turn_until(lambda: one.jump(0.1) or one.log._writer.attempts > 2)
    assert "no room left" in one.log.trouble
    assert seqs(one.read()) == [1]
    database("UPDATE full_disk SET is_full = false")
    assert one.reconnect().post() == [2]
    assert one.log.trouble is None


def test_a_standby_is_not_taken_for_the_database(node, database):
    one = node().ready()
    database(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    one.lose(lambda: database(END_SESSIONS))
    one.turn_until(lambda: one.jump(0.1) or one.log._writer.attempts > 2)
    assert "read-only" in one.log.trouble
    database.server.query(database.server.url(), f"ALTER DATABASE {database.name} RESET ALL")
    assert one.reconnect().post() == [1]


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_batch_that_others_were_in_the_way_of_is_tried_again(node, database, code):
    one = node().ready()
    database("CREATE SEQUENCE wsserver.tries")
    database(
        "CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF nextval('wsserver.tries') < 4 THEN RAISE 'in the way' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$"
    )
    database("CREATE TRIGGER stumble BEFORE INSERT ON wsserver.entry FOR EACH ROW EXECUTE FUNCTION stumble()")
    assert one.post() == [1]
    assert one.log._writer.attempts == 1


def test_a_schema_that_became_newer_is_refused_and_named(node, database):
    one = node().ready()
    database("UPDATE wsserver.store SET version = version + 1")
    one.lose(lambda: database(END_SESSIONS))
    one.turn_until(lambda: one.jump(0.1) or "schema 2, this wsserver needs 1" in (one.log.trouble or ""))
    assert isinstance(one.append(SAID), StoreUnavailable)


def test_questions_before_the_first_link_is_up_wait_for_it(database):
    one = Node(database.url)
    try:
        assert one.log.trouble is None
        assert one.glance().head.seq == 0
        assert one.post() == [1]
    finally:
        one.close()


def test_a_host_is_looked_up_in_a_thread(node, database, monkeypatch):
    url = database.url.replace("127.0.0.1", "localhost")
    one = node(url)
    asked = []
    resolve = one.reactor.world.resolve_tcp
    one.reactor.world.resolve_tcp = lambda host, port: asked.append(host) or resolve(host, port)
    database("SELECT 1")
    assert one.ready().post() == [1]
    one.log._writer.give_up("a test says so")
    assert one.reconnect().post() == [2]
    assert asked == ["localhost"]


def test_a_host_that_cannot_be_found_is_trouble(node, database):
    one = node(database.url.replace("127.0.0.1", "localhost"))

    def fail(host, port):
        raise OSError("no such host")

    one.reactor.world.resolve_tcp = fail
    one.ready()
    one.log._writer.give_up("a test says so")
    one.turn_until(lambda: one.jump(0.1) or "cannot be found (no such host)" in one.log.trouble)


def test_a_large_batch_goes_through_a_slow_way_piece_by_piece(far, proxy):
    proxy.delay(0.01)
    outcome = far.begin_append(*[Publication("c", "ann", "x" * 20_000, 5)] * 200)
    assert far.wait(outcome)[-1].message.seq == 200
    assert seqs(far.read(first=1, last=300)) == list(range(1, 201))


def test_it_speaks_tls_and_judges_the_certificate_by_the_name_that_was_looked_up():
    with SecurePostgres() as server:
        name = server.new_database()
        url = (
            server.url(name).replace("127.0.0.1", "localhost")
            + f"?sslmode=verify-full&sslrootcert={server.certificate}"
        )
        migrate(Conninfo(url))
        one = Node(url).ready()
        try:
            assert one.log._reader._conn.ssl_in_use
            batch = [Publication("c", "ann", "x" * 5000, 5)] * 300
            assert one.store(*batch)[-1].message.seq == 300
            assert len(one.read()) == 300
        finally:
            one.close()
        with pytest.raises(StoreUnavailable, match="does not match"):
            Node(server.url(name) + f"?sslmode=verify-full&sslrootcert={server.certificate}")
