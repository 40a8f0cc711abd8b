"""Several processes on one port, as people run them: who dies, who goes on, and that nobody is turned away."""

import contextlib
import os
import re
import signal
import socket

import psutil
import pytest

from tests.scenarios.running import PATIENCE_S, run_to_its_end
from tests.scenarios.working import GET, answers, kill, knock, until, workers_of


@pytest.fixture
def start_two(start):
    return lambda *flags, **named: start("--workers", "2", "--set", "server.drain=100ms", *flags, **named)


def test_there_is_one_ready_line_and_it_names_the_supervisor(start_two, open_socket):
    server = start_two()
    assert len(workers_of(server)) == 2
    sock = open_socket(server.ws("/echo"))
    sock.send("hello")
    assert sock.recv() == "hello"
    sock.close()
    assert server.end("SIGTERM") == 0
    assert server.rest_of_output() == b""


def test_both_serve_and_each_line_of_the_log_says_who_wrote_it(start_two, open_socket):
    server = start_two("--log-level", "debug")
    for _ in range(30):
        open_socket(server.ws("/echo")).close()
    until(lambda: set(re.findall(r"client_gone.* worker=(\d)", server.log)) == {"0", "1"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_all_also_when_it_reaches_every_process_at_once(start_two, open_socket, number):
    server = start_two()
    sockets = [open_socket(server.ws("/echo")) for _ in range(8)]
    for pid in (*workers_of(server), server.process.pid):
        os.kill(pid, number)
    for sock in sockets:
        assert sock.recv_data(control_frame=True)[1][:2] == b"\x03\xf4"
        sock.shutdown()
    assert server.wait() == 0


def test_a_second_signal_ends_all_now_with_1(start, open_socket):
    server = start("--workers", "2", "--set", "server.drain=1h")
    workers = workers_of(server)
    open_socket(server.ws("/echo"))
    server.signal(signal.SIGTERM)
    until(lambda: server.log.count("draining") == 3)
    assert server.end("SIGTERM") == 1
    assert psutil.wait_procs(workers.values(), PATIENCE_S)[1] == []


def test_a_worker_that_is_told_to_stop_drains_and_another_takes_its_place(start_two):
    server = start_two()
    before = workers_of(server)
    os.kill(next(iter(before)), signal.SIGTERM)
    until(lambda: "worker_back" in server.log)
    assert len(workers_of(server).keys() & before.keys()) == 1
    assert "exit=0" in server.log


def test_settings_are_read_again_and_reach_all_workers(start_two, tmp_path):
    file = tmp_path / "wsserver.toml"
    file.write_text("[server]\nhosts = []\n")
    server = start_two("-c", str(file))
    file.write_text("[server]\nhosts = [\n")
    server.signal(signal.SIGHUP)
    until(lambda: "reload_failed" in server.log)
    assert answers([knock(server) for _ in range(20)]) == 20
    file.write_text('[server]\nhosts = ["chat.example"]\n[chat]\nhistory = 3\n')
    server.signal(signal.SIGHUP)
    until(lambda: server.log.count("restart_needed") == 2)
    assert answers([knock(server) for _ in range(20)]) == 0


def test_every_worker_says_where_it_stands(start_two):
    server = start_two()
    server.signal(signal.SIGUSR1)
    until(lambda: server.log.count("This is where the server stands.") == 2)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores cannot be chosen here")
def test_each_worker_has_a_core_of_its_own_unless_it_shall_not(start_two):
    cores = sorted(os.sched_getaffinity(0))
    pinned = {tuple(worker.cpu_affinity()) for worker in workers_of(start_two()).values()}
    assert pinned == {(core,) for core in cores[:2]}
    free = start_two("--no-pin")
    assert {tuple(worker.cpu_affinity()) for worker in workers_of(free).values()} == {tuple(cores)}


def test_a_worker_holds_what_it_was_given_and_nothing_of_ours(start_two, tmp_path):
    with open(tmp_path / "secret", "w", encoding="ascii") as file:
        os.set_inheritable(file.fileno(), True)
        server = start_two(pass_fds=(file.fileno(),))
        for pid in workers_of(server):
            held = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            assert str(tmp_path / "secret") not in held
            assert sum(name.startswith("anon_inode:[eventpoll]") for name in held) == 1


def test_a_unix_socket_is_shared_and_goes_with_the_supervisor(start_two, tmp_path):
    path = str(tmp_path / "s")
    server = start_two("--unix", path)
    with contextlib.ExitStack() as behind:
        kill(next(iter(workers_of(server).values())))
        for _ in range(10):
            peer = behind.enter_context(socket.socket(socket.AF_UNIX))
            peer.settimeout(PATIENCE_S)
            peer.connect(path)
            peer.sendall(GET)
            assert peer.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert server.end("SIGTERM") == 0
    assert not os.path.exists(path)


def test_what_keeps_a_worker_from_starting_is_told_once_and_the_exit_code_is_its_own(tmp_path):
    code, output, errors = run_to_its_end("--workers", "2", "--port", "0", "--set", f"server.static={tmp_path}/nowhere")
    assert (code, output, errors.count("\n")) == (1, "", 1)
    assert "server.static" in errors
    code, output, errors = run_to_its_end("--workers", "2", "--port", "0", "--set", "auth.mode=token")
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert "WSSERVER_AUTH_SECRET" in errors
