"""A worker hangs without ending: those who knock do not wait for it, and in the end it is replaced."""

import os
import re
import signal

import pytest
import websocket

from tests.scenarios.working import answers, knock, until, workers_of

KNOCKS = 50
"""Of so many connections the kernel gives a worker none once in 10^15 times, where there are two."""

SPREAD = 48
"""Clients opened until each of three workers has one: one in a hundred million times that is too few."""

LOST = (websocket.WebSocketConnectionClosedException, ConnectionError)

HANGING = """
import signal

def hang(*_):
    while True:
        pass

signal.signal(signal.SIGUSR2, hang)
"""
"""What Python runs first where it finds it: a way to hang."""


@pytest.fixture
def start_many(start, tmp_path):
    """Start so many workers over one file."""

    def start_them(count, *flags):
        return start("--workers", str(count), "--store", f"sqlite:{tmp_path}/chat.db", *flags)

    return start_them


def states(server):
    """How many workers are said to have answered, to be silent, to be down."""
    lines = server.get("/metrics")[2].decode().splitlines()
    return tuple(
        int(line.rpartition(" ")[2])
        for state in ("answered", "silent", "down")
        for line in lines
        if line.startswith(f'wsserver_workers{{state="{state}"}}')
    )


def served_by(server, talker):
    """The worker that a client is connected to."""
    port = talker.socket.sock.getsockname()[1]
    for pid, worker in workers_of(server).items():
        if any(link.raddr and link.raddr.port == port for link in worker.net_connections("tcp")):
            return pid
    raise AssertionError("nobody serves it")


def test_others_accept_for_a_worker_that_is_stopped_until_it_goes_on(start_many):
    server = start_many(2, "--set", "server.worker_timeout=0")
    before = workers_of(server)
    stopped = next(iter(before.values()))
    stopped.suspend()
    try:
        assert answers([knock(server) for _ in range(KNOCKS)]) == KNOCKS  # those who wait for it already
        assert "worker_silent" in server.log
        for _ in range(KNOCKS):
            assert answers([knock(server)]) == 1
        assert states(server) == (1, 1, 0)
    finally:
        stopped.resume()
    until(lambda: "worker_answers" in server.log)
    until(lambda: states(server) == (2, 0, 0))
    assert answers([knock(server) for _ in range(KNOCKS)]) == KNOCKS
    assert workers_of(server).keys() == before.keys()
    assert "worker_ended" not in server.log


def test_workers_that_hang_for_too_long_say_where_and_are_replaced_and_their_clients_go_on(
    start_many, connect, room, tmp_path, monkeypatch
):
    (tmp_path / "sitecustomize.py").write_text(HANGING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = start_many(3, "--set", "server.worker_timeout=4s")
    clients, users = {}, {}
    for number in range(SPREAD):
        talker = connect(server)
        talker.join(f"home-{number}", f"user-{number}")  # from now on it stays where it is
        if clients.setdefault(pid := served_by(server, talker), talker) is talker:
            users[pid] = f"user-{number}"
        if len(clients) == 3:
            break
    well, stopped, looping = clients
    joined = {pid: talker.join(room) for pid, talker in clients.items()}
    os.kill(looping, signal.SIGUSR2)
    until(lambda: "worker_silent" in server.log)
    os.kill(stopped, signal.SIGSTOP)  # later, so that what both will write is not mixed
    assert clients[well].ask("message", channel=room, text="where are you?")["seq"] == 1
    assert answers([knock(server) for _ in range(KNOCKS)]) == KNOCKS

    until(lambda: server.log.count("worker_back") == 2)
    assert server.log.count("worker_silent") >= server.log.count("worker_hangs") == 2
    assert server.log.count("exit=-6") == 2
    assert re.search(r'sitecustomize\.py", line \d in hang\n', server.log)
    assert server.log.count("Fatal Python error: Aborted") == 2
    assert workers_of(server).keys() & clients.keys() == {well}
    for pid in (stopped, looping):
        with pytest.raises(LOST):
            clients[pid].hear("nothing more")
        back = connect(server).join(room, users[pid], since=0, epoch=joined[pid]["epoch"])
        assert [message["text"] for message in back["messages"]] == ["where are you?"]
    until(lambda: clients[well].ask("presence", channel=room)["count"] == 3)
