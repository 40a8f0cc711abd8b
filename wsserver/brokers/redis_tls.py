"""A TLS connection that looks like a plain non-blocking socket, for `net/transport.py`.

OpenSSL reads one record at a time and none ahead, so what the kernel reports is what there is: a record has at most
16 KiB, and READ_SIZE takes it whole. What would block is told by other exceptions than the kernel's; they are
translated, and that is all.

Read next: `redis_dial.py`, which shakes hands.
"""

import ssl
from socket import SocketType
from typing import Any


def client_context() -> ssl.SSLContext:
    """Return what a client needs: TLS 1.2 or later, certificates checked against the system's, names too."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class TlsSocket:
    """The few methods that a transport calls, over an `ssl.SSLSocket` that has shaken hands."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self.fileno = sock.fileno
        self.getsockopt = sock.getsockopt
        self.close = sock.close

    def recv(self, size: int) -> bytes:
        """Return what was sent to us; b"" at the end. Raises BlockingIOError when there is no whole record yet."""
        try:
            return self._sock.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLZeroReturnError:
            return b""

    def send(self, data: Any) -> int:
        """Send a part of `data` and return how much. After BlockingIOError the same bytes have to come again."""
        try:
            return self._sock.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def shutdown(self, how: int) -> None:
        """Send our FIN; without TLS's own goodbye, which Redis does not look for."""
        SocketType.shutdown(self._sock, how)
