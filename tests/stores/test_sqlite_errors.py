"""What SQLite's errors mean."""

import sqlite3

import pytest

from wsserver.stores.sqlite_errors import SENTENCES, explain, is_final, is_foreign, is_of_the_world


def error(code: int, name: str = "SQLITE_X") -> sqlite3.OperationalError:
    made = sqlite3.OperationalError("what SQLite says")
    made.sqlite_errorcode = code
    made.sqlite_errorname = name
    return made


@pytest.mark.parametrize("code", SENTENCES)
def test_what_the_world_does_is_told_in_words_and_by_its_name(code: int) -> None:
    assert explain(error(code, "SQLITE_NAME")) == f"{SENTENCES[code]} (SQLITE_NAME)"
    assert is_of_the_world(error(code))
    assert not is_final(error(code))


def test_extended_codes_mean_what_their_primary_ones_do() -> None:
    found = error(sqlite3.SQLITE_IOERR_WRITE, "SQLITE_IOERR_WRITE")
    assert explain(found) == "the disk reports an error (SQLITE_IOERR_WRITE)"
    assert is_of_the_world(found)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE])
def test_our_own_mistakes_are_not_the_world_s(code: int) -> None:
    assert not is_of_the_world(error(code))
    assert explain(error(code)) == "SQLite failed (SQLITE_X)"


def test_an_error_of_python_s_own_has_no_code() -> None:
    mistake = sqlite3.ProgrammingError("Incorrect number of bindings supplied")
    assert not is_of_the_world(mistake)
    assert not is_final(mistake)
    assert "Incorrect number" in explain(mistake)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC])
def test_an_fsync_that_failed_is_final(code: int) -> None:
    assert is_final(error(code))
    assert is_of_the_world(error(code))


def test_rows_that_others_wrote_are_known_by_the_constraint_they_break() -> None:
    assert is_foreign(error(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY))
    assert not is_foreign(error(sqlite3.SQLITE_BUSY))
