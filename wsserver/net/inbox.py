"""Takes in connections that another process of this server hands over: a socket, and what is to be known of it.

    put(outlet, fd, data) ===> kernel ===> Inbox ---> on_arrival(sock, data)

The kernel keeps a socket that is on its way (SCM_RIGHTS, unix(7)), whatever becomes of either process: whoever reads
the inbox next gets it. So an inbox is watched like a listener, by a neighbour too while its owner is down. What does
not fit in is not taken, and its owner serves it as before.

Read next: `clients/handoff.py`, which says what is known; `listener.py`.
"""

import array
import socket
from collections.abc import Callable
from typing import Final

from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import READ
from wsserver.reactor.timers import Timer

MESSAGE_LIMIT: Final = 32 * 1024
"""Bytes beside a socket: what a client has said at last, and some names. Above that it is not handed over."""

BATCH: Final = 64
"""Connections taken in one turn, as many as are accepted in one."""

REST_S: Final = 1.0
"""After an error of the kernel: connections wait in the inbox meanwhile, and trying at once again would only spin."""

_FD_BYTES: Final = array.array("i").itemsize

OnArrival = Callable[[socket.SocketType, bytes], None]


def put(outlet: socket.socket, fd: int, data: bytes) -> bool:
    """Hand over the socket `fd`; the caller closes its own descriptor then. False: it could not be taken just now.

    `data` is 1 to MESSAGE_LIMIT bytes. Nobody learns that the receiver has died, since the inbox outlives it.
    """
    if len(data) > MESSAGE_LIMIT:
        return False
    try:
        outlet.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    except OSError:
        return False  # EAGAIN: it is full; ETOOMANYREFS: so many are on their way; either way it may stay where it is
    return True


class Inbox:
    """One process's inbox, or a neighbour's. `on_arrival(sock, data)` gets non-blocking sockets."""

    def __init__(self, reactor: Reactor, sock: socket.socket, on_arrival: OnArrival) -> None:
        """`sock` is the reading end of a `shared.message_pair`, ours from now on."""
        self.sock = sock
        self._reactor = reactor
        self._on_arrival = on_arrival
        self._watched = False
        self._rest: Timer | None = None  # until it tries again after an error

    def start(self) -> None:
        """Begin to take in."""
        self._end_rest()
        if not self._watched:
            self._reactor.watch(self.sock.fileno(), READ, self)
            self._watched = True

    def pause(self) -> None:
        """Take in no more until `start`."""
        self._end_rest()
        if self._watched:
            self._reactor.unwatch(self.sock.fileno())
            self._watched = False

    def close(self) -> None:
        """Take in no more, and close our end."""
        self.pause()
        self.sock.close()

    def on_events(self, _mask: int) -> None:
        """Something is here: take a batch; the rest is reported again in the next turn."""
        for _ in range(BATCH):
            if not self._take_one():
                return

    def empty(self) -> None:
        """Take in all that is here now: the kernel bounds it, by the size of the sender's buffer."""
        while self._take_one():
            pass

    def _take_one(self) -> bool:
        """Take one connection in; return whether there was any."""
        try:
            data, carried, _, _ = self.sock.recvmsg(
                MESSAGE_LIMIT, socket.CMSG_SPACE(_FD_BYTES), getattr(socket, "MSG_CMSG_CLOEXEC", 0)
            )
        except BlockingIOError:
            return False
        except OSError as error:  # no memory
            self.pause()
            self._rest = self._reactor.call_later(REST_S, self.start)
            self._reactor.report(error)
            return False
        if not data:
            return False  # nobody can write into it any more
        for _, _, packed in carried:  # none where we had no descriptor left for it: that connection is lost
            fds = array.array("i")
            fds.frombytes(packed[:_FD_BYTES])
            self._on_arrival(_adopt(fds[0]), data)
        return True

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def on_crash(self, error: Exception) -> None:
        """A crash while one connection was taken in is that connection's; go on."""


def _adopt(fd: int) -> socket.SocketType:
    sock = socket.SocketType(fileno=fd)
    sock.setblocking(False)
    return sock
