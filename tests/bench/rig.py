"""The load tester's clients against a server that the test plays itself, on real socket pairs; the clock is the test's.

Read next: `test_connection.py`.
"""

import socket
from types import SimpleNamespace

from tests.reactor.fakes import FakeWorld, turn
from tests.websocket.frames_by_hand import mask
from wsserver.bench.address import Target
from wsserver.bench.connection import Route
from wsserver.bench.crew import Share
from wsserver.bench.options import Options
from wsserver.http.upgrade import accept_key
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import open_poller

TARGET = Target("127.0.0.1", 8080, "/echo")


def options(scenario="echo", **changes):
    """Options as the command line would make them."""
    given = {
        "target": TARGET,
        "scenario": scenario,
        "clients": 2,
        "channels": 1,
        "slow": 0,
        "rate": 0.0,
        "window": 1,
        "size": 20,
        "duration_s": 1.0,
        "processes": 1,
        "server_pids": (),
        "foreign": False,
        "json_path": "",
        "svg_path": "",
    }
    return Options(**{**given, **changes})


def server_frame(opcode, payload=b"", first=0x80):
    """A server's frame, put together by hand."""
    size = len(payload)
    head = bytes([first | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    return head + (b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")) + payload


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock):
        self.sock = sock
        self.data = b""

    def pull(self):
        """Take what has come so far."""
        try:
            while more := self.sock.recv(1 << 20):
                self.data += more
        except OSError:
            pass

    def answer(self, extra=b"", headers=""):
        """Read the request, and accept it."""
        self.pull()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        self.request = head.decode()
        key = self.request.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept_key(key)}")
        self.sock.send(("\r\n".join(lines) + headers + "\r\n\r\n").encode() + extra)

    def messages(self):
        """Take the short frames that have come: (opcode, payload) each. All must be masked."""
        self.pull()
        found = []
        while self.data:
            opcode, size, at = self.data[0] & 0x0F, self.data[1] & 0x7F, 2
            assert self.data[0] & 0x80 and self.data[1] & 0x80
            if size == 126:
                size, at = int.from_bytes(self.data[2:4], "big"), 4
            found.append((opcode, mask(self.data[at + 4 : at + 4 + size], self.data[at : at + 4])))
            self.data = self.data[at + 4 + size :]
        return found

    def say(self, payload, opcode=1):
        self.sock.send(server_frame(opcode, payload))


class PeerWorld(FakeWorld):
    """A world in which every connection leads to the test, unless it is told to refuse."""

    def __init__(self):
        super().__init__()
        self.peers = []
        self.sources = []
        self.refusal = None

    def begin_connect(self, family, address, source=""):
        if self.refusal is not None:
            raise self.refusal
        ours, its = socket.socketpair()
        for end in (ours, its):
            end.setblocking(False)
        self.peers.append(Peer(its))
        self.sources.append(source)
        return ours


class Rig:
    """A reactor, a route, and the peers that were dialled."""

    def __init__(self, target=TARGET):
        self.errors = []
        self.world = PeerWorld()
        self.reactor = Reactor(self.world, open_poller("epoll"), self.errors.append)
        self.route = Route(self.reactor, target, socket.AF_INET, ("127.0.0.1", 8080))
        self.peers = self.world.peers

    def share(self, scenario="echo", index=0, **changes):
        return Share(options(scenario, **changes), index, "run")

    def turn(self, count=3):
        turn(self.reactor, count)

    def jump(self, seconds):
        self.world.time += seconds
        self.turn()

    def settle(self, crew):
        """Have a crew come, and accept everybody; return what was heard of that."""
        heard = SimpleNamespace(settled=0)

        def on_settled():
            heard.settled += 1

        crew.begin(on_settled)
        self.turn()
        for peer in self.peers:
            peer.answer()
        self.turn()
        return heard

    def close(self):
        self.reactor.close()
        for peer in self.peers:
            peer.sock.close()
        assert self.errors == []
