"""Every row of the table that a peer, a clock or the server can cause, walked by a real client; and what OPEN does."""

import gc
import socket

import pytest

from tests.clients.rig import BIG, close_payload, decode_frames, upgrade
from tests.clients.ways import NO_STEP, WAYS, clogged
from tests.websocket.frames_by_hand import frame
from wsserver.clients import client as client_module
from wsserver.clients.client import Client
from wsserver.clients.limits import LIMITED_FOR_S, PING_BURST
from wsserver.clients.states import ROWS, State, next_state
from wsserver.net.outbox import Stream
from wsserver.net.transport import STALL_BYTES, STALL_LIMIT_S, Transport
from wsserver.reactor.poller import READ, WRITE
from wsserver.websocket.codes import BINARY, CLOSE, PING, PONG, TEXT
from wsserver.websocket.parser import FRAME_BATCH
from wsserver.websocket.prepared import PreparedMessage


@pytest.fixture
def steps(monkeypatch):
    """The (state, event) pairs that clients step through."""
    taken = []

    def record(state, event):
        taken.append((state, event))
        return next_state(state, event)

    monkeypatch.setattr(client_module, "next_state", record)
    return taken


def test_every_row_is_walked_here_or_said_why_not():
    assert WAYS.keys() | NO_STEP.keys() == {(row.state, row.event) for row in ROWS}
    assert not WAYS.keys() & NO_STEP.keys()


@pytest.mark.parametrize("row", WAYS, ids=lambda row: f"{row[0].name}-{row[1].name}")
def test_row_is_walked_by_a_real_client(row, house, steps):
    WAYS[row](house)
    assert row in steps
    assert steps.count(row) == 1


@pytest.mark.parametrize("row", WAYS, ids=lambda row: f"{row[0].name}-{row[1].name}")
def test_after_whatever_happens_silence_ends_every_client_and_frees_its_socket(row, house):
    WAYS[row](house)
    for _ in range(6):
        house.jump(20)
    assert house.registry.clients == set()
    assert house.registry.sockets == 0
    assert len(house.gone) == 1
    assert house.begun == house.router.kinds().count("close")


def test_messages_reach_the_router_whole_and_in_order(house):
    peer = house.open()
    peer.send(frame(TEXT, b"one") + frame(BINARY, b"t", fin=False) + frame(0, b"wo") + frame(TEXT, b"three"))
    assert house.router.heard == [
        ("open",), ("message", b"one", TEXT), ("message", b"two", BINARY), ("message", b"three", TEXT),
    ]  # fmt: skip


def test_a_message_cut_at_any_byte_is_the_same_message(house):
    peer = house.open()
    for byte in frame(TEXT, b"slowly"):
        peer.send(bytes((byte,)), turns=1)
    assert house.router.heard[1:] == [("message", b"slowly", TEXT)]


def test_what_is_sent_during_a_turn_leaves_at_its_end(house):
    peer = house.open()
    peer.client.send(b"one")
    peer.client.send(b"\xff", BINARY)
    peer.client.send(b"x" * 126)
    assert peer.frames() == []
    house.turn()
    assert peer.frames() == [(TEXT, b"one"), (BINARY, b"\xff"), (TEXT, b"x" * 126)]


def test_pings_are_answered_with_what_they_carried(house):
    peer = house.open()
    peer.send(frame(PING, b"one") + frame(PING) + frame(PONG, b"unasked"))
    assert peer.frames() == [(PONG, b"one"), (PONG, b"")]


def test_a_flood_of_pings_is_a_broken_rule(house):
    peer = house.open()
    peer.send(b"".join(frame(PING, b"%d" % number) for number in range(int(PING_BURST) + 1)))
    frames = peer.frames()
    assert frames[-2] == (PONG, b"%d" % (PING_BURST - 1))
    assert frames[-1] == (CLOSE, close_payload(1008, "too many pings or pongs"))


