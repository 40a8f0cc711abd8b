"""The breakable way is one, and breaks as it says."""

import contextlib
import socket
import threading
import time

import pytest

from tests.engines.proxy import Proxy


class Echo:
    """Says back what it is told, one thread a connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=[self.listener.accept()[0]], daemon=True).start()

    def _serve(self, sock):
        with sock, contextlib.suppress(OSError):
            while data := sock.recv(65536):
                self.heard += data
                sock.sendall(data)

    def wait_until_it_heard(self, data):
        until = time.monotonic() + 10
        while not self.heard.endswith(data):
            assert time.monotonic() < until
            time.sleep(0.001)


@pytest.fixture
def echo():
    echo = Echo()
    yield echo
    echo.listener.close()


@pytest.fixture
def proxy(echo):
    with Proxy(echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as client:
        assert say(client, b"hello") == b"hello"
        yield client


def say(client, data):
    client.sendall(data)
    return client.recv(65536)


def is_silent(client):
    client.settimeout(0.05)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(10)
    return False


def test_a_large_message_goes_there_and_back_whole(client):
    data = bytes(i % 251 for i in range(3_000_000))
    back = bytearray()
    sender = threading.Thread(target=client.sendall, args=[data])
    sender.start()
    while len(back) < len(data):
        back += client.recv(1 << 20)
    sender.join()
    assert back == data


@pytest.mark.parametrize("direction", ["there", "back", "both"])
def test_what_is_cut_arrives_when_it_is_healed(echo, proxy, client, direction):
    proxy.cut(direction)
    client.sendall(b"lost?")
    assert is_silent(client)
    if direction == "back":
        echo.wait_until_it_heard(b"lost?")
    else:
        assert not echo.heard.endswith(b"lost?")
    assert proxy.kept == 5
    proxy.heal()
    assert client.recv(100) == b"lost?"


def test_severed_connections_are_reset_and_new_ones_are_taken(proxy, client):
    proxy.cut("back")
    proxy.sever()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as other:
        assert say(other, b"again") == b"again"
    assert proxy.accepted == 2


def test_refused_until_healed_and_who_is_connected_stays(proxy, client):
    proxy.refuse()
    until = time.monotonic() + 10
    with pytest.raises(ConnectionRefusedError):
        while time.monotonic() < until:  # the thread may hold the listener for a moment more
            socket.create_connection(("127.0.0.1", proxy.port), 10).close()
    assert say(client, b"still") == b"still"
    proxy.heal()
    socket.create_connection(("127.0.0.1", proxy.port), 10).close()


def test_delayed_bytes_are_late_in_both_directions(proxy, client):
    proxy.delay(0.05)
    begin = time.monotonic()
    assert say(client, b"slow") == b"slow"
    assert time.monotonic() - begin >= 0.1


def test_the_end_of_one_side_is_told_to_the_other(proxy, client):
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""


def test_a_server_that_is_not_there_ends_the_connection(echo):
    echo.listener.close()
    with Proxy(1) as proxy, socket.create_connection(("127.0.0.1", proxy.port), 10) as client:
        assert client.recv(1) == b""
