"""Real clients on real socket pairs and a real epoll; only the clock is the test's, and the paths are few.

    house = House(); peer = house.connect(); peer.upgrade(); peer.send_frame(TEXT, b"hi"); house.turn(); peer.frames()

A `PeerEnd` is what a person at the other end has: bytes to send, bytes that came.
"""

import socket
import struct

from tests.reactor.fakes import FakeWorld, turn
from tests.websocket.frames_by_hand import frame
from wsserver.clients.admission import Admission
from wsserver.clients.echo import EchoRouter
from wsserver.clients.limits import ClientLimits
from wsserver.clients.registry import Registry
from wsserver.clients.router import Router
from wsserver.clients.site import Site
from wsserver.http.errors import RequestError
from wsserver.http.response import Response
from wsserver.net.pressure import Pressure
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455 section 1.3, which gives ACCEPT."""

ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

BIG = 4 << 20
"""Bytes of the page `/big`: more than the kernel takes."""

MIDDLING = 12_000
"""Bytes of the page `/middling`: more than a small kernel buffer takes, and too little to make the next answer wait."""

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{{extra}}\r\n"
)


def get(path="/page", extra="", method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode()


def upgrade(path="/talk", extra=""):
    return UPGRADE.format(path=path, extra=extra).encode()


class Recorder(Router):
    """Writes down all that it is told. `react` may be set to do something about it: react(what, peer, *rest)."""

    subprotocols = ("v2", "v1")

    def __init__(self):
        self.heard = []
        self.react = lambda what, peer, *rest: None

    def _note(self, what, peer, *rest):
        self.heard.append((what, *rest))
        self.react(what, peer, *rest)

    def on_open(self, peer):
        self._note("open", peer)

    def on_take_over(self, peer, luggage):
        self._note("open", peer)

    def on_message(self, peer, payload, opcode):
        self._note("message", peer, payload, opcode)

    def on_limited(self, peer, payload, opcode):
        self._note("limited", peer, payload, opcode)

    def on_close(self, peer, code, reason):
        self._note("close", peer, code, reason)

    def on_drain(self, peer, reconnect_in_s):
        self._note("drain", peer, reconnect_in_s)

    def kinds(self):
        return [entry[0] for entry in self.heard]


class Slices:
    """A big answer whose slices are counted, and whose end is noticed."""

    def __init__(self, count, size=1000, announced=None):
        self.count, self.size, self.length = count, size, announced or count * size
        self.sent = 0
        self.closed = False

    def page(self, _request):
        return Response(200, slices=self._slices(), length=self.length)

    def _slices(self):
        try:
            for _ in range(self.count):
                self.sent += 1
                yield b"%d" % (self.sent % 10) * self.size
        finally:
            self.closed = True


def _page(_request):
    return Response(200, body=b"page")


def _big(_request):
    return Response(200, body=b"b" * BIG)


def _middling(_request):
    return Response(200, body=b"m" * MIDDLING)


def _broken(_request):
    raise LookupError("a mistake of ours")


def _missing(_request):
    raise RequestError(404, "There is no such page.")


class House:
    """A registry with one Recorder at /talk, an echo at /echo, and the pages /page, /middling, /big and /broken."""

    def __init__(
        self,
        *,
        most=100,
        most_per_ip=0,
        handshakes_per_ip=0.0,
        queued=0,
        memory=0,
        pages=None,
        compression=None,
        **limits,
    ):
        self.errors = []
        self.gone = []
        self.reactor = Reactor(FakeWorld(), open_poller("epoll"), self.errors.append)
        self.router = Recorder()
        self.site = Site(
            routers={"/talk": self.router, "/echo": EchoRouter()},
            pages={"/page": _page, "/big": _big, "/middling": _middling, "/broken": _broken, **(pages or {})},
            fallback=_missing,
        )
        limits = {"rate": 0.0, **limits}
        self.shed = []
        self.pressure = Pressure(self.reactor, queued, memory, lambda *what: self.shed.append(what), self.shed.append)
        admission = Admission(most, most_per_ip, handshakes_per_ip, lambda: self.pressure.short)
        limits = ClientLimits(**limits)
        self.registry = Registry(self.reactor, self.site, limits, admission, self.gone.append, compression)
        self.peers = []

    def connect(self, address="127.0.0.1:5000", sndbuf=None):
        """Admit a new connection and return the peer's end of it."""
        before = set(self.registry.clients)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        if sndbuf:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)
        self.registry.admit(ours, address)
        peer = PeerEnd(self, theirs, next(iter(self.registry.clients - before), None))
        self.peers.append(peer)
        return peer

    def open(self, path="/talk", **named):
        """Connect and upgrade."""
        peer = self.connect(**named)
        peer.upgrade(path)
        return peer

    @property
    def begun(self):
        """How many conversations have begun here and not been handed to somebody else."""
        return self.router.kinds().count("open") - self.registry.house.tally.handed_off

    def turn(self, count=1):
        """Turns that do not sleep."""
        turn(self.reactor, count)

    def jump(self, seconds):
        """Let time pass in silence."""
        self.reactor.world.time += seconds
        self.turn(3)

    def close(self):
        """Let every peer hang up and time pass: what is still there afterwards would stay for ever."""
        for peer in self.peers:
            peer.socket.close()
        for _ in range(6):
            self.jump(20)
        self.reactor.close()


