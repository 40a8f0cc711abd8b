"""The kernel's own counts."""

import socket

import pytest

from wsserver.net import traffic
from wsserver.net.traffic import UNKNOWN, traffic_of


@pytest.fixture
def pair():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as peer:
        accepted, _ = listener.accept()
        with accepted:
            yield peer, accepted


def receive(sock, count):
    while count:
        count -= len(sock.recv(count))


def test_bytes_of_an_accepted_connection_are_counted_both_ways(pair) -> None:
    peer, accepted = pair
    assert traffic_of(accepted) == (0, 0)
    peer.sendall(b"x" * 70_000)
    receive(accepted, 70_000)
    accepted.sendall(b"y" * 77)
    receive(peer, 77)
    assert traffic_of(accepted) == (70_000, 77)


def test_counts_are_there_when_the_peer_has_gone(pair) -> None:
    peer, accepted = pair
    peer.sendall(b"x" * 10)
    peer.close()
    receive(accepted, 10)
    assert accepted.recv(1) == b""
    assert traffic_of(accepted)[0] >= 10  # a FIN may count as one


def test_where_nobody_counts_there_is_nothing(pair, monkeypatch) -> None:
    left, right = socket.socketpair()
    left.sendall(b"hello")
    assert traffic_of(left) == UNKNOWN
    left.close()
    right.close()
    assert traffic_of(left) == UNKNOWN
    monkeypatch.setattr(traffic, "_OPTION", None)
    assert traffic_of(pair[1]) == UNKNOWN
