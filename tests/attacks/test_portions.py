"""How much of one client is taken at a time, and when no more of it is taken at all."""

import pytest

from tests.attacks.catalogue import HISTORY, say
from tests.attacks.turning import Turning, received, send
from tests.clients.rig import UPGRADE, get, parse_answers
from tests.websocket.frames_by_hand import frame
from wsserver.clients.handshake import ANSWERS_PAUSE, INTAKE
from wsserver.net.files import SLICE_SIZE
from wsserver.net.transport import READ_PAUSE, READ_SIZE
from wsserver.websocket.codes import BINARY
from wsserver.websocket.parser import FRAME_BATCH

SMALL = 4096
"""Bytes that the kernel takes for who does not read."""

PAGE = 800_000
"""Bytes of the longest answer there is, a page of history in the dearest characters."""

TURNS = 300


@pytest.fixture
def turning():
    one = Turning("limits.queue=16MiB")
    yield one
    assert one.errors == []
    one.close()


def client_of(turning):
    [client] = turning.server.registry.clients
    return client


def test_a_wake_up_takes_64_frames_of_a_client_at_most(turning):
    peer = turning.open("/echo")
    client, taken = client_of(turning), 0
    left = memoryview(frame(BINARY, b"x") * 9000)
    while left:
        left = left[send(peer, left) :]
        turning.turn()
        assert client.messages_in - taken <= FRAME_BATCH
        taken = client.messages_in
        received(peer)


def test_a_wake_up_reads_64_kib_of_a_client_at_most(turning):
    peer = turning.open("/echo")
    client, taken = client_of(turning), 0
    left = memoryview(frame(BINARY, bytes(READ_SIZE // 4 - 8)) * 40)
    while left:
        left = left[send(peer, left) :]
        turning.turn()
        assert client.messages_in - taken <= 5  # of four that fit, and one whose beginning was there before
        taken = client.messages_in
        received(peer)


def test_a_stranger_is_read_in_smaller_portions_than_a_client(turning):
    peer = turning.connect()
    client = client_of(turning)
    head = b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
    send(peer, head + bytes(60_000))
    turning.turn()
    assert 0 < client.handshake._parser.buffered <= INTAKE
    turning.settle()
    assert [status for status, _, _ in parse_answers(received(peer))] == [405]
    send(peer, UPGRADE.format(path="/echo", extra="").encode())
    turning.settle(peer)
    assert client.transport.read_size == READ_SIZE


FLOODS = {
    "requests for a page": ("", b"", get("/") * 200, ANSWERS_PAUSE + SLICE_SIZE + 1024),
    "requests for health": ("", b"", get("/livez") * 200, ANSWERS_PAUSE + SLICE_SIZE + 1024),
    "large messages": ("/echo", b"", frame(BINARY, bytes(60_000)), READ_PAUSE + 61_000),
    "tiny messages": ("/echo", b"", frame(BINARY, b"x") * 9000, READ_PAUSE + 100),
    "errors": ("/chat", b"", say(type="x") * 2000, READ_PAUSE + 1000),
    "history": ("/chat", say(type="join", channel="full"), HISTORY * 200, READ_PAUSE + PAGE),
    "joins": ("/chat", b"", say(type="join", channel="full", history=300) * 200, READ_PAUSE + PAGE),
}


@pytest.mark.parametrize("name", FLOODS)
def test_who_does_not_read_its_answers_is_not_read_any_more(turning, name):
    path, before, flood, most = FLOODS[name]
    fill_channel(turning)
    peer = turning.open(path, room=SMALL) if path else turning.connect(room=SMALL)
    client = client_of(turning)
    send(peer, before)
    turning.settle(peer)
    taken = last_taken = held = 0
    for turn in range(TURNS):
        count = send(peer, memoryview(flood)[taken % len(flood) :])
        taken += count
        last_taken = turn if count else last_taken
        turning.turn()
        held = max(held, client.transport.queued)
    assert last_taken < TURNS // 2, "it is read for ever"
    assert 0 < held <= most
    assert received(peer), "who reads again gets what waits"


def fill_channel(turning):
    author = turning.open("/chat")
    send(author, say(type="join", channel="full", user="author"))
    for _ in range(20):
        send(author, say(type="message", channel="full", text="\x01" * 8000))
        turning.settle(author)
    turning.hang_up(author)
