"""Part K, workers: what becomes of those who knock when one is killed, and of one that dies at each start."""

import re
import shutil

import psutil
import pytest

from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import open_raw
from tests.scenarios.working import answers, kill, knock, until, workers_of


@pytest.fixture
def start_two(start):
    """Start two workers."""
    return lambda *flags: start("--workers", "2", "--set", "server.drain=100ms", *flags)


def test_k148_who_waits_in_the_queue_of_a_worker_that_is_killed_is_answered(start_two):
    server = start_two()
    victim = next(iter(workers_of(server).values()))
    victim.suspend()
    peers = [knock(server) for _ in range(40)]
    victim.kill()
    assert answers(peers) == 40


def test_k148_nobody_is_refused_or_reset_while_a_worker_is_killed_and_replaced(start_two):
    server = start_two()
    before = workers_of(server)
    kill(next(iter(before.values())))
    until(
        lambda: answers([knock(server) for _ in range(5)]) == 5 and len(workers_of(server).keys() - before.keys()) == 1
    )
    until(lambda: "worker_back" in server.log)
    assert answers([knock(server) for _ in range(20)]) == 20
    assert len(workers_of(server)) == 2


def test_k148_the_port_stays_bound_and_knocks_wait_while_all_workers_are_dead(start_two):
    server = start_two()
    kill(*workers_of(server).values())
    assert answers([knock(server) for _ in range(10)]) == 10


def test_k149_one_that_dies_at_each_start_is_tried_less_and_less_often_while_the_other_serves(start_two, tmp_path):
    page = tmp_path / "page"
    page.mkdir()
    server = start_two("--set", f"server.static={page}")
    shutil.rmtree(page)
    kill(next(iter(workers_of(server).values())))
    pauses = until(lambda: len(found := re.findall(r"again_in_s=([\d.]+)", server.log)) >= 4 and found)
    assert float(pauses[3]) > float(pauses[0])
    assert "cannot read the files of the page" in server.log
    assert answers([knock(server) for _ in range(20)]) == 20
    page.mkdir()
    until(lambda: "worker_back" in server.log)


def test_k149_the_workers_end_when_the_supervisor_is_killed(start_two):
    server = start_two()
    workers = workers_of(server)
    with open_raw(server.port) as sock:
        server.end("SIGKILL")
        assert sock.recv(100)[2:4] == b"\x03\xf4"  # closed with 1012
    gone, alive = psutil.wait_procs(workers.values(), PATIENCE_S)
    assert (len(gone), alive) == (2, [])
