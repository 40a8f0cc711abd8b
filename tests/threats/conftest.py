"""Attacks run against a real server at whose side an honest client is connected, and are judged by what they leave.

Behind each test that used `attacker`: the honest client gets its answer, so does a new one, every socket is closed, the
log has grown by a line at most. Behind each file: the server lives, nothing of it crashed, and its memory is as it was.
"""

import contextlib
import os
import time

import pytest

from tests.clients.conftest import expect_errors, house, make_house  # noqa: F401 - fixtures for all files here
from tests.scenarios.conftest import connect, language, open_socket, start  # noqa: F401 - fixtures for all files here
from tests.scenarios.running import PATIENCE_S, RunningServer
from tests.scenarios.talking import open_raw
from tests.threats.attacking import Attacker, open_files
from tests.threats.chatting import people, room  # noqa: F401 - fixtures for all files here
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import TEXT

MEMORY_KEPT = 24 << 20
"""Bytes that a server may have more behind all attacks of a file: an interpreter's heap never shrinks to the byte."""


@pytest.fixture(scope="module")
def flags():
    """What the server of a file is started with; a file may have its own."""
    return ()


@pytest.fixture(scope="module")
def server(flags):
    """One server for all tests of a file."""
    running = RunningServer("--port", "0", *flags)
    try:
        assert running.get("/livez")[0] == 200
        before = running.resident_bytes()
        yield running
        assert running.get("/livez")[0] == 200
        assert "Traceback" not in running.log
        assert running.resident_bytes() - before < MEMORY_KEPT
    finally:
        running.stop()


@pytest.fixture
def attacker(server):
    """Make connections that mean harm: attacker() -> Attacker."""
    files, lines = open_files(server), server.log.count("\n")
    honest = open_raw(server.port)
    with contextlib.ExitStack() as behind:
        behind.callback(honest.close)

        def make():
            one = Attacker(server)
            behind.callback(one.close)
            return one

        yield make
        assert_served(honest)
        with open_raw(server.port) as newcomer:
            assert_served(newcomer)
    assert server.log.count("\n") - lines <= 1, server.log
    assert_all_closed(server, files)


@pytest.fixture
def compressing(attacker):
    """Make connections that agreed on compression: compressing() -> Attacker."""

    def make(path="/echo", parameters=""):
        one = attacker()
        assert b"permessage-deflate" in one.open(path, Sec_WebSocket_Extensions=f"permessage-deflate{parameters}")
        return one

    return make


def assert_served(honest):
    """An honest client still gets its answer."""
    honest.sendall(frame(TEXT, b"still here?"))
    assert honest.recv(100) == b"\x81\x0bstill here?"


def assert_all_closed(server, files):
    """No socket of those who are gone is left."""
    until = time.monotonic() + PATIENCE_S
    while (now_open := open_files(server)) > files:
        assert time.monotonic() < until, f"{now_open} files are open, there were {files}"
        os.sched_yield()
