"""Too much of what is allowed: pings, pongs, tiny messages. Whoever sends them waits; nobody else does."""

import pytest

from tests.clients.rig import close_payload, decode_frames
from tests.clients.ways import clogged
from tests.scenarios.talking import open_raw
from tests.threats.attacking import cpu_seconds
from tests.threats.conftest import assert_served
from tests.websocket.frames_by_hand import frame
from wsserver.clients.limits import PING_BURST, PING_RATE
from wsserver.clients.states import State
from wsserver.net.transport import READ_PAUSE
from wsserver.websocket.codes import CLOSE, PING, PONG, TEXT
from wsserver.websocket.parser import FRAME_BATCH

TOO_MANY = (CLOSE, close_payload(1008, "too many pings or pongs"))


# -- 62 and 63: pings and pongs ----------------------------------------------------------------------------------------


def test_d62_ten_pings_at_once_get_ten_pongs(attacker):
    one = attacker()
    one.open()
    one.send(b"".join(frame(PING, b"%d" % number) for number in range(10)))
    assert one.read(30) == b"".join(b"\x8a\x01%d" % number for number in range(10))


@pytest.mark.parametrize("opcode", [PING, PONG])
@pytest.mark.parametrize("payload", [b"", b"x" * 125], ids=["empty", "125 bytes"])
def test_d62_a_flood_is_refused_with_1008(attacker, opcode, payload):
    one = attacker()
    one.open()
    one.send(frame(opcode, payload) * 10_000)
    *pongs, last = one.frames()
    assert set(pongs) == ({(PONG, payload)} if opcode == PING else set())
    assert len(pongs) <= PING_BURST
    assert last == TOO_MANY


def test_d62_who_sends_pings_and_does_not_read_is_owed_the_latest_pong_alone(house):
    peer = clogged(house)
    queued = peer.client.transport.queued
    for second in range(20):
        peer.send(b"".join(frame(PING, b"%d" % (10 * second + number)) for number in range(10)))
        assert peer.client.transport.queued < queued + 100
        house.jump(1)
    assert [payload for opcode, payload in decode_frames(peer.received_in_all()) if opcode == PONG] == [b"199"]
    assert peer.client.state is State.OPEN


def test_d62_a_flood_inside_a_fragmented_message_is_one_too(attacker):
    one = attacker()
    one.open()
    one.send(frame(TEXT, b"a", fin=False) + (frame(PING) + frame(PONG)) * 100)
    assert one.frames()[-1] == TOO_MANY


def test_d62_as_many_as_allowed_may_go_on_for_ever(house):
    peer = house.open()
    for _ in range(60):
        peer.send(frame(PING, b"?") * int(PING_RATE))
        assert peer.frames() == [(PONG, b"?")] * int(PING_RATE)
        house.jump(1)
    assert peer.client.state is State.OPEN


def test_d63_pongs_that_nobody_asked_for_are_ignored(attacker):
    one = attacker()
    one.open()
    one.send(frame(PONG, b"what?") * 5 + frame(PONG) + frame(TEXT, b"hi"))
    assert one.read(4) == b"\x81\x02hi"


def test_d63_a_pong_with_another_payload_proves_no_more_than_any_other_byte(house):
    """Whatever comes is a sign of life. It puts the next ping off, once; it does not make the client immortal."""
    peer = house.open()
    house.jump(25)
    assert peer.frames() == [(PING, b"")]
    peer.send_frame(PONG, b"not what you asked for")
    house.jump(25)
    assert peer.frames() == [(PING, b"")]
    house.jump(20.1)
    assert peer.frames() == [(CLOSE, close_payload(4040, "heartbeat missed"))]


# -- 72: tiny messages -------------------------------------------------------------------------------------------------


def test_d72_a_read_full_of_tiny_messages_is_dealt_with_in_slices(house):
    """Another client is served between any two of them."""
    peer, other = house.open("/echo"), house.open("/echo")
    peer.socket.send(frame(TEXT, b"x") * 640)
    answered = 0
    for _ in range(10):
        other.socket.send(frame(TEXT, b"me"))
        house.turn()
        slice_ = len(decode_frames(peer.received()))
        assert slice_ <= FRAME_BATCH
        assert other.frames() == [(TEXT, b"me")] or answered == 0
        answered += slice_
    house.turn(2)
    assert answered + len(peer.frames()) == 640


@pytest.mark.parametrize("path", ["/echo", "/chat"])
def test_d72_a_hundred_thousand_tiny_messages_keep_nobody_waiting(server, attacker, path):
    one = attacker()
    one.open(path)
    before = server.resident_bytes()
    with open_raw(server.port) as honest:
        for _ in range(20):
            one.send_what_is_taken(frame(TEXT, b"x") * 5_000)
            assert_served(honest)
    assert server.resident_bytes() - before < 8 << 20


def test_d72_who_does_not_read_its_answers_is_not_read_either(house):
    peer = house.open("/echo", sndbuf=4096)
    sent = 0
    for _ in range(200):
        try:
            sent += peer.socket.send(frame(TEXT, b"x" * 100) * 100)
        except BlockingIOError:
            break
        house.turn(3)
    assert READ_PAUSE < peer.client.transport.queued < 2 * READ_PAUSE
    assert sent < 2_000_000
    assert peer.client.state is State.OPEN


def test_d72_above_the_rate_each_message_is_told_so_and_ten_seconds_of_it_are_the_end(make_house):
    house = make_house(rate=50)
    peer = house.open()
    peer.send(frame(TEXT, b"x") * 300, turns=8)
    assert house.router.kinds().count("message") == 100
    assert house.router.kinds().count("limited") == 200
    for _ in range(10):
        house.jump(1)
        peer.send(frame(TEXT, b"x") * 60)
    assert peer.frames() == [(CLOSE, close_payload(4029, "too many messages for too long"))]


def test_d72_a_flood_in_fragments_costs_no_more_than_its_bytes(server, attacker):
    before = cpu_seconds(server)
    for _ in range(10):
        one = attacker()
        one.open()
        one.send((frame(TEXT, b"x", fin=False) + frame(0, b"x", fin=False) * 1022 + frame(0, b"x")) * 5)
        assert one.read(4 + 1024)[4:] == b"x" * 1024
        one.close()
    assert cpu_seconds(server) - before < 5  # 51,200 frames
