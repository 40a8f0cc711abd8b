"""Attacks and accidents of the store: servers that are killed, disks that are full, slow, damaged, or lie."""

import contextlib
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.scenarios.crashing import crash
from tests.scenarios.running import PATIENCE_S, TOP, RunningServer, environment, run_to_its_end
from tests.scenarios.talking import Talker
from tests.stores.conftest import fast_folder, shelf  # noqa: F401 - fixtures
from tests.stores.rig import seqs

MODES = ("process", "power")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "chat.db"


@pytest.fixture
def serve(path):
    """Start a server on the file: serve("--set", ...)."""
    running = []

    def serve_one(*flags):
        running.append(RunningServer("--port", "0", "--store", f"sqlite:{path}", *flags))
        return running[-1]

    yield serve_one
    for server in running:
        server.stop()


@pytest.fixture
def meet():
    """Make a chat client that is gone behind the test: meet(url), meet(url, "lobby", "ann")."""
    talkers = []

    def meet_one(url, channel=None, user=None):
        talkers.append(Talker(url))
        if channel:
            talkers[-1].join(channel, user)
        return talkers[-1]

    yield meet_one
    for talker in talkers:
        talker.socket.shutdown()


def store_error(answer):
    assert (answer["type"], answer["code"], answer["retry"]) == ("error", "store_unavailable", True), answer
    return answer["message"]


def until(condition):
    """Wait until it holds: the store tries again after a quarter of a second, then less and less often."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- 160 and 161: ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("durability", "rounds"), [("process", 4), ("power", 2)])
def test_m160_a_killed_server_loses_nothing_that_it_acknowledged(path, durability, rounds):
    acked, found = crash(path, durability, rounds, seed=1)
    assert 0 < acked <= found


@pytest.mark.parametrize("durability", MODES)
def test_m160_epoch_numbers_history_and_keys_outlive_every_end(meet, serve, durability):
    flags = ("--set", f"store.durability={durability}", "--set", "server.drain=0s")
    first = None
    for number, end in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM), 1):
        server = serve(*flags)
        talker = meet(server.ws())
        joined = talker.join("lobby", "ann", since=0, epoch=first["epoch"] if first else "")
        first = first or joined
        assert (joined["epoch"], joined["seq"], joined["recovered"]) == (first["epoch"], number - 1, number > 1)
        assert [message["text"] for message in joined["messages"]] == [str(one) for one in range(1, number)]
        assert talker.ask("message", channel="lobby", text=str(number), key=str(number))["seq"] == number
        again = talker.ask("message", channel="lobby", text="1", key="1")
        assert (again["seq"], again["duplicate"]) == (1, True)
        talker.close()
        server.signal(end)
        assert server.wait() == (0 if end == signal.SIGTERM else -9)


@pytest.mark.parametrize(("durability", "kept"), [("power", [1, 2, 3]), ("process", [])])
def test_m161_a_power_cut_takes_only_what_was_not_waited_for_and_numbers_of_that_get_another_epoch(
    shelf,  # noqa: F811
    durability,
    kept,
):
    store = shelf.open_sqlite(durability)
    shelf.keep_synced()
    shelf.post(store, 3)
    if durability == "power":
        shelf.keep_synced()  # that it has waited for the disk is what `PRAGMA synchronous` is tested for
    epoch = store.head("c").epoch
    store.close()
    shelf.cut_power()
    store = shelf.open_sqlite(durability)
    assert seqs(store.after("c", 0, 9)) == kept
    assert (store.head("c").epoch == epoch) is bool(kept)


# -- 162: fsync -------------------------------------------------------------------------------------------------------

PATCHED = """
import os, sqlite3, sys, time
from wsserver.stores.sqlite_batch import Plan

real = Plan.write_at_once

def write(plan, connection):
    if os.path.exists({sign!r}):
        {do}
    real(plan, connection)

