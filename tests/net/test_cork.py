"""What is sent ahead leaves with the next send, in one piece; real TCP, for a socket pair knows no cork."""

import socket

import pytest

from wsserver.net.cork import send_ahead, uncork
from wsserver.net.transport import Transport


@pytest.fixture
def wired(rig):
    """A transport of the rig's reactor on a TCP connection, with small buffers, and the peer's end."""
    listener = socket.create_server(("127.0.0.1", 0))
    peer = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
    listener.close()
    ours.setblocking(False)
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = Transport(rig.reactor, ours, "127.0.0.1:1", 1 << 20)
    transport.start(rig.owner)
    yield transport, peer
    transport.close()
    rig.turn()
    peer.close()


def has_come(peer):
    peer.setblocking(False)
    try:
        return peer.recv(1 << 16)
    except BlockingIOError:
        return b""


def test_first_part_waits_for_the_second_and_leaves_with_it(rig, wired):
    transport, peer = wired
    assert send_ahead(transport, b"first ")
    assert has_come(peer) == b""
    transport.write(b"second")
    uncork(transport)
    assert has_come(peer) == b""
    rig.turn()
    assert has_come(peer) == b"first second"


def test_first_part_leaves_alone_when_nothing_follows(wired):
    transport, peer = wired
    assert send_ahead(transport, b"alone")
    uncork(transport)
    assert has_come(peer) == b"alone"


def test_unix_socket_knows_no_cork_and_loses_nothing(rig):
    assert send_ahead(rig.transport, b"first ")
    uncork(rig.transport)
    assert rig.read(6) == b"first "
    assert rig.owner.heard == []


def test_what_is_queued_already_goes_first(rig):
    rig.transport.write_last(b"before ")
    assert not send_ahead(rig.transport, b"behind")
    assert rig.read(13) == b"before behind"


def test_what_the_kernel_does_not_take_is_sent_later_and_drains(make_rig):
    rig = make_rig(sndbuf=4096)
    drained = []
    rig.transport.on_drained = lambda: drained.append(True)
    data = bytes(index % 251 for index in range(1 << 20))
    assert not send_ahead(rig.transport, data)
    assert rig.transport.frames and not drained
    assert rig.read_and_turn(len(data)) == data
    rig.turn()
    assert drained == [True]


def test_closed_transport_takes_nothing(rig):
    rig.transport.close()
    assert not send_ahead(rig.transport, b"late")
    assert not rig.transport.frames


def test_loss_is_reported_in_the_next_turn(rig):
    rig.peer.close()
    assert not send_ahead(rig.transport, b"to nobody")
    assert rig.owner.heard == []
    rig.turn(2)
    assert rig.owner.heard[0] == "lost"
