"""Servers and clients that are ended behind each test, whatever happened in it."""

import contextlib
import itertools

import pytest
import websocket

from tests.engines.postgres import Postgres
from tests.engines.redis import Redis
from tests.scenarios.running import RunningServer
from tests.scenarios.talking import Talker

ROOMS = (f"room-{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def server(request):
    """One server for all tests of a file that leave it as they found it: as it is by default, or with its `FLAGS`."""
    running = RunningServer("--port", "0", *getattr(request.module, "FLAGS", ()))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def redis():
    """One private Redis for all tests that leave it as they found it."""
    with Redis() as redis:
        yield redis


@pytest.fixture(scope="session")
def postgres():
    """One private PostgreSQL for all tests that leave it as they found it."""
    with Postgres() as postgres:
        yield postgres


@pytest.fixture
def start():
    """Start a server with flags: start("--set", "limits.rate=0"). A port is found unless --unix or --fd is given."""
    running = []

    def start_one(*flags, **named):
        elsewhere = {"--port", "--unix", "--fd"} & set(flags)
        running.append(RunningServer(*flags, *(() if elsewhere else ("--port", "0")), **named))
        return running[-1]

    yield start_one
    for one in running:
        one.stop()


@pytest.fixture
def room():
    """A channel of the test's own."""
    return next(ROOMS)


@pytest.fixture
def language():
    """What chat clients speak: JSON, unless a file says otherwise."""
    return Talker


@pytest.fixture
def connect(language):
    """Make a chat client of a server: connect(server, user="ann", channel="lobby")."""
    talkers = []

    def connect_one(server, user=None, channel=None, **options):
        talker = language(server.ws(), **options)
        talkers.append(talker)
        if channel:
            talker.join(channel, user)
        return talker

    yield connect_one
    for talker in talkers:
        talker.socket.shutdown()


@pytest.fixture
def open_socket():
    """Make a plain WebSocket connection: open_socket(url)."""
    with contextlib.ExitStack() as behind:

        def open_one(url, **options):
            sock = websocket.create_connection(url, timeout=10, **options)
            behind.callback(sock.shutdown)
            return sock

        yield open_one
