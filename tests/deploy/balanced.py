"""Two real nodes behind a real balancer with its shipped configuration, and what a client does with them.

Read next: `test_balancers.py`.
"""

import contextlib
import http.client
import json
import socket
import ssl

import websocket

from tests.deploy.shipped import NAME, haproxy_cfg, haproxy_tcp_cfg, nginx_conf
from tests.engines.haproxy import HAProxy
from tests.engines.nginx import Nginx
from tests.engines.private import free_port
from tests.scenarios.running import PATIENCE_S, RunningServer
from tests.scenarios.talking import Talker

KEY = "k" * 32

CLIENT = "127.0.0.9"
"""Where clients come from: not the balancer's address, and not trusted."""

FLAGS = {
    "server.trusted_proxies": "127.0.0.1",
    "server.hosts": f"{NAME},127.0.0.1",
    "server.drain": "2s",
    "api.key": KEY,
    "limits.rate": "0",
}

HURRIED = {"timeout": "2s", "websocket.ping_interval": "500ms"}
"""In place of 75 and 25 s, where somebody has to be silent for longer than that."""


class Balanced:
    """One of "nginx", "haproxy" and "haproxy-tcp" before two nodes."""

    def __init__(self, kind, certificate, timeout="75s", **settings):
        self.kind = kind
        self.encrypted = kind != "haproxy-tcp"
        self._trust = ssl.create_default_context(cafile=certificate[0]) if self.encrypted else None
        settings = {**FLAGS, **settings}
        if kind == "haproxy-tcp":
            settings["server.proxy_protocol"] = "true"
        flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        with contextlib.ExitStack() as stack:
            self.nodes, self._admins = [], []
            for _ in range(2):
                self._admins.append(free_port())
                self.nodes.append(RunningServer("--port", "0", "--admin", f"127.0.0.1:{self._admins[-1]}", *flags))
                stack.callback(self.nodes[-1].stop)
            ports = [node.port for node in self.nodes]
            make, write = {
                "nginx": (Nginx, nginx_conf),
                "haproxy": (HAProxy, haproxy_cfg),
                "haproxy-tcp": (HAProxy, haproxy_tcp_cfg),
            }[kind]
            self.balancer = make(lambda folder: write(folder, self.balancer.port, ports, certificate, timeout))
            stack.enter_context(self.balancer)
            self._stack = stack.pop_all()

    def stop(self):
        """End everything, clients first."""
        self._stack.close()

    # -- a client ---------------------------------------------------------------------------------------------------

    def connect(self):
        """Return a socket that leads to the balancer, from CLIENT."""
        sock = socket.create_connection(("127.0.0.1", self.balancer.port), PATIENCE_S, (CLIENT, 0))
        return self._trust.wrap_socket(sock, server_hostname=NAME) if self._trust else sock

    def talk(self, cookie=None, **options):
        """Return a chat client; options are websocket-client's."""
        return self._upgrade(lambda **named: Talker(f"ws://{NAME}/chat", **named), cookie, **options)

    def echo(self, cookie=None):
        """Return a connection to /echo."""
        return self._upgrade(
            lambda **named: websocket.create_connection(f"ws://{NAME}/echo", PATIENCE_S, **named), cookie
        )

    def _upgrade(self, create, cookie, **options):
        sock = self.connect()
        self._stack.callback(sock.close)
        origin = f"{'https' if self.encrypted else 'http'}://{NAME}"
        return create(**{"socket": sock, "host": NAME, "origin": origin, "cookie": cookie, **options})

    @contextlib.contextmanager
    def ask(self, path="/", method="GET", **headers):
        """Give an open answer to one request."""
        connection = http.client.HTTPConnection(NAME)
        with contextlib.closing(connection):
            connection.sock = self.connect()
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            with connection.getresponse() as answer:
                yield answer

    def get(self, path="/", **headers):
        """Return (status, headers, body) of one request."""
        with self.ask(path, **headers) as answer:
            return answer.status, answer.headers, answer.read()

    def cookie(self):
        """Return a cookie as a new browser gets it with the page; None: there is none."""
        _, headers, _ = self.get("/")
        return headers["set-cookie"].partition(";")[0] if headers["set-cookie"] else None

    # -- a node -----------------------------------------------------------------------------------------------------

    def connections(self, node, state="OPEN"):
        """Return what a node lists on its admin port as its clients in a state."""
        connection = http.client.HTTPConnection("127.0.0.1", self._admins[self.nodes.index(node)], PATIENCE_S)
        with contextlib.closing(connection):
            connection.request("GET", "/api/connections?limit=1000", headers={"Authorization": f"Bearer {KEY}"})
            body = json.loads(connection.getresponse().read())
        return [entry for entry in body["connections"] if entry["state"] == state]
