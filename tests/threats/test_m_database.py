"""Accidents of a store that many nodes share: a database that goes in the middle of a commit."""

import pytest

from tests.engines.proxy import Proxy
from tests.house.tree import PACKAGE, read, sources
from tests.stores.conftest import database, node, postgres  # noqa: F401 - fixtures
from wsserver.chat.log import Publication


@pytest.mark.parametrize("direction", ["there", "back"])
def test_m166_a_batch_whose_outcome_is_unknown_is_stored_once(postgres, database, node, direction):  # noqa: F811
    with Proxy(postgres.port) as proxy:
        one = node(postgres.url(database.name, proxy.port)).ready()
        proxy.cut(direction)
        outcome = one.begin_append(*[Publication("c", "ann", str(number), 5) for number in range(9)])
        if direction == "back":
            one.turn_until(lambda: database("SELECT count(*) FROM wsserver.entry") == [("9",)])
        else:
            one.turn_until(lambda: proxy.kept > 50)
        assert outcome == []
        one.lose(proxy.sever)
        proxy.heal()
        one.reconnect()
        assert [stored.message.seq for stored in one.wait(outcome)] == list(range(1, 10))
        assert [message.text for message in one.read()] == [str(number) for number in range(9)]
        one.log.close()


def test_m168_no_statement_listens_or_notifies():
    for path in sources(PACKAGE / "stores"):
        assert not {"LISTEN", "NOTIFY", "pg_notify"} & set(read(path).replace("(", " ").split()), path
