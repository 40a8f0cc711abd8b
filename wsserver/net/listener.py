"""Accepts connections: at most a batch a turn, and without spinning when there are no file descriptors left.

What accept(2) reports besides success, and what is done:

| errno                                       | meaning                          | here                               |
|---------------------------------------------|----------------------------------|------------------------------------|
| EAGAIN                                      | nobody waits                     | until the next event               |
| ECONNABORTED, EPROTO, EPERM, ENETDOWN, ...  | that one connection failed       | next one                           |
| EINVAL, EBADF, ...                          | the listener itself is dead      | never again                        |
| EMFILE, ENFILE, ENOBUFS, ENOMEM             | we have nothing left to accept with | stop listening for 0.25 s       |

The last row is the trap: the connection stays in the queue, a level-triggered poller reports it at once again, and a
naive loop fails 650,000 times a second. While we rest, one fd that was kept in reserve lets us accept one connection a
second and close it, so that clients learn they are not wanted instead of waiting.

A connection's socket is of the class that is written in C (`SocketType`), not of its heir in Python that
`socket.accept` makes: that one takes 4.1 us instead of 2.3, and 40 bytes more, for `makefile` and `with`.

Where several processes accept from one socket, all of them are woken for a connection and one gets it. The kernel can
wake just one (EPOLLEXCLUSIVE), and then nobody comes if that one is stopped or killed before it has run: docs/decisions
(0016).

Read next: `transport.py`.
"""

import errno
import socket
from collections.abc import Callable
from typing import Final

from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import READ

ACCEPT_BATCH: Final = 64
"""Connections accepted in one turn: a storm of them must not hold up those who are in."""

REST_S: Final = 0.25
"""How long we stop accepting when no file descriptor is left."""

SHED_INTERVAL_S: Final = 1.0
"""How often, meanwhile, one waiting connection is accepted and closed."""

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_DEAD: Final = frozenset({errno.EINVAL, errno.EBADF, errno.ENOTSOCK, errno.EOPNOTSUPP})

OnAccept = Callable[[socket.SocketType, str], None]


class Listener:
    """One listening socket. `on_accept(sock, address)` gets non-blocking sockets, `on_exhausted(error)` bad news."""

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        on_accept: OnAccept,
        on_exhausted: Callable[[OSError], None],
    ) -> None:
        self.sock = sock
        self.accepted = 0  # statistics
        self._family = sock.family
        self._reactor = reactor
        self._on_accept = on_accept
        self._on_exhausted = on_exhausted
        self._watched = False
        self._paused = True
        self._closed = False
        self._shed_at = 0.0
        self._spare: int | None = reactor.world.open_spare()

    def start(self) -> None:
        """Begin to accept."""
        self._paused = False
        if not self._watched and not self._closed:
            if self._spare is None:
                self._reserve()
            self._reactor.watch(self.sock.fileno(), READ, self)
            self._watched = True

    def pause(self) -> None:
        """Accept no more until `start`; those who wait in the queue go on waiting, or are somebody else's."""
        self._paused = True
        self._stop_watching()

    def on_events(self, _mask: int) -> None:
        """Somebody waits: accept a batch; whoever is left is reported again in the next turn."""
        for _ in range(ACCEPT_BATCH):
            try:
                fd, address = self.sock._accept()  # type: ignore[attr-defined]
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(error)
                    return
                if error.errno in _DEAD:
                    self._stop_watching()
                    self._on_exhausted(error)
                    return
                continue  # that one connection failed before we got to it (accept(2), "Error handling")
            sock = socket.SocketType(self._family, socket.SOCK_STREAM, 0, fd)  # not `socket.socket`: see the top
            sock.setblocking(False)
            self.accepted += 1
            self._on_accept(sock, _describe(address))

    def on_crash(self, error: Exception) -> None:
        """A crash while admitting one client is that client's; go on."""

    def _rest(self, error: OSError) -> None:
        self._stop_watching()
        self._on_exhausted(error)
        now = self._reactor.now
        if self._spare is not None and now - self._shed_at >= SHED_INTERVAL_S:
            self._shed_at = now
            self._shed_one()
        self._reactor.call_later(REST_S, self._end_rest)

    def _end_rest(self) -> None:
        if not self._paused:
            self.start()

    def _shed_one(self) -> None:
        """Spend the reserve on accepting one connection and closing it."""
        world = self._reactor.world
        assert self._spare is not None
        world.close_spare(self._spare)
        self._spare = None
        try:
            self.sock.accept()[0].close()
        except OSError:
            pass  # it went away, or somebody else took the fd: the next one will be told
        self._reserve()

    def _reserve(self) -> None:
        try:
            self._spare = self._reactor.world.open_spare()
        except OSError:
            pass  # without a reserve nobody is told; accepting goes on as before

    def _stop_watching(self) -> None:
        if self._watched:
            self._watched = False
            self._reactor.unwatch(self.sock.fileno())

    def close(self) -> None:
        """Stop accepting; those who wait in the queue are reset by the kernel."""
        if self._closed:
            return
        self._stop_watching()
        self._closed = True
        self.sock.close()
        if self._spare is not None:
            self._reactor.world.close_spare(self._spare)
            self._spare = None


def _describe(address: object) -> str:
    """Write a peer's address as people do: `127.0.0.1:50312`, `[::1]:50312`, `unix`."""
    if isinstance(address, tuple):
        host, port = address[0], address[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return "unix"