def test_pongs_that_nobody_asked_for_are_ignored_and_a_flood_of_them_is_a_broken_rule(house):
    peer = house.open()
    peer.send(frame(PONG, b"unasked") * int(PING_BURST))
    assert peer.frames() == []
    assert peer.client.state is State.OPEN
    peer.send(frame(PONG))
    assert peer.frames() == [(CLOSE, close_payload(1008, "too many pings or pongs"))]


def test_a_wake_up_takes_a_batch_of_frames_and_others_have_their_turn_before_the_next(house):
    peer, other = house.open(), house.open("/echo")
    peer.socket.send(frame(TEXT, b"x") * (2 * FRAME_BATCH + 1))
    house.turn()
    assert house.router.kinds().count("message") == FRAME_BATCH
    other.socket.send(frame(TEXT, b"me"))
    house.turn()
    assert other.frames() == [(TEXT, b"me")]
    assert house.router.kinds().count("message") == 2 * FRAME_BATCH
    house.turn()
    assert house.router.kinds().count("message") == 2 * FRAME_BATCH + 1
    peer.send_frame(TEXT, b"after")
    assert house.router.heard[-1] == ("message", b"after", TEXT)


def test_ids_are_not_the_same_twice_and_have_twelve_characters(house):
    ids = {house.open().client.id for _ in range(10)}
    assert len(ids) == 10
    assert {len(id) for id in ids} == {12}


# -- deadlines ---------------------------------------------------------------------------------------------------------


def test_a_silent_client_is_pinged_and_then_closed_with_4040(house):
    peer = house.open()
    house.jump(24.9)
    assert peer.frames() == []
    house.jump(0.2)
    assert peer.frames() == [(PING, b"")]
    house.jump(19.7)
    assert peer.frames() == []
    house.jump(0.4)
    assert peer.frames() == [(CLOSE, close_payload(4040, "heartbeat missed"))]
    assert house.router.heard[-1] == ("close", 4040, "heartbeat missed")


@pytest.mark.parametrize("sign", [frame(PONG), frame(TEXT, b"x"), b"\x81"], ids=["pong", "message", "one byte"])
def test_whatever_comes_is_a_sign_of_life(house, sign):
    peer = house.open()
    house.jump(25)
    peer.received()
    peer.send(sign)
    house.jump(24.9)
    assert peer.received() == b""
    house.jump(0.2)
    assert peer.frames() == [(PING, b"")]


def test_a_client_that_talks_is_never_pinged(house):
    peer = house.open("/echo")
    for _ in range(20):
        house.jump(20)
        peer.send_frame(TEXT, b"x")
    assert {opcode for opcode, _ in peer.frames()} == {TEXT}


