"""What errors of the database are taken for."""

import pytest
from psycopg import pq

from wsserver.stores.postgres_errors import AGAIN, SENTENCES, TOO_SLOW, LinkLost, Refused, refusal


@pytest.fixture
def session(postgres):
    session = postgres.connect(postgres.url())
    yield session
    session.finish()


def fail(session, code):
    return refusal(session.exec_(f"DO $$ BEGIN RAISE 'words' USING ERRCODE = '{code}'; END $$".encode()))


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("53100", "no room left (words)"),
        ("57014", "took too long"),
        ("42501", "who owns the schema"),
        ("42P01", "migrate"),
    ],
)
def test_a_refusal_says_what_it_means_and_what_the_database_said(session, code, sentence):
    found = fail(session, code)
    assert isinstance(found, Refused)
    assert found.code == code
    assert sentence in str(found)


def test_an_error_without_a_sentence_of_ours_is_told_in_the_databases_words(session):
    assert str(fail(session, "22012")) == "the database refused it (words)"


def test_a_session_that_is_ended_has_not_answered(session):
    session.send_query(b"SELECT pg_terminate_backend(pg_backend_pid())")
    found = refusal(session.get_result())
    assert isinstance(found, LinkLost)
    assert "shutting down" in str(found)


def test_a_link_that_is_gone_has_not_answered(session):
    result = session.exec_(b"SELECT pg_terminate_backend(pg_backend_pid())")
    assert (session.status, result.error_field(pq.DiagnosticField.SQLSTATE)) == (pq.ConnStatus.BAD, None)
    assert isinstance(refusal(result), LinkLost)


def test_what_is_tried_again_and_what_is_slow_have_nothing_in_common():
    assert not AGAIN & TOO_SLOW
    assert all(len(code) == 5 for code in AGAIN | TOO_SLOW)
    assert all(len(code) == 2 for code in SENTENCES)
