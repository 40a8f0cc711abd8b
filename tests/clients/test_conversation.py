"""What OPEN does with compressed messages, with messages that never end, and with answers that are long or not read.

What it does with everything else stands in `test_client.py`.
"""

import zlib

import pytest

from tests.clients.rig import House, close_payload, decode_frames
from tests.websocket.frames_by_hand import frame
from wsserver.clients.conversation import INFLATE_BURST, MESSAGE_DEADLINE_S
from wsserver.clients.limits import PING_BURST
from wsserver.clients.states import State
from wsserver.net.outbox import Replacing
from wsserver.net.transport import READ_PAUSE, REPLACE_FROM
from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from wsserver.websocket.deflate import Terms
from wsserver.websocket.parser import INFLATE_BATCH
from wsserver.websocket.prepared import PreparedMessage

OFFER = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
LARGE = b"nine letters and a few more " * 100


@pytest.fixture
def packed():
    """A house that agrees on compression."""
    house = House(compression=Terms(), max_message=INFLATE_BATCH, inflate_rate=4 * INFLATE_BATCH)
    yield house
    house.close()


def talk(house, path="/echo", extra=OFFER):
    peer = house.connect()
    peer.upgrade(path, extra)
    return peer


def deflated(payload, context=None):
    compressor = context or zlib.compressobj(6, zlib.DEFLATED, -15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(data):
    """Return the payload of one compressed text frame, and check that it is one."""
    assert data[0] == 0xC1
    (_, payload), *rest = decode_frames(bytes([data[0] & 0xBF]) + data[1:])
    assert not rest
    return zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")


# -- compression ------------------------------------------------------------------------------------------------------


def test_the_answer_names_what_was_agreed_on(packed):
    head = packed.connect().upgrade("/echo", OFFER)
    assert b"\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" in head


def test_nothing_is_answered_to_an_offer_that_is_declined_nor_where_compression_is_off(packed, house):
    bad = "Sec-WebSocket-Extensions: permessage-deflate; foo, bar\r\n"
    assert b"Extensions" not in packed.connect().upgrade("/echo", bad)
    assert b"Extensions" not in house.connect().upgrade("/echo", OFFER)


def test_a_large_message_comes_back_compressed_and_a_small_one_plain(packed):
    peer = talk(packed)
    peer.send_frame(TEXT, deflated(LARGE), rsv=4)
    assert inflated(peer.received()) == LARGE
    peer.send_frame(TEXT, deflated(b"small"), rsv=4)
    assert peer.frames() == [(TEXT, b"small")]


def test_who_agreed_may_send_plain_messages_all_the_same(packed):
    peer = talk(packed)
    peer.send_frame(TEXT, LARGE)
    assert inflated(peer.received()) == LARGE


def test_a_client_may_keep_its_context(packed):
    peer, context = talk(packed), zlib.compressobj(6, zlib.DEFLATED, -15)
    for _ in range(3):
        peer.send_frame(TEXT, deflated(LARGE, context), rsv=4)
        assert inflated(peer.received()) == LARGE


def test_nothing_of_zlib_is_held_for_a_client_that_never_sent_compressed(packed):
    peer = talk(packed)
    peer.send_frame(TEXT, LARGE)
    assert peer.client.parser._inflater._inflater is None


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (b"\x07", 1007, "compressed data is broken"),
        (deflated(bytes(INFLATE_BATCH + 1)), 1009, f"message inflates to more than {INFLATE_BATCH} bytes"),
    ],
)
def test_bad_compressed_data_fails_the_connection(packed, data, code, reason):
    peer = talk(packed)
    peer.send_frame(BINARY, data, rsv=4)
    assert peer.frames() == [(CLOSE, close_payload(code, reason))]


def test_a_client_that_did_not_agree_may_not_send_compressed(packed):
    peer = talk(packed, extra="")
    peer.send_frame(TEXT, deflated(b"x"), rsv=4)
    assert peer.frames()[0][1][:2] == (1002).to_bytes(2, "big")


def test_a_broadcast_is_compressed_once_for_all_who_agreed_on_the_same(packed):
    peers = [talk(packed, "/talk", extra) for extra in (OFFER, OFFER, "")]
    message = PreparedMessage(LARGE)
    packed.registry.fan_out([peer.client for peer in peers], message)
    queues = [peer.client.transport.frames for peer in peers]
    assert queues[0][0] is queues[1][0]
    packed.turn()
    assert [inflated(peers[0].received()), inflated(peers[1].received())] == [LARGE, LARGE]
    assert peers[2].frames() == [(TEXT, LARGE)]


