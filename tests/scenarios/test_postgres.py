"""A server as people run it, over a private PostgreSQL: started, killed, and with a database that comes and goes."""

import subprocess
import sys
import time

import pytest

from tests.engines.postgres import Postgres
from tests.scenarios.running import PATIENCE_S, TOP, RunningServer, environment, run_to_its_end
from tests.scenarios.talking import Talker


@pytest.fixture(scope="module")
def server_of_databases():
    with Postgres() as postgres:
        yield postgres


@pytest.fixture
def empty(server_of_databases):
    return server_of_databases.url(server_of_databases.new_database())


@pytest.fixture
def url(empty):
    done = migrate(empty)
    assert (done.returncode, done.stderr) == (0, "")
    return empty


@pytest.fixture
def serve(url):
    running = []

    def serve_one(*flags):
        running.append(RunningServer("--port", "0", "--store", url, *flags))
        return running[-1]

    yield serve_one
    for server in running:
        server.stop()


@pytest.fixture
def meet():
    """Make a chat client that is gone behind the test."""
    talkers = []

    def meet_one(server):
        talkers.append(Talker(server.ws()))
        return talkers[-1]

    yield meet_one
    for talker in talkers:
        talker.socket.shutdown()


def migrate(url):
    return subprocess.run(
        [sys.executable, "-m", "wsserver", "migrate", "--store", url],
        cwd=TOP, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def test_a_database_without_tables_is_exit_1_and_one_sentence_that_says_what_to_do(empty):
    code, output, error = run_to_its_end("--port", "0", "--store", empty)
    assert (code, output) == (1, "")
    assert "run `wsserver migrate`" in error
    assert error.count("\n") == 1
    assert migrate(empty).stdout.endswith("was brought from schema 0 to 1\n")
    assert migrate(empty).stdout.endswith("is up to date (schema 1)\n")


def test_a_database_that_is_not_there_is_exit_1_and_one_sentence_without_the_password():
    code, output, error = run_to_its_end("--port", "0", "--store", "postgresql://ann:secret@127.0.0.1:1/chat")
    assert (code, output) == (1, "")
    assert "see that it runs" in error
    assert error.count("\n") == 1
    assert "secret" not in error


def test_a_killed_server_loses_nothing_that_it_acknowledged_and_numbers_go_on(serve, meet):
    first = serve("--set", "limits.rate=0")
    talker = meet(first)
    before = talker.join("lobby", "ann")
    for number in range(200):
        talker.say("message", channel="lobby", text=str(number), id=number, key=str(number))
    acked = [talker.hear("ack", id=number)["seq"] for number in range(120)]
    first.end("SIGKILL")
    other = meet(serve())
    after = other.join("lobby", "ann", since=0, epoch=before["epoch"])
    assert (after["epoch"], after["recovered"]) == (before["epoch"], True)
    texts = {message["seq"]: message["text"] for message in after["messages"]}
    assert list(texts) == list(range(1, len(texts) + 1))
    assert [texts[seq] for seq in acked] == [str(number) for number in range(120)]
    again = other.ask("message", channel="lobby", text="again", key="7")
    assert (again["seq"], again["duplicate"]) == (acked[7], True)
    assert other.ask("message", channel="lobby", text="new")["seq"] == len(texts) + 1


def test_while_the_database_is_away_messages_are_refused_and_the_rest_goes_on(serve, meet, server_of_databases):
    server = serve("--set", "limits.rate=0", "--set", 'channels."passing".history=0')
    talker = meet(server)
    talker.join("lobby", "ann")
    talker.join("passing")
    assert talker.ask("message", channel="lobby", text="before")["seq"] == 1
    server_of_databases.crash()
    try:
        # A message that is sent before the server has heard of it is in doubt, and waits for the database to come back.
        until = time.monotonic() + PATIENCE_S
        while server.get("/readyz")[0] == 200:
            assert time.monotonic() < until, server.log
        refused = talker.ask("message", channel="lobby", text="while")
        assert (refused["type"], refused["code"], refused["retry"]) == ("error", "store_unavailable", True)
        assert talker.ask("message", channel="passing", text="still")["type"] == "ack"
        status, _, body = server.get("/readyz")
        assert (status, b"store" in body) == (503, True)
    finally:
        server_of_databases.start()
    until = time.monotonic() + 3 * PATIENCE_S
    while server.get("/readyz")[0] != 200:
        assert time.monotonic() < until, server.log
    assert talker.ask("message", channel="lobby", text="after")["type"] == "ack"
    history = talker.ask("history", channel="lobby")
    assert "messages" in history, (history, server.log)
    assert [message["text"] for message in history["messages"]] == ["before", "after"]
