"""Little that inflates to much (RFC 7692 section 8): the limits count what comes out, and what it costs."""

import pytest

from tests.scenarios.talking import open_raw
from tests.threats.attacking import cpu_seconds
from tests.threats.conftest import assert_served
from tests.threats.deflating import (
    LIMIT,
    MIB,
    RSV1,
    compressed,
    deflate,
    deflater,
    read_message,
    refused,
)
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import BINARY, CONTINUATION, TEXT
from wsserver.websocket.deflate import Terms


@pytest.fixture(scope="module")
def flags():
    return ("--set", "websocket.compression=true")


BOMB = deflate(bytes(64 * MIB))
"""64 KiB that would be 64 MiB."""

# -- 73 and 74: bombs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_e73_a_bomb_is_refused_with_1009_and_never_inflated(server, compressing, opcode):
    memory, cpu = server.resident_bytes(), cpu_seconds(server)
    for _ in range(10):
        assert refused(compressing, frame(opcode, BOMB, rsv=RSV1)) == 1009
    assert server.resident_bytes() - memory < 4 * MIB
    assert cpu_seconds(server) - cpu < 1  # 640 MiB would take two


def test_e73_the_chat_has_the_same_limit(compressing):
    one = compressing("/chat")
    read_message(one)
    one.send(frame(TEXT, BOMB, rsv=RSV1))
    assert one.close_code() == 1009


def test_e73_exactly_the_limit_is_welcome_and_a_byte_more_is_not(compressing):
    one = compressing()
    one.send(compressed(BINARY, bytes(LIMIT)))
    assert read_message(one) == (BINARY, bytes(LIMIT))
    assert refused(compressing, compressed(BINARY, bytes(LIMIT + 1))) == 1009


def test_e73_a_bomb_of_a_bomb_is_a_message_like_any_other(compressing):
    inner = deflate(BOMB)
    one = compressing()
    one.send(compressed(BINARY, inner))
    assert read_message(one) == (BINARY, inner)


def test_e73_what_does_not_compress_may_be_a_little_longer_on_the_wire_and_no_more(compressing):
    stored = deflate(bytes(range(256)) * 256, deflater(level=0))
    assert len(stored) > LIMIT
    one = compressing()
    one.send(frame(BINARY, stored, rsv=RSV1))
    assert read_message(one) == (BINARY, bytes(range(256)) * 256)
    assert refused(compressing, frame(BINARY, bytes(2 * LIMIT), rsv=RSV1)[:14]) == 1009


@pytest.mark.parametrize("size", [1, 64, 1000])
def test_e74_a_bomb_in_fragments_is_refused_at_the_one_that_is_too_much(compressing, size):
    one = compressing()
    pieces = [BOMB[i : i + size] for i in range(0, len(BOMB), size)][:1000]
    one.send(frame(BINARY, pieces[0], fin=False, rsv=RSV1))
    one.send(b"".join(frame(CONTINUATION, piece, fin=False) for piece in pieces[1:]))
    one.send(frame(CONTINUATION, b"", fin=False) * 30)  # one byte a fragment does not reach the limit before 1,024
    assert one.close_code() == 1009


def test_e74_a_bomb_byte_by_byte_is_refused_too(compressing):
    one = compressing()
    one.dribble(frame(BINARY, BOMB, rsv=RSV1)[:200])
    one.send(BOMB)
    assert one.close_code() == 1009


def test_e74_a_context_that_is_kept_makes_no_message_larger_than_the_limit(compressing):
    one, context = compressing(), deflater()
    for _ in range(3):
        one.send(compressed(BINARY, bytes(LIMIT), context))
        assert read_message(one) == (BINARY, bytes(LIMIT))
    one.send(compressed(BINARY, bytes(LIMIT + 1), context))
    assert one.close_code() == 1009


def test_e74_many_messages_that_inflate_to_the_limit_keep_nobody_waiting(server, compressing):
    one, context = compressing(), deflater()
    flood = b"".join(compressed(BINARY, bytes(LIMIT), context) for _ in range(1500))
    assert len(flood) < 150_000  # it would be 94 MiB
    before = cpu_seconds(server)
    with open_raw(server.port) as honest:
        for _ in range(50):
            one.send_what_is_taken(flood)
            assert_served(honest)
    assert cpu_seconds(server) - before < 2


def test_e74_more_than_4_mib_a_second_of_one_client_are_not_inflated(make_house):
    house = make_house(compression=Terms())
    peer = house.connect()
    peer.upgrade(extra="Sec-WebSocket-Extensions: permessage-deflate\r\n")
    context = deflater()
    peer.send(b"".join(compressed(BINARY, bytes(LIMIT), context) for _ in range(700)))  # 44 MiB in one read
    total = 700 * LIMIT
    for second in range(1, 13):
        house.turn(200)
        inflated = house.router.kinds().count("message") * LIMIT
        assert min((4 * second - 1) * MIB, total) <= inflated <= (4 * second + 1) * MIB
        for _ in range(20):
            house.jump(0.05)
    assert inflated == total


def test_e74_bombs_behind_our_close_count_as_what_they_inflate_to(make_house):
    """Until it answers our Close, a client's input is looked through: 1 MiB of it, and not 1 GiB."""
    house = make_house(compression=Terms())
    peer = house.connect()
    peer.upgrade(extra="Sec-WebSocket-Extensions: permessage-deflate\r\n")
    peer.client.close(1000)
    context = deflater()
    peer.send(b"".join(compressed(BINARY, bytes(LIMIT), context) for _ in range(700)), turns=2 * MIB // LIMIT)
    assert peer.buried