def test_with_a_context_of_our_own_every_message_builds_on_the_ones_before():
    house = House(compression=Terms(server_context=True))
    try:
        peer, noise = talk(house, "/talk"), bytes(range(33, 127)) * 20
        sizes, reader = [], zlib.decompressobj(-15)
        for _ in range(2):
            house.registry.fan_out([peer.client], PreparedMessage(noise))
            house.turn()
            data = peer.received()
            sizes.append(len(data))
            start = 4 if data[1] == 126 else 2
            assert reader.decompress(data[start:] + b"\0\0\xff\xff") == noise
        assert sizes[1] < sizes[0]
    finally:
        house.close()


def test_a_client_above_the_rate_of_inflated_bytes_is_read_again_when_the_rate_allows(packed):
    peer = talk(packed)
    bomb = frame(BINARY, deflated(bytes(INFLATE_BATCH)), rsv=4)
    count, rate = INFLATE_BURST + 16, 4  # messages a second; INFLATE_BURST at once
    peer.send(bomb * count, turns=3 * count)
    at_once = peer.client.messages_in
    assert at_once == INFLATE_BURST + 1
    peer.house.jump(1.0)
    assert peer.client.messages_in <= at_once + rate + 1
    for _ in range(count):
        peer.received()
        peer.house.jump(0.5)
    assert peer.client.messages_in == count


# -- messages that never end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start",
    [
        frame(TEXT, b"x" * 1000)[:900],
        frame(TEXT, b"x", fin=False),
        frame(TEXT, b"x")[:1],
        frame(PING, b"x")[:3],
    ],
    ids=["a frame", "fragments", "a header", "a ping"],
)
def test_a_message_must_be_complete_in_time(house, start):
    peer = house.open()
    peer.send(start)
    house.jump(MESSAGE_DEADLINE_S - 1)
    assert [kind for kind, _ in peer.frames()] in ([], [PING])
    house.jump(1.5)
    assert peer.frames()[-1] == (CLOSE, close_payload(1008, "a message took more than 30 s"))


def test_pings_between_the_fragments_do_not_buy_time(house):
    peer = house.open()
    peer.send(frame(TEXT, b"x", fin=False))
    for _ in range(int(MESSAGE_DEADLINE_S) + 1):
        peer.send(frame(PING) + frame(CONTINUATION, b"x", fin=False))
        house.jump(1)
    assert peer.frames()[-1] == (CLOSE, close_payload(1008, "a message took more than 30 s"))


def test_a_client_that_is_always_in_the_middle_of_a_message_may_go_on_as_long_as_they_end(house):
    peer = house.open()
    whole = frame(TEXT, b"x" * 100)
    peer.send(whole[:50])
    for _ in range(2 * int(MESSAGE_DEADLINE_S)):
        peer.send(whole[50:] + whole[:50])
        house.jump(1)
    peer.send(whole[50:])
    assert house.router.kinds().count("message") == 2 * MESSAGE_DEADLINE_S + 1
    house.jump(20)
    assert not peer.ended


def test_a_message_that_came_in_time_has_no_deadline_left(house):
    peer = house.open()
    whole = frame(TEXT, b"x" * 100)
    peer.send(whole[:50])
    peer.send(whole[50:])
    for _ in range(4):
        house.jump(10)
        peer.send(frame(TEXT, b"y"))
    assert CLOSE not in [kind for kind, _ in peer.frames()]


# -- pongs that were asked for -----------------------------------------------------------------------------------------


def pinged(house):
    peer = house.open()
    house.jump(25)
    assert peer.frames() == [(PING, b"")]
    return peer


def test_the_pong_to_our_ping_is_a_message_of_the_client_and_no_message_to_the_router(house):
    peer = pinged(house)
    peer.send_frame(PONG)
    assert peer.client.messages_in == 1
    assert house.router.kinds() == ["open"]


def test_a_client_that_answers_each_ping_is_pinged_once_an_interval(house):
    peer = house.open()
    pings = 0
    for _ in range(8 * 250):
        house.jump(1 / 8)
        pings += len(peer.frames()) and not peer.send(frame(PONG))
    assert pings == 10


def test_the_pong_to_our_ping_sets_the_next_deadline_at_once(house):
    peer = pinged(house)
    house.jump(1)
    peer.send_frame(PONG)
    assert peer.client.due == house.reactor.now + 25
    house.jump(24.9)
    assert peer.frames() == []
    house.jump(0.2)
    assert peer.frames() == [(PING, b"")]


def test_a_pong_to_our_ping_is_not_one_too_many_and_only_one_is_free(house):
    peer = pinged(house)
    for _ in range(int(PING_BURST) + 1):
        peer.send_frame(PONG)
    assert peer.client.state is State.OPEN
    peer.send_frame(PONG)
    assert peer.frames() == [(CLOSE, close_payload(1008, "too many pings or pongs"))]