def test_a_client_that_still_takes_our_bytes_is_alive_though_it_says_nothing(house):
    peer = house.open(sndbuf=4096)
    peer.client.transport.write_last(frame(BINARY, bytes(BIG), masked=False))
    for _ in range(10):
        house.jump(15)
        for _ in range(STALL_BYTES // 2 // 4096):
            peer.received()
            house.turn()
    assert peer.client.transport.frames
    assert peer.client.state is State.OPEN


# -- who does not read -------------------------------------------------------------------------------------------------


def test_a_full_queue_closes_with_4008_and_nobody_else_notices(house):
    slow, quick = house.open(), house.open()
    for _ in range(40):
        slow.client.send(b"s" * 60_000)
        quick.client.send(b"q")
    house.turn(3)
    assert len(quick.frames()) == 40
    assert quick.client.state is State.OPEN
    assert slow.client.state is State.CLOSING_STS
    assert slow.client.transport.queued < 100_000
    frames = slow.received_in_all()
    assert frames.endswith(b"\x88\x19" + close_payload(4008, "slow consumer: overflow"))
    assert slow.client.state is State.CLOSING_STW
    assert house.router.heard[-1] == ("close", 4008, "slow consumer: overflow")


def test_a_queue_that_does_not_move_closes_with_4008(house):
    peer = clogged(house)
    for _ in range(2):
        house.jump(STALL_LIMIT_S / 2)
        peer.send_frame(PONG)
    house.turn(2)
    assert house.router.heard[-1] == ("close", 4008, "slow consumer: stalled")


def test_another_policy_drops_the_oldest_and_keeps_the_connection(make_house):
    house = make_house(queue_policy="drop-oldest", queue=100_000)
    slow, quick = house.open(sndbuf=4096), house.open()
    read = []
    for number in range(40):
        house.registry.fan_out([slow.client, quick.client], PreparedMessage(b"%02d" % number * 5000, TEXT))
        house.turn()
        read += quick.frames()
    slow.client.send(b"an answer")
    late = decode_frames(slow.received_in_all())
    assert len(read) == 40
    assert late[-2:] == [(TEXT, b"39" * 5000), (TEXT, b"an answer")]
    assert len(late) < 20
    assert slow.client.state is State.OPEN
    assert house.router.kinds() == ["open", "open"]


def test_a_stream_has_a_policy_of_its_own_and_only_its_newest_message_waits_for_a_slow_reader(make_house):
    house = make_house(queue=100_000)
    slow, stream = house.open(sndbuf=4096), Stream("latest")
    for number in range(40):
        house.registry.fan_out([slow.client], PreparedMessage(b"%02d" % number * 5000, TEXT), stream)
        house.turn()
    slow.client.send(b"an answer")
    late = decode_frames(slow.received_in_all())
    assert late[-2:] == [(TEXT, b"39" * 5000), (TEXT, b"an answer")]
    assert len(late) < 20
    assert slow.client.state is State.OPEN


def test_a_crowd_gets_the_frames_of_a_stream_too(make_house):
    house = make_house(queue=100_000)
    slow, quick, stream = house.open(sndbuf=4096), house.open(), Stream("drop-oldest")
    wires = [slow.client.wire, quick.client.wire]
    for number in range(40):
        house.registry.send_at_once(wires, PreparedMessage(b"%02d" % number * 5000, TEXT), stream)
        house.turn()
        assert quick.frames() == [(TEXT, b"%02d" % number * 5000)]
    late = decode_frames(slow.received_in_all())
    assert late[-1] == (TEXT, b"39" * 5000)
    assert len(late) < 20
    assert slow.client.state is State.OPEN


# -- rates -------------------------------------------------------------------------------------------------------------


def test_messages_above_the_rate_go_to_on_limited(make_house):
    house = make_house(rate=5)
    peer = house.open()
    peer.send(frame(TEXT, b"x") * 12)
    assert house.router.kinds() == ["open"] + ["message"] * 10 + ["limited"] * 2
    house.jump(0.21)
    peer.send(frame(TEXT, b"x") * 2)
    assert house.router.kinds()[-2:] == ["message", "limited"]


def test_who_stays_above_the_rate_for_ten_seconds_is_closed_with_4029(make_house):
    house = make_house(rate=5)
    peer = house.open()
    peer.send(frame(TEXT, b"x") * 11)
    for _ in range(int(LIMITED_FOR_S) - 1):
        house.jump(1)
        peer.send(frame(TEXT, b"x") * 6)
    assert peer.client.state is State.OPEN
    house.jump(1)
    peer.send(frame(TEXT, b"x") * 6)
    assert peer.frames() == [(CLOSE, close_payload(4029, "too many messages for too long"))]


def test_a_rest_is_forgiveness(make_house):
    house = make_house(rate=5)
    peer = house.open()
    for _ in range(8):
        peer.send(frame(TEXT, b"x") * 11)
        house.jump(2.1)
    assert peer.client.state is State.OPEN
    assert house.router.kinds().count("limited") == 8


def test_the_echo_is_limited_too(make_house):
    house = make_house(rate=5)
    peer = house.open("/echo")
    peer.send(frame(TEXT, b"x") * 30)
    assert len(peer.frames()) == 10


# -- our own mistakes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["open", "message", "close", "limited"])
def test_a_router_s_mistake_ends_that_client_and_no_other(make_house, expect_errors, where):
    house = make_house(rate=5)
    other = house.open("/echo")

    def break_down(what, _peer, *_rest):
        if what == where:
            raise LookupError("a mistake of ours")

    house.router.react = break_down
    peer = house.open()
    peer.send(frame(TEXT, b"x") * 11 + frame(CLOSE, close_payload(1000)))
    assert [str(error) for error in expect_errors(house)] == ["a mistake of ours"]
    expected = close_payload(1000) if where == "close" else close_payload(1011, "internal error")
    assert peer.frames() == [(CLOSE, expected)]
    assert house.router.kinds().count("close") == 1
    other.send_frame(TEXT, b"still here")
    assert other.frames() == [(TEXT, b"still here")]


def test_a_peer_that_is_gone_may_be_sent_to_and_closed(house):
    peer = house.open()
    peer.hang_up()
    assert peer.client.state is State.GONE
    peer.client.send(b"x")
    peer.client.send(b"x" * 1000)
    peer.client.close(1000)
    peer.client.end(1012, "")
    house.turn()
    assert house.router.heard == [("open",), ("close", 1006, "")]


def test_a_reset_in_the_middle_of_a_message_is_a_loss_told_once(house):
    listener = socket.create_server(("127.0.0.1", 0))
    theirs = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
    listener.close()
    ours.setblocking(False)
    house.registry.admit(ours, "127.0.0.1:1")
    theirs.send(upgrade())
    house.turn(3)
    theirs.send(frame(TEXT, b"a message")[:8])
    house.turn()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    house.turn(3)
    assert house.router.heard == [("open",), ("close", 1006, "")]
    assert house.gone[0].cause.startswith("connection lost")


def test_a_code_that_may_not_be_sent_is_the_caller_s_mistake_and_not_the_peer_s(house):
    peer = house.open()
    with pytest.raises(AssertionError, match="may not be sent"):
        peer.client.close(1006)
    assert peer.client.state is State.OPEN


def test_a_close_behind_a_message_that_crashes_the_router_is_still_answered(house, expect_errors):
    def crash(what, *_):
        if what == "message":
            raise ValueError("ours")

    house.router.react = crash
    peer = house.open()
    peer.send(frame(TEXT, b"boom") + frame(CLOSE, b"\x03\xe8"))
    assert decode_frames(peer.received())[-1][0] == CLOSE
    assert peer.client.state is State.GONE
    assert len(expect_errors(house)) == 1


def test_clients_that_are_buried_are_freed_without_the_cyclic_collector(house):
    """A full collection among thousands of clients takes milliseconds: they must not need it."""

    def alive():
        return sum(isinstance(thing, Client | Transport) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = alive()
        for _ in range(5):
            peer = house.open()
            peer.send_frame(TEXT, b"hi")
            peer.send_frame(CLOSE, b"\x03\xe8")
            peer.socket.close()
            house.turn(4)
            peer.client = None
        del peer
        house.gone.clear()
        assert alive() == before
    finally:
        gc.enable()


def test_ordinary_upgrade_does_not_touch_the_poller_and_one_into_a_full_kernel_holds_reading(house):
    touched = []
    modify = house.reactor.poller.modify
    house.reactor.poller.modify = lambda fd, interest: (touched.append(interest), modify(fd, interest))[1]
    assert house.open().client.state is State.OPEN
    assert touched == []
    full = house.connect(sndbuf=4096)
    full.client.transport.sock.send(b"x" * 65536)
    full.send(upgrade() + frame(TEXT, b"early"))
    assert full.client.state is State.HANDSHAKE
    assert touched == [READ | WRITE, WRITE]
    assert full.received_in_all().endswith(b"\r\n\r\n")
    assert house.router.kinds() == ["open", "open", "message"]
