"""A whole server in this process, fed by hand: what one input costs in CPU time, turn by turn.

The clock is the test's, the sockets are real pairs, and what is measured is the CPU time of this thread alone, so other
processes do not count. Read next: `test_turns.py`.
"""

import gc
import socket
import time

from tests.clients.rig import decode_frames, upgrade
from tests.reactor.fakes import FakeWorld
from wsserver.config import from_assignment, load
from wsserver.net.files import Directory
from wsserver.server import Server, find_static

ROOM = 1 << 20
"""Bytes that the kernel takes of either side: nothing waits for the other in these tests."""

QUIET_TURNS = 4
MOST_TURNS = 20_000


class Turning:
    """A server that turns when it is told to."""

    def __init__(self, *assignments):
        settings = [from_assignment(text) for text in ("limits.rate=0", "store.url=memory:", *assignments)]
        self.server = Server(load(flags=settings), FakeWorld(), Directory(find_static("")))
        self.errors = []
        self.peers = []
        self.reactor = self.server.reactor
        self.reactor.report = self.errors.append

    def connect(self, room=ROOM):
        """Return the peer's end of a new connection."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        self.peers.append(theirs)
        self.server.registry.admit(ours, "127.0.0.1:5000")
        return theirs

    def open(self, path, room=ROOM, extra=""):
        """Connect and shake hands; what the server says first is read."""
        peer = self.connect(room)
        peer.send(upgrade(path, extra))
        for _ in range(3):
            self.turn()
        received(peer)
        return peer

    def turn(self):
        """One turn that does not sleep; return what it cost, in seconds of CPU."""
        self.reactor.call_soon(_nothing)
        before = time.thread_time()
        self.reactor.run_once()
        return time.thread_time() - before

    def settle(self, *peers):
        """Turn until nothing happens any more; return what the peers were sent meanwhile."""
        data, quiet = b"", 0
        while quiet < QUIET_TURNS:
            self.turn()
            news = b"".join(received(peer) for peer in peers)
            data += news
            quiet = 0 if news else quiet + 1
        return data

    def longest_turn(self, peer, data):
        """Feed `data` as fast as it is taken, reading every answer; return the longest turn in seconds of CPU."""
        longest, quiet, left = 0.0, 0, memoryview(data)
        for _ in range(MOST_TURNS):
            left = left[send(peer, left) :]
            longest = max(longest, self.turn())
            busy = received(peer) or left or self.reactor._soon
            quiet = 0 if busy else quiet + 1
            if quiet == QUIET_TURNS:
                return longest
        raise AssertionError("it never comes to an end")

    def hang_up(self, peer):
        """Let a peer go, and whatever it left behind run out."""
        peer.close()
        for _ in range(3):
            self.turn()
            self.reactor.world.time += 30
        self.turn()

    def close(self):
        """Give everything back."""
        for peer in self.peers:
            peer.close()
        for client in list(self.server.registry.clients):
            client.transport.close()
        self.turn()
        self.reactor.close()


def send(peer, data):
    """Send what is taken of `data`; return how many bytes that is, all of them when nobody listens any more."""
    try:
        return peer.send(data[: 64 * 1024]) if data else 0
    except BlockingIOError:
        return 0
    except (BrokenPipeError, ConnectionResetError):
        return len(data)


def received(peer):
    """Return what has come."""
    data = b""
    try:
        while piece := peer.recv(ROOM):
            data += piece
    except (BlockingIOError, ConnectionResetError):
        pass
    return data


def frames(peer):
    """Return (opcode, payload) of the frames that have come."""
    return decode_frames(received(peer))


def _nothing():
    """Something to do, so that a turn does not sleep."""


class no_collector:  # noqa: N801 - used like a keyword
    """While it lasts, the cycle collector does not run: it would look at all of pytest, which no server has."""

    def __enter__(self):
        gc.collect()
        gc.disable()

    def __exit__(self, *_):
        gc.enable()
