"""The services over a chat without sockets: visits that remember what they were answered, time that is told to jump."""

import json
from types import SimpleNamespace

from tests.chat.cluster_rig import Sea
from tests.chat.fakes import World
from wsserver.access.authority import BadTokens
from wsserver.api.calls import Calls
from wsserver.api.events import EventStreams
from wsserver.api.feeds import Feeds
from wsserver.api.keys import ApiKey
from wsserver.api.lists import Lists
from wsserver.api.service import ServerApi
from wsserver.chat.broker import Kick, ListConnections
from wsserver.clients.site import Site
from wsserver.http.headers import Headers
from wsserver.http.request import Request
from wsserver.http.target import parse_target

KEY = "a key of sixteen"
AUTHORIZED = ("Authorization", f"Bearer {KEY}")


def request(target, method="GET", body=b"", headers=()):
    """A request as the parser would make it."""
    parsed = parse_target(target.encode(), method)
    return Request(method, target, parsed.path, parsed.query, 1, Headers([("Host", "a"), *headers]), body, True)


class FakeVisit:
    """One request, and what was said to it."""

    def __init__(self, request, address="192.0.2.1:5000"):
        self.request = request
        self.address = address
        self.late = None
        self.on_beat = bytes
        self.on_drain = self.on_end = None
        self.over = self.streaming = self.behind = False
        self.response = None
        self.headers = None  # of a stream
        self.sent = b""

    def answer(self, response):
        if not self.over and not self.streaming:
            self.over = True
            self.response = response

    def stream(self, headers):
        self.headers = dict(headers)
        if self.request.method == "HEAD":
            self.over = True
        else:
            self.streaming = True

    def write(self, data):
        if not self.over:
            self.sent += data

    def end(self, last=b""):
        self.write(last)
        self.over = True

    def vanish(self):
        """The client goes."""
        self.over = True
        self.on_end()

    # -- for tests ----------------------------------------------------------------------------------------------------

    @property
    def status(self):
        return self.response.status

    @property
    def json(self):
        return json.loads(self.response.body)

    def header(self, name):
        return dict(self.response.headers).get(name)

    def read(self):
        """Return the blocks of the stream since the last time, each as a dict; `comment` and `retry` included."""
        text, self.sent = self.sent.decode(), ""
        self.sent = b""
        return [read_block(block) for block in text.split("\n\n") if block]


def read_block(block):
    """Take one block of Server-Sent Events apart."""
    fields = {}
    for line in block.splitlines():
        name, _, value = line.partition(":")
        fields[name or "comment"] = json.loads(value) if name == "data" else value.removeprefix(" ")
    return fields


class Office:
    """A chat, its API and its streams."""

    def __init__(self, key=KEY, bad_keys=5.0, recovery_limit=1000, **world):
        self.world = World(**world)
        self._build(self.world.surroundings, self.world.router, self.world.store, key, bad_keys, recovery_limit)

    def _build(self, surroundings, chat, store, key=KEY, bad_keys=5.0, recovery_limit=1000):
        self.site = Site(routers={}, pages={}, fallback=None)
        self.feeds = Feeds(surroundings, store, chat.channels, recovery_limit)
        self.calls = Calls(chat, store, self.feeds)
        self.registry = SimpleNamespace(clients=[], monotonic=surroundings.monotonic)
        self.lists = Lists(chat.channels, store, 3, self.registry, chat.cluster)
        self.bad = []
        api_key = ApiKey(key, BadTokens(bad_keys), surroundings.monotonic, lambda *what: self.bad.append(what))
        self.api = ServerApi(api_key if key else None, self.calls, self.lists)
        self.api.private = True
        self.events = EventStreams(self.feeds, self.site, getattr(self.world, "doorman", None), chat.channels.rule_of)

    def call(self, path, body=None, method=None, headers=(AUTHORIZED,), address="192.0.2.1:5000"):
        """Call the API; return the visit."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        method = method or ("GET" if body is None else "POST")
        visit = FakeVisit(request(f"/api/{path}", method, raw, headers), address)
        self.api.serve(visit)
        return visit

    def listen(self, query="channel=lobby", *headers, method="GET"):
        """Ask for a stream; return the visit."""
        visit = FakeVisit(request(f"/events?{query}", method, headers=headers))
        self.events.serve(visit)
        return visit

    def say(self, *texts, channel="lobby"):
        """Publish as the server."""
        for text in texts:
            self.world.router.posting.post(channel, "server", text, None, lambda outcome: None)

    @property
    def epoch(self):
        return self.world.store.head("lobby").epoch


class Branch(Office):
    """The same on one node among others (`tests/chat/cluster_rig.py`)."""

    def __init__(self, node):
        self.world = node
        self._build(node.surroundings, node.router, node.replicas)
        node.router.cluster.answer_with(Kick, self.calls.kick)
        node.router.cluster.answer_with(ListConnections, self.lists.connections_here)

    def hear_from(self, path, body=None, **fields):
        """Call the API and let the nodes talk; return the visit."""
        visit = self.call(path, body, **fields)
        assert visit.response is None, "nobody waited"
        self.world.sea.advance(0.1)
        return visit


def branches(nodes=2, **settings):
    """Return several that are joined."""
    return [Branch(node) for node in Sea(nodes, **settings).nodes]
