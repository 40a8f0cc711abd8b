"""Every message comes back, byte for byte."""

import pytest

from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import BINARY, TEXT


@pytest.mark.parametrize("size", [0, 1, 125, 126, 4096, 65535, 65536])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_of_any_size_comes_back_with_its_opcode(house, opcode, size):
    payload = (b"0123456789" * 6554)[:size] if opcode == TEXT else bytes(i % 256 for i in range(size))
    peer = house.open("/echo")
    peer.send_frame(opcode, payload)
    assert peer.frames() == [(opcode, payload)]


def test_messages_come_back_in_order_and_fragments_as_one(house):
    peer = house.open("/echo")
    peer.send(frame(TEXT, "grü".encode(), fin=False) + frame(0, b"n") + frame(BINARY, b"\0") + frame(TEXT))
    assert peer.frames() == [(TEXT, "grün".encode()), (BINARY, b"\0"), (TEXT, b"")]


def test_no_subprotocol_is_picked(house):
    peer = house.connect()
    head = peer.upgrade("/echo", extra="Sec-WebSocket-Protocol: wsserver.v1.json\r\n")
    assert b"sec-websocket-protocol" not in head.lower()
