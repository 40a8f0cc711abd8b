"""How libpq is told where the database is."""

import pytest
from psycopg import pq

from wsserver.chat.log import StoreUnavailable
from wsserver.stores.postgres_conninfo import HABITS, Conninfo


def parts(conninfo):
    return {option.keyword.decode(): option.val.decode() for option in pq.Conninfo.parse(conninfo) if option.val}


def test_our_habits_hold_unless_the_url_says_otherwise():
    found = parts(Conninfo("postgresql://ann@h/db?keepalives_idle=77&sslmode=verify-full").render())
    assert (found["keepalives_idle"], found["sslmode"], found["dbname"]) == ("77", "verify-full", "db")
    assert {name for name, value in HABITS.items() if found.get(name) == value} == set(HABITS) - {"keepalives_idle"}


def test_what_is_odd_in_a_password_is_kept():
    assert parts(Conninfo("postgres://ann:%27a%5Cb%20c%C3%A9@h/db").render())["password"] == "'a\\b cé"


@pytest.mark.parametrize(
    "url", ["postgresql://u:secret@h:x/db?nonsense=1", "postgresql://u:secret%zz@h", "postgresql://["]
)
def test_a_url_that_libpq_cannot_read_is_refused_without_its_password(url):
    with pytest.raises(StoreUnavailable, match="expected postgresql://") as caught:
        Conninfo(url)
    assert "secret" not in str(caught.value)


def test_the_place_holds_no_password():
    assert Conninfo("postgresql://ann:secret@h1,h2/db").place == "h1,h2/db"
    assert Conninfo("postgresql://").place == "local/"


@pytest.mark.parametrize(
    ("url", "needs"),
    [
        ("postgresql://h/db", True),
        ("postgresql://127.0.0.1,h/db", True),
        ("postgresql://127.0.0.1/db", False),
        ("postgresql://[::1]/db", False),
        ("postgresql://h/db?hostaddr=127.0.0.1", False),
        ("postgresql://%2Frun%2Fpostgresql/db", False),
        ("postgresql:///db", False),
    ],
)
def test_only_names_have_to_be_looked_up(url, needs):
    assert Conninfo(url).needs_resolving == needs


def test_each_host_is_there_with_each_of_its_addresses_and_its_own_port():
    def resolve(host, port):
        return [(2, (f"{host}.{number}", port)) for number in (1, 2)]

    found = parts(Conninfo("postgresql://a:1,127.0.0.1:2,b:3/db").resolve(resolve))
    assert found["host"] == "a,a,127.0.0.1,b,b"
    assert found["hostaddr"] == "a.1,a.2,127.0.0.1,b.1,b.2"
    assert found["port"] == "1,1,2,3,3"


def test_one_host_that_is_not_found_does_not_hide_the_others():
    def resolve(host, port):
        if host == "a":
            raise OSError("no such host")
        return [(2, ("10.0.0.1", port))]

    assert parts(Conninfo("postgresql://a,b/db").resolve(resolve))["host"] == "b"
    with pytest.raises(OSError, match="no such host"):
        Conninfo("postgresql://a/db").resolve(resolve)
