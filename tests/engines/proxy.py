"""A way from here to a server that a test can break: cut in one direction or both, slow, severed, closed, and healed.

    with Proxy(server.port) as proxy:
        connect_to(proxy.port)
        proxy.cut("back")           # what the server says is kept; what it is told arrives
        proxy.cut("there")          # what the server is told is kept
        proxy.cut()                 # both: as when a cable is pulled, no side is told anything
        proxy.delay(0.2)            # seconds, in each direction
        proxy.sever()               # every connection ends now, with a reset; what was kept is lost
        proxy.refuse()              # nobody listens any more
        proxy.heal()                # all is well: what was kept arrives, and new connections are taken

A thread of its own moves the bytes, so a test that waits for an answer may block.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque

CHUNK = 1 << 16

KEPT = 1 << 20
"""Bytes of one direction that lie here while it is cut; more are left in the kernel, as a real way would."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: close() resets (socket(7))."""


class _Direction:
    """Bytes from one socket to another, with the time at which each piece may go on."""

    def __init__(self, name, source, target):
        self.name = name
        self.source = source
        self.target = target
        self.pieces = deque()
        self.size = 0
        self.ended = False  # the source has said its last
        self.told = False  # and the target has heard of it


class Proxy:
    """Listens on a free port of loopback and leads to `target`, a port of loopback too."""

    def __init__(self, target):
        self.target = target
        self.carried = 0  # bytes that went through, in both directions
        self.accepted = 0
        self._lock = threading.RLock()
        self._cut = set()
        self._delay_s = 0.0
        self._pairs = []
        self._listener = self._listen(0)
        self.port = self._listener.getsockname()[1]
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    # -- what tests do ----------------------------------------------------------------------------------------------

    def cut(self, direction="both"):
        """Let nothing pass "there", "back", or in "both" directions; connections stay, and nobody is told."""
        with self._lock:
            self._cut |= {"there", "back"} if direction == "both" else {direction}
        self._wake()

    def delay(self, seconds):
        """Let everything that comes from now on take so long, in each direction."""
        with self._lock:
            self._delay_s = seconds

    def sever(self):
        """End every connection with a reset, at both ends."""
        with self._lock:
            for pair in self._pairs:
                self._close(pair)
            self._pairs.clear()
        self._wake()

    def refuse(self):
        """Listen no longer; what is connected stays."""
        with self._lock:
            self._listener.close()
        self._wake()

    def heal(self):
        """Let everything pass, what was kept first, and take new connections."""
        with self._lock:
            self._cut.clear()
            self._delay_s = 0.0
            if self._listener.fileno() < 0:
                self._listener = self._listen(self.port)
        self._wake()

    @property
    def kept(self):
        """How many bytes lie here and may not go on."""
        with self._lock:
            return sum(direction.size for pair in self._pairs for direction in pair)

    def close(self):
        """End the thread and everything it has open."""
        self._ending = True
        self._wake()
        self._thread.join(10)
        for pair in self._pairs:
            self._close(pair)
        for sock in (self._listener, self._ear, self._mouth):
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_trouble):
        self.close()

    # -- the thread -------------------------------------------------------------------------------------------------

    def _listen(self, port):
        listener = socket.create_server(("127.0.0.1", port))
        listener.setblocking(False)
        return listener

    def _wake(self):
        with contextlib.suppress(OSError):
            self._mouth.send(b"x")

    def _run(self):
        while not self._ending:
            with self._lock:
                selector, wait_s = self._gather()
            try:
                with contextlib.suppress(OSError):  # a socket was closed meanwhile: the next round knows
                    selector.select(wait_s)
            finally:
                selector.close()
            with contextlib.suppress(BlockingIOError):
                self._ear.recv(4096)
            with self._lock:
                self._accept()
                for pair in list(self._pairs):
                    self._move(pair)

    def _gather(self):
        """Return what to wait for, and for how long: it is asked anew each time, for tests change it."""
        masks, dues = {self._ear: selectors.EVENT_READ}, []
        if self._listener.fileno() >= 0:
            masks[self._listener] = selectors.EVENT_READ
        for direction in (direction for pair in self._pairs for direction in pair):
            if not direction.ended and direction.size < KEPT:
                masks[direction.source] = masks.get(direction.source, 0) | selectors.EVENT_READ
            if direction.pieces and direction.name not in self._cut:
                due = direction.pieces[0][0]
                if due <= time.monotonic():
                    masks[direction.target] = masks.get(direction.target, 0) | selectors.EVENT_WRITE
                else:
                    dues.append(due)
        selector = selectors.DefaultSelector()
        for sock, mask in masks.items():
            selector.register(sock, mask)
        return selector, max(0.0, min(dues) - time.monotonic()) if dues else None

    def _accept(self):
        if self._listener.fileno() < 0:
            return
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        self.accepted += 1
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            client.close()
            return
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.append((_Direction("there", client, server), _Direction("back", server, client)))

    def _move(self, pair):
        try:
            for direction in pair:
                self._take(direction)
                self._give(direction)
        except OSError:
            self._close(pair)
            self._pairs.remove(pair)
            return
        if all(direction.told for direction in pair):
            self._close(pair, reset=False)
            self._pairs.remove(pair)

    def _take(self, direction):
        while not direction.ended and direction.size < KEPT:
            try:
                data = direction.source.recv(CHUNK)
            except BlockingIOError:
                return
            direction.ended = not data
            direction.pieces.append((time.monotonic() + self._delay_s, data))
            direction.size += len(data)

    def _give(self, direction):
        while direction.pieces and direction.name not in self._cut:
            due, data = direction.pieces[0]
            if due > time.monotonic():
                return
            if not data:
                direction.pieces.popleft()
                direction.told = True
                with contextlib.suppress(OSError):  # it has gone by itself
                    direction.target.shutdown(socket.SHUT_WR)
                return
            try:
                sent = direction.target.send(data)
            except BlockingIOError:
                return
            self.carried += sent
            direction.size -= sent
            if sent == len(data):
                direction.pieces.popleft()
            else:
                direction.pieces[0] = (due, data[sent:])

    def _close(self, pair, reset=True):
        for direction in pair:
            if reset:
                with contextlib.suppress(OSError):
                    direction.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            direction.source.close()