Plan.write_at_once = write
from wsserver.cli import main
sys.exit(main(["serve", "--port", "0", "--store", {url!r}, "--set", "store.durability=power"]))
"""

FAIL = """error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC"
        raise error"""

WAIT = """while os.path.exists({sign!r}): time.sleep(0.01)"""


class Patched:
    """A server whose disk does something when a file appears."""

    def __init__(self, path, do):
        self.sign = path.with_name("sign")
        script = PATCHED.format(sign=str(self.sign), url=f"sqlite:{path}", do=do.format(sign=str(self.sign)))
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=TOP,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().split()[3].replace("http://", "ws://") + "/chat"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sign.unlink(missing_ok=True)
        self.process.kill()
        self.process.communicate()


def test_m162_an_fsync_that_fails_ends_the_server_and_is_never_tried_again(meet, path, serve):
    with Patched(path, FAIL) as patched:
        talker = meet(patched.url)
        talker.join("lobby", "ann")
        assert talker.ask("message", channel="lobby", text="kept")["seq"] == 1
        patched.sign.touch()
        talker.say("message", channel="lobby", text="lost", id=1)
        _, log = patched.process.communicate(timeout=PATIENCE_S)
        assert patched.process.returncode == 1
        assert "SQLITE_IOERR_FSYNC" in log
        assert "Traceback" not in log
    assert meet(serve().ws()).join("lobby", "ann")["seq"] == 1


# -- 163: what cannot be written --------------------------------------------------------------------------------------


def limit_files(server, size):
    """Let no file of the server grow past `size` bytes: its disk is full (setrlimit(2), RLIMIT_FSIZE)."""
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.mark.parametrize("durability", MODES)
def test_m163_a_full_disk_refuses_messages_and_nothing_else_and_is_seen_when_there_is_room_again(
    meet, serve, path, durability
):
    server = serve("--set", f"store.durability={durability}")
    ann, bob = meet(server.ws()), meet(server.ws())
    ann.join("lobby", "ann")
    bob.join("lobby", "bob")
    assert ann.ask("message", channel="lobby", text="before")["seq"] == 1
    limit_files(server, os.path.getsize(f"{path}-wal"))
    assert "Try again" in store_error(ann.ask("message", channel="lobby", text="lost"))
    status, _, body = server.get("/readyz")
    assert status == 503
    assert b"store: the disk" in body
    assert b"SQLITE_IOERR" in body or b"SQLITE_FULL" in body
    assert server.get("/livez")[0] == 200
    assert ann.ask("direct", to="bob", text="still here")["delivered"] == 1
    assert [message["text"] for message in ann.ask("history", channel="lobby")["messages"]] == ["before"]
    limit_files(server, resource.RLIM_INFINITY)
    until(lambda: server.get("/readyz")[0] == 200)
    assert ann.ask("message", channel="lobby", text="after")["seq"] == 2
    assert [bob.hear("message")["text"] for _ in range(2)] == ["before", "after"]
    assert server.log.count("ERROR") == 1


@pytest.mark.parametrize("durability", MODES)
def test_m163_while_another_program_writes_messages_are_refused_and_afterwards_they_are_not(
    meet, serve, path, durability
):
    server = serve("--set", f"store.durability={durability}")
    talker = meet(server.ws())
    talker.join("lobby", "ann")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "Try again" in store_error(talker.ask("message", channel="lobby", text="lost"))
    assert b"another program" in server.get("/readyz")[2]
    other.execute("ROLLBACK")
    other.close()
    until(lambda: server.get("/readyz")[0] == 200)
    assert talker.ask("message", channel="lobby", text="kept")["seq"] == 1


def test_m163_channels_without_history_go_on_without_a_disk(meet, serve, path, tmp_path):
    file = tmp_path / "wsserver.toml"
    file.write_text('[channels."passing"]\nhistory = 0\n')
    server = serve("-c", str(file))
    talker = meet(server.ws())
    talker.join("passing", "ann")
    talker.join("lobby")
    limit_files(server, os.path.getsize(f"{path}-wal"))
    talker.say("message", channel="lobby", text="lost", id="durable")
    assert talker.ask("message", channel="passing", text="heard")["seq"] == 1
    assert talker.hear("error")["id"] == "durable"
    limit_files(server, resource.RLIM_INFINITY)


# -- 164 and 165: what holds others up --------------------------------------------------------------------------------


def test_m164_what_no_store_can_keep_is_refused_before_it_meets_the_others(meet, serve):
    server = serve()
    talker = meet(server.ws())
    talker.join("lobby", "ann")
    for number, text in enumerate(["good", "bad \0", "good too"]):
        talker.say("message", channel="lobby", text=text, id=number)
    assert talker.hear("error")["id"] == 1
    assert [talker.hear("ack")["id"] for _ in range(2)] == [0, 2]
    assert [message["text"] for message in talker.ask("history", channel="lobby")["messages"]] == ["good", "good too"]


def test_m165_a_disk_that_takes_its_time_holds_up_acks_and_nobody_else(meet, path):
    with Patched(path, WAIT) as patched:
        ann, bob = meet(patched.url), meet(patched.url)
        ann.join("lobby", "ann")
        patched.sign.touch()
        ann.say("message", channel="lobby", text="slow", id="slow")
        for _ in range(50):
            bob.ask("ping")
            ann.ask("ping")
        assert bob.join("lobby", "bob")["seq"] == 0
        assert ann.kept == []
        patched.sign.unlink()
        assert ann.hear("ack")["seq"] == bob.hear("message")["seq"] == 1


# -- 167: files -------------------------------------------------------------------------------------------------------


def refuse_to_start(path):
    """Start a server on the file and return its one line of complaint."""
    code, out, err = run_to_its_end("--port", "0", "--store", f"sqlite:{path}")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1, err
    return err


def test_m167_a_newer_file_a_damaged_one_and_one_of_another_program_are_refused_with_a_word_what_to_do(serve, path):
    server = serve()
    server.signal(signal.SIGTERM)
    server.wait()
    good = path.read_bytes()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "newer wsserver" in refuse_to_start(path)
    path.write_bytes(b"not a database at all, but long enough to have a header of a hundred bytes." * 9)
    assert "name another file" in refuse_to_start(path)
    path.write_bytes(good[:4096] + os.urandom(len(good) - 4096))
    assert "restore it from a backup" in refuse_to_start(path)
    path.write_bytes(good)
    other = sqlite3.connect(path.with_name("other.db"))
    other.execute("CREATE TABLE customers (name)")
    other.close()
    assert "another program" in refuse_to_start(path.with_name("other.db"))
    assert "No such file or directory" in refuse_to_start(path.parent / "nowhere" / "chat.db")
    assert serve().get("/readyz")[0] == 200


def test_m167_a_file_that_is_in_use_is_refused(serve, path):
    serve()
    assert "another wsserver" in refuse_to_start(path)


@pytest.mark.parametrize("lost", [1, 100, 4096, 10_000])
def test_m167_of_a_torn_wal_everything_before_the_tear_is_found(meet, serve, path, lost):
    server = serve()
    talker = meet(server.ws())
    talker.join("lobby", "ann")
    for number in range(20):
        talker.ask("message", channel="lobby", text=str(number))
    server.signal(signal.SIGKILL)
    server.wait()
    wal = path.with_name("chat.db-wal")
    with open(wal, "r+b") as file:
        file.truncate(wal.stat().st_size - lost)
    joined = meet(serve().ws()).join("lobby", "ann")
    found = [message["text"] for message in joined["messages"]]
    assert 10 < len(found) < 20
    assert found == [str(number) for number in range(len(found))]
    assert joined["seq"] == len(found)


# -- 169: injection ---------------------------------------------------------------------------------------------------


def test_m169_names_texts_and_keys_are_never_read_as_sql(meet, serve, path):
    server = serve("--set", "websocket.max_message=1MiB")
    names = ["'); DROP TABLE entry; --", '"; DELETE FROM channel; --', "?1 :a @b $c", "x' OR '1'='1", "%s {0} \\"]
    for name in names:
        talker = meet(server.ws())
        talker.join(name, name)
        ack = talker.ask("message", channel=name, text=name, key=name)
        assert (ack["seq"], ack["duplicate"]) == (1, False)
        assert talker.ask("message", channel=name, text=name, key=name)["duplicate"] is True
        assert [message["text"] for message in talker.ask("history", channel=name)["messages"]] == [name]
    with contextlib.closing(sqlite3.connect(path)) as reader:
        rows = reader.execute("SELECT channel, user, text FROM messages").fetchall()
    assert sorted(rows) == sorted((name, name, name) for name in names)


def test_m169_every_statement_is_a_constant():
    """What is put into a statement by Python is a word of this code: of a pragma, or one of two statements."""
    for file in (TOP / "wsserver").rglob("*.py"):
        for line in file.read_text().splitlines():
            if re.search(r"execute(many|script)?\(", line) and re.search(r"f\"|format\(|%|\+", line):
                assert "PRAGMA" in line or "steps" in line or "{statement}" in line, f"{file.name}: {line.strip()}"
