"""Several nodes of one chat: servers as people run them, over a private Redis and PostgreSQL, with links that break.

    with Nodes(2, redis, postgres) as nodes:
        first, second = nodes.servers
        nodes.ways[0]["redis"].cut()            # the first one's way to Redis (`tests/engines/proxy.py`)

Read next: `members.py`, who talks there; `test_nodes_order.py`.
"""

import contextlib
import itertools
import re
import subprocess
import sys
import time

from tests.engines.postgres import Database
from tests.engines.proxy import Proxy
from tests.scenarios.running import PATIENCE_S, TOP, RunningServer, environment

HEALING_S = 60.0
"""How long a node may take to be well again when what it stands on is: its pauses grow to 30 s."""

_PREFIXES = (f"chat-{number}" for number in itertools.count(1))

FLAGS = (
    "--set", "limits.rate=0", "--set", "chat.history=100000",
    "--set", "server.drain=100ms", "--set", "websocket.close_timeout=200ms",
)  # fmt: skip


class Nodes:
    """So many nodes that share a Redis and, if there is one, a database; else Redis keeps the messages."""

    def __init__(self, count, redis, postgres=None, flags=(), proxied=False):
        self._behind = contextlib.ExitStack()
        self._prefix = next(_PREFIXES)
        self.redis, self.postgres = redis, postgres
        self.database = None if postgres is None else migrate_new(postgres)
        self._flags = (*FLAGS, *flags)
        self.ways, self.servers, self.places = [], [], []
        try:
            for _ in range(count):
                self._prepare(proxied)
            for place in self.places:
                self.servers.append(self.start(place))
            for server in self.servers:
                until(lambda server=server: server.get("/readyz")[0] == 200, lambda server=server: server.log)
        except BaseException:
            self.close()
            raise

    def _prepare(self, proxied):
        ways, ports = {}, {"redis": None, "postgres": None}
        if proxied:
            ways = {"redis": Proxy(self.redis.port)}
            if self.postgres is not None:
                ways["postgres"] = Proxy(self.postgres.port)
            for name, way in ways.items():
                self._behind.callback(way.close)
                ports[name] = way.port
        place = ["--broker", self.redis.url(f"?prefix={self._prefix}", ports["redis"])]
        if self.database is not None:
            place += ["--store", self.postgres.url(self.database.name, ports["postgres"])]
        self.ways.append(ways)
        self.places.append(place)

    def start(self, place):
        """Start one more server on a place of `places`, whose own may have been killed."""
        server = RunningServer("--port", "0", *place, *self._flags)
        self._behind.callback(server.stop)
        return server

    def restart(self, number):
        """Start a node again that has ended."""
        self.servers[number] = self.start(self.places[number])
        return self.servers[number]

    def stored(self, channel):
        """What the database has of a channel: [(seq, user, text), ...], oldest first."""
        rows = self.database('SELECT seq, "user", text FROM wsserver.messages WHERE channel = $1 ORDER BY seq', channel)
        return [(int(seq), user, text) for seq, user, text in rows]

    @property
    def log(self):
        return "\n".join(server.log for server in self.servers)

    def close(self):
        self._behind.close()

    def __enter__(self):
        return self

    def __exit__(self, *_trouble):
        self.close()


def until(condition, explain=lambda: "it has not happened", patience_s=PATIENCE_S):
    """Wait for what other processes do; return what made it true."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)
    return found


def longest_turn_s(server):
    """The longest turn of a node's reactor, and the share of turns that took more than 20 ms, by its metrics."""
    text = server.get("/metrics")[2].decode()
    longest = float(re.search(r"^wsserver_turn_longest_seconds (\S+)$", text, re.MULTILINE)[1])
    quick = int(re.search(r'^wsserver_turn_seconds_bucket\{le="0\.02"\} (\d+)', text, re.MULTILINE)[1])
    turns = int(re.search(r"^wsserver_turn_seconds_count (\d+)", text, re.MULTILINE)[1])
    return longest, turns - quick, turns


def migrate_new(postgres):
    database = Database(postgres, postgres.new_database())
    done = subprocess.run(
        [sys.executable, "-m", "wsserver", "migrate", "--store", database.url],
        cwd=TOP, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return database