class PeerEnd:
    """The other end of one client."""

    def __init__(self, house, sock, client):
        self.house = house
        self.socket = sock
        self.client = client  # ours; None when the connection was refused
        self.socket.setblocking(False)

    def send(self, data, turns=3):
        """Send bytes and let the server turn."""
        self.socket.send(data)
        self.house.turn(turns)

    def send_frame(self, opcode, payload=b"", **how):
        self.send(frame(opcode, payload, **how))

    def upgrade(self, path="/talk", extra="", behind=b""):
        """Shake hands; `behind` is sent in the same segment. Returns the 101's head."""
        self.send(upgrade(path, extra) + behind)
        head = self._read_head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        return head

    def _read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        return head

    def received(self):
        """Return what has come and not been read."""
        data = b""
        try:
            while chunk := self.socket.recv(1 << 20):
                data += chunk
        except (BlockingIOError, ConnectionResetError):
            pass
        return data

    def received_in_all(self):
        """Read and let the server turn, until nothing more comes."""
        data = b""
        while chunk := self.received():
            data += chunk
            self.house.turn(4)
        return data

    def frames(self):
        """Return (opcode, payload) of the frames that have come."""
        return decode_frames(self.received())

    @property
    def ended(self):
        """Whether the server has closed or half-closed. Everything that came must have been read."""
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    @property
    def buried(self):
        """Whether the server's fd is closed."""
        return self.client.transport.sock.fileno() == -1

    def finish(self):
        """Say that nothing more will be sent (FIN), and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)
        self.house.turn(3)

    def hang_up(self):
        """Close, what is unread included: the server sees a reset if there was any, else the end of the stream."""
        self.socket.close()
        self.house.turn(3)


def decode_frames(data):
    """Take unmasked, unfragmented frames apart, by RFC 6455 section 5.2 and nothing of the product's."""
    frames = []
    while data:
        assert data[0] & 0xF0 == 0x80, data[:20]
        assert data[1] < 0x80, data[:20]
        size, start = data[1], 2
        if size == 126:
            size, start = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            size, start = struct.unpack("!Q", data[2:10])[0], 10
        assert len(data) >= start + size, "a frame was cut"
        frames.append((data[0] & 0x0F, data[start : start + size]))
        data = data[start + size :]
    return frames


def close_payload(code, reason=""):
    return struct.pack("!H", code) + reason.encode()


def parse_answers(data):
    """Take HTTP answers with Content-Length apart: [(status, headers with lower-case names, body)]."""
    answers = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        size = int(headers.get("content-length", 0))
        answers.append((int(line.split()[1]), headers, data[:size]))
        data = data[size:]
    return answers
