"""The base of all of them does what it says."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.private import PrivateServer, family_of, find_program, state_of, wait_until

STARTED = "echo x >> starts; sleep 600 & exec {redis} --port {port} --save ''"


class Listening(PrivateServer):
    """Redis, with a child beside it, and a line in its folder for each start."""

    def command(self):
        return ["/bin/sh", "-c", STARTED.format(redis=find_program("redis-server"), port=self.port)]


class Alone(PrivateServer):
    """Redis, and nothing else."""

    def command(self):
        return [find_program("redis-server"), "--port", self.port, "--save", ""]


@pytest.fixture
def listening():
    server = Listening()
    yield server
    server.stop()


def is_gone(pid):
    return state_of(pid) == "Z"


def test_it_answers_when_start_returns_and_its_folder_goes_with_it(listening):
    listening.start()
    socket.create_connection(("127.0.0.1", listening.port)).close()
    listening.stop()
    assert not listening.folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listening.port))


def test_pause_and_kill_reach_its_children(listening):
    family = family_of(listening.start().process.pid)
    assert len(family) == 2
    listening.pause()
    assert {state_of(pid) for pid in family} == {"T"}
    listening.resume()
    assert "T" not in {state_of(pid) for pid in family}
    listening.kill()
    assert all(map(is_gone, family))


def test_it_starts_again_with_its_folder_and_port_and_leaves_no_child_behind(listening):
    port = listening.start().port
    family = family_of(listening.process.pid)
    listening.end()
    assert all(map(is_gone, family))
    listening.start()
    assert (listening.port, (listening.folder / "starts").read_text()) == (port, "x\nx\n")


def test_one_that_ends_at_once_is_reported_with_what_it_said():
    server = PrivateServer()
    server.command = lambda: ["/bin/sh", "-c", "echo no such colour; exit 1"]
    with pytest.raises(AssertionError, match="no such colour"), server:
        pass
    assert not server.folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_root_runs_it_as_nobody(listening):
    assert os.stat(f"/proc/{listening.start().process.pid}").st_uid == os.stat(listening.folder).st_uid != 0


def test_a_missing_program_is_named_with_what_installs_it():
    with pytest.raises(AssertionError, match=r"no-such-program is not installed; \.ci/engines"):
        find_program("no-such-program")


def test_it_ends_with_who_has_started_it():
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.engines.test_private import Alone
server = Alone()
print(server.start().process.pid, server.folder, flush=True)
import os; os.kill(os.getpid(), {int(signal.SIGKILL)})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    pid, folder = done.stdout.split()
    pid = int(pid)
    shutil.rmtree(folder)
    wait_until(lambda: is_gone(pid), "it is still there")
