"""The echo through real sockets, byte for byte."""

import random

import pytest
from websocket import ABNF

from tests.scenarios.talking import open_raw
from tests.websocket.frames_by_hand import frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_text_and_binary_come_back_as_they_went(server, open_socket, size):
    sock = open_socket(server.ws("/echo"))
    random_bytes = random.Random(size).randbytes(size)
    for opcode, payload in ((ABNF.OPCODE_BINARY, random_bytes), (ABNF.OPCODE_TEXT, b"x" * size)):
        sock.send(payload, opcode)
        assert sock.recv_data() == (opcode, payload)


def test_text_beyond_ascii_comes_back(server, open_socket):
    sock = open_socket(server.ws("/echo"))
    for text in ("Grüße", "日本語", "🙂", "\x00", "a" * 1000 + "é"):
        sock.send(text)
        assert sock.recv() == text


def test_many_in_flight_come_back_in_order(start, open_socket):
    server = start("--set", "limits.rate=0")
    sock = open_socket(server.ws("/echo"))
    for number in range(5000):
        sock.send(str(number))
    assert [sock.recv() for _ in range(5000)] == [str(number) for number in range(5000)]


def test_a_message_larger_than_allowed_is_refused_with_1009(server, open_socket):
    sock = open_socket(server.ws("/echo"))
    sock.send_binary(bytes(65537))
    opcode, payload = sock.recv_data()
    assert (opcode, payload[:2]) == (ABNF.OPCODE_CLOSE, (1009).to_bytes(2, "big"))


def test_the_limit_is_a_setting(start, open_socket):
    sock = open_socket(start("--set", "websocket.max_message=1MiB", "--set", "limits.queue=4MiB").ws("/echo"))
    sock.send_binary(bytes(1 << 20))
    assert sock.recv() == bytes(1 << 20)


def test_an_unmasked_frame_is_refused_with_1002_and_the_end(server):
    with open_raw(server.port) as sock:
        sock.sendall(frame(1, b"x", masked=False))
        answer = b""
        while chunk := sock.recv(100):
            answer += chunk
    assert answer[:1] + answer[2:4] == b"\x88\x03\xea"


def test_a_close_is_answered_with_its_code_and_the_end(server):
    with open_raw(server.port) as sock:
        sock.sendall(frame(1, b"last") + frame(8, b"\x03\xe9off"))
        answer = b""
        while chunk := sock.recv(100):
            answer += chunk
    assert answer == b"\x81\x04last\x88\x05\x03\xe9off"
