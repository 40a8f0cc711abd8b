"""One try to connect: the name is looked up, each of its addresses is called, TLS is spoken where it is asked for.

Nothing here waits. A name that is no address of numbers is looked up in a thread, since the C library's resolver
blocks; everything else is the reactor's news about an fd.

    Dial(...) -> look up -> connect -> [TLS handshake] -> done(socket), or done(OSError): once, within the time limit

Read next: `redis_link.py`, which dials again and again.
"""

import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from socket import AF_UNIX, IPPROTO_TCP, SO_ERROR, SO_KEEPALIVE, SOL_SOCKET, SocketType
from typing import Any, Final

from wsserver.brokers.address import Address
from wsserver.brokers.redis_tls import TlsSocket, client_context
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import READ, WRITE
from wsserver.reactor.world import KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES

CONNECT_LIMIT_S: Final = 5.0
"""For all addresses of a name together, TLS and greeting included: what takes longer would not serve a chat either."""

Offload = Callable[[Callable[[], Any], Callable[[Any], None]], None]
"""`offload(work, done)`: have `work()` done in a thread and `done(what it returned or raised)` called in the loop."""

Place = tuple[int, tuple[str | int, ...] | str]


class Dial:
    """One try. `cancel` makes it not call back."""

    def __init__(
        self,
        reactor: Reactor,
        address: Address,
        offload: Offload,
        done: Callable[[SocketType | OSError], None],
        context: Callable[[], ssl.SSLContext] = client_context,
    ) -> None:
        self._reactor = reactor
        self._address = address
        self._done: Callable[[SocketType | OSError], None] | None = done
        self._context = context
        self._places: list[Place] = []
        self._trying: _Attempt | None = None
        self._timer = reactor.call_later(CONNECT_LIMIT_S, self._on_timer)
        if address.path:
            reactor.call_soon(partial(self._on_places, [(int(AF_UNIX), address.path)]))
        else:
            offload(partial(reactor.world.resolve_tcp, address.host, address.port), self._on_places)

    def cancel(self) -> None:
        """Give up without a word."""
        self._done = None
        self._timer.cancel()
        if self._trying is not None:
            self._trying.close()
            self._trying = None

    def _on_places(self, found: list[Place] | Exception) -> None:
        if self._done is None:
            return
        if isinstance(found, Exception):
            self._finish(found if isinstance(found, OSError) else OSError(errno.EINVAL, "the name cannot be looked up"))
            return
        self._places = list(found)
        self._try_next(OSError(errno.ENOENT, "the name stands for no address"))

    def _try_next(self, error: OSError) -> None:
        """Call the next address; `error` is what became of the one before."""
        self._trying = None
        while self._places:
            family, place = self._places.pop(0)
            try:
                sock = self._reactor.world.begin_connect(family, place)
            except OSError as refused:
                error = refused
                continue
            _keep_alive(sock, family)
            wrap = (
                partial(self._context().wrap_socket, server_hostname=self._address.host) if self._address.tls else None
            )
            self._trying = _Attempt(self._reactor, sock, wrap, self._on_attempt)
            return
        self._finish(error)

    def _on_attempt(self, result: Any) -> None:
        if isinstance(result, OSError):
            self._try_next(result)
        else:
            self._trying = None
            self._finish(result)

    def _on_timer(self) -> None:
        if self._trying is not None:
            self._trying.close()
        self._finish(OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))

    def _finish(self, result: SocketType | OSError) -> None:
        done = self._done
        self.cancel()
        if done is not None:
            done(result)


class _Attempt:
    """One socket that is connecting, or shaking hands."""

    def __init__(
        self,
        reactor: Reactor,
        sock: SocketType,
        wrap: Callable[..., ssl.SSLSocket] | None,
        done: Callable[[Any], None],
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._fd = sock.fileno()
        self._wrap = wrap
        self._tls: ssl.SSLSocket | None = None
        self._done: Callable[[Any], None] | None = done
        reactor.watch(self._fd, WRITE, self)

    def on_events(self, _mask: int) -> None:
        """It is connected, or refused, or the other side has said something of the handshake."""
        if self._done is None:
            return
        try:
            if self._tls is None:
                number = self._sock.getsockopt(SOL_SOCKET, SO_ERROR)
                if number:
                    raise OSError(number, os.strerror(number))
                if self._wrap is None:
                    self._hand_over(self._sock)
                    return
                self._tls = self._wrap(self._sock, do_handshake_on_connect=False)
                self._sock = self._tls
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._reactor.poller.modify(self._fd, READ)
        except ssl.SSLWantWriteError:
            self._reactor.poller.modify(self._fd, WRITE)
        except OSError as error:
            self._fail(error)
        else:
            self._hand_over(TlsSocket(self._tls))

    def on_crash(self, error: Exception) -> None:
        """A mistake of ours ends this try."""
        self._fail(OSError(errno.EIO, f"{type(error).__name__} while connecting"))

    def close(self) -> None:
        """End it without a word; the fd is closed at the end of the turn."""
        if self._done is not None:
            self._done = None
            self._reactor.bury(self)

    def bury(self) -> None:
        """Give the fd back."""
        self._reactor.unwatch(self._fd)
        self._sock.close()

    def _fail(self, error: OSError) -> None:
        done = self._done
        self.close()
        if done is not None:
            done(error)

    def _hand_over(self, sock: Any) -> None:
        done, self._done = self._done, None
        self._reactor.unwatch(self._fd)
        assert done is not None
        done(sock)


def _keep_alive(sock: SocketType, family: int) -> None:
    """Let the kernel look for a peer that lost its power; our own PING is quicker, but this costs nothing."""
    if family == AF_UNIX:
        return
    sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
        sock.setsockopt(IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)


def explain_dial(error: OSError, where: str) -> str:
    """Return why `where` was not reached, as a sentence without a capital or a full stop."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of Redis at {where} is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"Redis at {where} does not speak TLS as we do"
    reason = (error.strerror or "it cannot be reached").lower()
    return f"Redis at {where} cannot be reached: {reason}"
