"""Two nodes over one Redis and one PostgreSQL behind nginx, each restarted in its place, and clients who travel on.

Read next: `test_rolling_restart.py`.
"""

import contextlib
import ssl
import time
from itertools import count

from tests.deploy.balanced import FLAGS, Balanced
from tests.deploy.shipped import nginx_conf
from tests.engines.nginx import Nginx
from tests.engines.private import free_port
from tests.scenarios.members import TROUBLE, Member
from tests.scenarios.nodes import HEALING_S, migrate_new, until
from tests.scenarios.running import RunningServer

_PREFIXES = (f"rolling-{number}" for number in count(1))


class Rolling(Balanced):
    """A site whose nodes keep their ports when they are restarted."""

    def __init__(self, certificate, redis, postgres):
        self.kind, self.encrypted = "nginx", True
        self._trust = ssl.create_default_context(cafile=certificate[0])
        self._certificate = certificate
        self.database = migrate_new(postgres)
        self._flags = [
            "--broker", redis.url(f"?prefix={next(_PREFIXES)}"), "--store", self.database.url, "--workers", "1",
            *(part for key, value in FLAGS.items() for part in ("--set", f"{key}={value}")),
        ]  # fmt: skip
        self.ports = [free_port(), free_port()]
        self.nodes = []
        with contextlib.ExitStack() as stack:
            self._stack = stack
            for port in self.ports:
                self.nodes.append(self._start(port))
            self.balancer = Nginx(self._write)
            stack.enter_context(self.balancer)
            self._stack = stack.pop_all()

    def restart(self, number):
        """Stop a node as a service manager does, start it again, and return when it is ready; return its exit code."""
        code = self.nodes[number].end("SIGTERM")
        self.nodes[number] = self._start(self.ports[number])
        return code

    def stored(self, channel):
        """What the database has of a channel: [(seq, user, text), ...], oldest first."""
        rows = self.database('SELECT seq, "user", text FROM wsserver.messages WHERE channel = $1 ORDER BY seq', channel)
        return [(int(seq), user, text) for seq, user, text in rows]

    def _write(self, folder):
        return nginx_conf(folder, self.balancer.port, self.ports, self._certificate)

    def _start(self, port):
        node = RunningServer("--port", str(port), *self._flags)
        self._stack.callback(node.stop)
        until(lambda: node.get("/readyz")[0] == 200, lambda: node.log, HEALING_S)
        return node


class Traveller(Member):
    """Goes elsewhere when it is told to, at the moment that it is told, and notes when it said and saw what."""

    def __init__(self, site, *rest, **named):
        super().__init__("", *rest, **named)
        self._site = site
        self._leave_at = None
        self.told = 0  # to go
        self.turned_away = []  # what came instead of a chat
        self.said_at, self.saw_at = {}, {}

    def _open(self):
        try:
            return self._site.talk(f"wsserver={self.user}")  # a cookie of his own: they are spread over both
        except TROUBLE as error:
            self.turned_away.append(error)
            raise

    def _come_in(self):
        self._leave_at = None
        super()._come_in()

    def _speak(self):
        if self._leave_at is not None and time.monotonic() >= self._leave_at:
            raise ConnectionError("it is time to go")
        super()._speak()

    def _say(self, text):
        self.said_at.setdefault(text, time.monotonic())
        super()._say(text)

    def _see(self, message):
        self.saw_at.setdefault(message["text"], time.monotonic())
        super()._see(message)

    def _take(self, event):
        if event["type"] == "goaway":
            self.told += 1
            self._leave_at = time.monotonic() + event["reconnect_in"]
        super()._take(event)


def delays_s(members):
    """How long each message took to each member, from the first time it was said, in ascending order."""
    said_at = {text: at for member in members for text, at in member.said_at.items()}
    return sorted(at - said_at[text] for member in members for text, at in member.saw_at.items())