@pytest.mark.parametrize("pong", [frame(PONG), frame(PONG, b"something")], ids=["empty", "with a payload"])
@pytest.mark.parametrize("cut", range(1, 6))
def test_a_pong_that_comes_in_two_pieces_or_says_something_is_heard(house, pong, cut):
    peer = pinged(house)
    peer.send(pong[:cut])
    peer.send(pong[cut:])
    house.jump(25.5)
    assert peer.frames() == [(PING, b"")]
    peer.send(frame(PONG) + frame(TEXT, b"x"))
    assert house.router.heard[-1] == ("message", b"x", TEXT)


def test_a_pong_between_the_fragments_of_a_message_buys_that_no_time(house):
    peer = house.open()
    house.jump(20)
    peer.send(frame(TEXT, b"x", fin=False))
    house.jump(25)
    assert peer.frames() == [(PING, b"")]
    peer.send_frame(PONG)
    house.jump(MESSAGE_DEADLINE_S - 25 + 0.2)
    assert peer.frames() == [(CLOSE, close_payload(1008, "a message took more than 30 s"))]


# -- pongs that are not read ------------------------------------------------------------------------------------------


def test_ten_pings_at_once_get_ten_pongs(house):
    peer = house.open()
    peer.send(b"".join(frame(PING, b"%d" % number) for number in range(10)))
    assert peer.frames() == [(PONG, b"%d" % number) for number in range(10)]


def test_who_does_not_read_its_pongs_is_owed_the_latest(house):
    peer = house.open(sndbuf=4096)
    while not peer.client.transport._blocked:
        peer.client.send(bytes(2000))
        house.turn()
    for number in range(5):
        peer.send(frame(PING, b"%d" % number))
    waiting = [item for item in peer.client.transport.frames if type(item) is Replacing]
    assert waiting == [b"\x8a\x014"]


def test_in_one_turn_pongs_replace_one_another_from_a_number_on(house):
    peer = house.open()
    peer.send(b"".join(frame(PING, b"%d" % number) for number in range(REPLACE_FROM + 1)))
    assert peer.frames() == [(PONG, b"%d" % REPLACE_FROM)]


# -- long answers -----------------------------------------------------------------------------------------------------


def answers(router, size):
    """Let every message be answered with itself and `size` bytes."""
    router.react = lambda what, peer, *rest: what == "message" and peer.send(rest[0] + b"x" * size, BINARY)


def questions(count):
    return b"".join(frame(BINARY, b"%02d" % number) for number in range(count))


def test_a_turn_makes_answers_up_to_a_limit_and_the_next_turn_goes_on(house):
    peer = house.open()
    answers(house.router, READ_PAUSE // 2)
    peer.send(questions(6), turns=1)
    assert house.router.kinds().count("message") == 2
    assert [payload[:2] for _, payload in peer.frames()] == [b"00", b"01"]
    house.turn()
    assert house.router.kinds().count("message") == 4
    house.turn(4)
    assert [payload[:2] for _, payload in peer.frames()] == [b"02", b"03", b"04", b"05"]
    peer.send(questions(1))
    assert [payload[:2] for _, payload in peer.frames()] == [b"00"]


def test_who_does_not_read_answers_gets_no_more_of_them_until_it_does(house):
    peer = house.open(sndbuf=4096)
    answers(house.router, READ_PAUSE)
    peer.send(questions(5) + frame(CLOSE, close_payload(1000)), turns=30)
    assert house.router.kinds().count("message") == 1
    assert READ_PAUSE < peer.client.transport.queued < 2 * READ_PAUSE
    frames = decode_frames(peer.received_in_all())
    assert [payload[:2] for _, payload in frames[:5]] == [b"00", b"01", b"02", b"03", b"04"]
    assert frames[5:] == [(CLOSE, close_payload(1000))]


def test_nothing_is_read_while_answers_wait(house):
    peer = house.open(sndbuf=4096)
    answers(house.router, READ_PAUSE)
    peer.send(questions(3), turns=5)
    peer.send(questions(3), turns=5)
    assert peer.client.messages_in == 3
    assert len(decode_frames(peer.received_in_all())) == 6


def test_what_waits_when_the_conversation_ends_is_not_handled_any_more(house):
    peer = house.open(sndbuf=4096)
    answers(house.router, READ_PAUSE)
    peer.send(questions(3), turns=5)
    peer.client.close(1001)
    *said, last = decode_frames(peer.received_in_all())
    assert (len(said), last) == (1, (CLOSE, close_payload(1001)))
    assert house.router.kinds() == ["open", "message", "close"]
    peer.send_frame(CLOSE, close_payload(1001))
    assert peer.ended


def test_who_never_reads_its_answers_is_closed_for_it(house):
    peer = house.open(sndbuf=4096)
    answers(house.router, READ_PAUSE)
    peer.send(questions(3), turns=5)
    house.jump(31)
    house.jump(31)
    assert house.router.heard[-1][1:] == (4008, "slow consumer: stalled")
