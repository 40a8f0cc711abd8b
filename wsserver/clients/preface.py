"""Ahead of the first request: a proxy that we trust says, by the PROXY protocol, for whom it has opened a connection.

    bytes -> Preface.receive -> complete: the client is counted where it comes from -> Handshake.receive

It has the time of the opening handshake, in which it is. What is no such header ends the connection without an answer:
who speaks another language than agreed on would not read it.

Read next: `net/proxy_protocol.py` for the header; `handshake.py` for what follows.
"""

from typing import TYPE_CHECKING

from wsserver.http.errors import RequestError
from wsserver.net.proxy_protocol import ProxyHeaderError, read_proxy_header

if TYPE_CHECKING:
    from wsserver.clients.client import Client


class Preface:
    """The first bytes of one client that comes by a proxy."""

    __slots__ = ("_client", "_data")

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._data = b""  # the beginning of a header

    def receive(self, data: bytes) -> None:
        """Where the transport's bytes go until the header is complete."""
        client = self._client
        self._data += data
        try:
            header = read_proxy_header(self._data)
        except ProxyHeaderError as error:
            if client.house.proxies is not None:  # it was set up wrongly, and nobody can come in
                client.house.proxies.tell(client.address, str(error))
            client.transport.close()
            client.on_lost(OSError(f"PROXY protocol: {error}"))
            return
        handshake = client.handshake
        if header is None or handshake is None:
            return
        client.transport.on_bytes = handshake.receive
        if header.source:
            client.transport.address = header.source
            try:
                client.house.relocate(client, header.source)
            except RequestError as error:
                handshake.refuse(error)
                return
        rest = self._data[header.size :]
        if rest:
            handshake.receive(rest)
