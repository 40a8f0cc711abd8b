"""Servers of several processes: which there are, and whether they answer.

Read next: `test_workers.py`.
"""

import socket
import time

import psutil

from tests.scenarios.running import PATIENCE_S

APART = ("--set", "server.handoff=false")
"""Flags of workers between which clients are not handed, so that the members of one channel are in both."""

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def until(condition):
    """Wait for what other processes do; return what made it true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.02)
    return found


def workers_of(server):
    """The worker processes, by pid."""
    return {child.pid: child for child in psutil.Process(server.process.pid).children()}


def kill(*workers):
    """Kill workers, and wait for their end: what they accept until then is lost with them."""
    for worker in workers:
        worker.kill()
    assert psutil.wait_procs(workers, PATIENCE_S)[1] == []


def knock(server):
    """Open a connection and ask; nothing is read yet."""
    peer = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
    peer.sendall(GET)
    return peer


def answers(peers):
    """How many of them are answered."""
    count = 0
    for peer in peers:
        with peer:
            count += peer.recv(4096).startswith(b"HTTP/1.1 200 ")
    return count
