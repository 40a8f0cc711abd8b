"""Attacks on permessage-deflate (RFC 7692): broken streams, what compressing costs, and what it gives away."""

import random
import zlib

import pytest

from tests.threats.attacking import cpu_seconds
from tests.threats.deflating import (
    COMPRESSED,
    LIMIT,
    RSV1,
    THRESHOLD,
    compressed,
    deflate,
    deflater,
    inflate,
    read_frame,
    read_message,
    refused,
)
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT


@pytest.fixture(scope="module")
def flags():
    return ("--set", "websocket.compression=true")


# -- 75 to 77: broken streams ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_e75_a_compressed_control_frame_is_refused_with_1002(compressing, opcode):
    assert refused(compressing, frame(opcode, b"", rsv=RSV1)) == 1002


def test_e75_rsv1_on_a_continuation_is_refused_with_1002(compressing):
    for start in (frame(TEXT, b"hel", fin=False), frame(TEXT, deflate(b"hello")[:3], fin=False, rsv=RSV1)):
        assert refused(compressing, start + frame(CONTINUATION, b"x", rsv=RSV1)) == 1002


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 6, 7])
def test_e75_the_other_reserved_bits_have_no_meaning_still(compressing, bits):
    assert refused(compressing, frame(TEXT, deflate(b"hello"), rsv=bits)) == 1002


@pytest.mark.parametrize("offer", [None, "permessage-deflate; server_max_window_bits=8", "x-webkit-deflate-frame"])
def test_e75_rsv1_without_an_agreement_is_refused_with_1002(attacker, offer):
    one = attacker()
    assert b"Extensions" not in one.open(Sec_WebSocket_Extensions=offer)
    one.send(compressed(TEXT, b"hello"))
    assert one.close_code() == 1002


FAR = deflater()
deflate(b"secret of another connection " * 10, FAR)

BROKEN = {
    "no byte at all": b"",
    "no deflate at all": b"\xff\xff\xff\xff",
    "reserved block type": b"\x07",
    "stored block with a wrong length": b"\x00\x05\x00\x00\x00hello",
    "cut in a block": deflate(b"hello hello hello")[:-3],
    "cut in a stored block": b"\x00\x05\x00\xfa\xffhel",
    "a distance before the beginning": deflate(b"secret of another connection " * 10, FAR),
    "data that goes wrong at its end": deflate(bytes(range(256))) + b"\xff" * 20,
    "its tail not cut off and more behind": deflate(b"hello") + b"\x00\x00\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_e76_broken_data_is_refused_with_1007(compressing, name, opcode):
    assert refused(compressing, frame(opcode, BROKEN[name], rsv=RSV1)) == 1007


def test_e76_a_message_that_refers_to_one_before_is_broken_if_it_was_agreed_that_none_does(compressing):
    one, context = compressing(parameters="; client_no_context_takeover"), deflater()
    text = bytes(range(256)) * 2
    one.send(compressed(BINARY, text, context))
    assert read_message(one) == (BINARY, text)
    one.send(compressed(BINARY, text, context))
    assert one.close_code() == 1007


@pytest.mark.parametrize("bits", [8, 9, 12])
def test_e76_a_distance_beyond_the_window_gives_the_right_message_or_1007(compressing, bits):
    one, far = compressing(parameters=f"; client_max_window_bits={bits}"), bytes(range(256)) * 100 + b"x" * 20_000
    one.send(compressed(BINARY, far + bytes(range(256))))
    first, payload = read_frame(one)
    if first == 0x88:
        assert payload[:2] == b"\x03\xef"
    else:
        assert (inflate(payload) if first & COMPRESSED else payload) == far + bytes(range(256))


def test_e76_compressed_text_has_to_be_utf8_at_its_first_bad_byte(compressing):
    one = compressing()
    begun = deflate(b"good \xff")
    one.send(frame(TEXT, begun, fin=False, rsv=RSV1))
    assert one.close_code() == 1007
    assert refused(compressing, compressed(TEXT, b"ends in \xc3")) == 1007


def final(data):
    context = deflater()
    return context.compress(data) + context.flush(zlib.Z_FINISH)


RIGHT = {
    "a final block": (final(b"hello") + b"\x00", b"hello"),
    "a final block and nothing behind it": (final(b"hello"), b"hello"),
    "two final blocks": (final(b"hel") + final(b"lo") + b"\x00", b"hello"),
    "data behind a final block": (final(b"hel") + deflate(b"lo"), b"hello"),
    "stored blocks": (b"\x00\x03\x00\xfc\xffhel\x00\x02\x00\xfd\xfflo\x00", b"hello"),
    "an empty message": (b"\x00", b""),
    "an empty message as zlib writes it": (deflate(b""), b""),
    "two blocks": (zlib.compressobj(9, zlib.DEFLATED, -15).compress(b"") + deflate(b"hello"), b"hello"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_e77_unusual_blocks_give_the_right_message(compressing, name):
    payload, message = RIGHT[name]
    one = compressing()
    one.send(frame(TEXT, payload, rsv=RSV1) + compressed(TEXT, b"next"))
    assert read_message(one) == (TEXT, message)
    assert read_message(one) == (TEXT, b"next")


@pytest.mark.parametrize("name", ["two final blocks", "stored blocks", "an empty message"])
def test_e77_they_may_come_in_any_pieces(compressing, name):
    payload, message = RIGHT[name]
    one = compressing()
    one.dribble(frame(TEXT, payload, rsv=RSV1))
    assert read_message(one) == (TEXT, message)
    for cut in range(len(payload) + 1):
        one.send(frame(TEXT, payload[:cut], fin=False, rsv=RSV1) + frame(CONTINUATION, payload[cut:]))
        assert read_message(one) == (TEXT, message)


TINY = {
    "final": b"\x03\x00",  # an empty final block
    "stored": b"\x00\x00\x00\xff\xff",
    "fixed": b"\x02\x00",  # an empty block that is not final
}


@pytest.mark.parametrize("name", TINY)
def test_e77_thousands_of_empty_blocks_cost_bounded_time(server, compressing, name):
    before = cpu_seconds(server)
    for _ in range(10):
        one = compressing()
        one.send(frame(BINARY, TINY[name] * (60_000 // len(TINY[name])), rsv=RSV1) + frame(CLOSE, b"\x03\xe8"))
        assert one.frames()[-1][1][:2] in (b"\x03\xe8", b"\x03\xef")
    assert cpu_seconds(server) - before < 1


# -- 78 to 81: what it costs, and what it tells ------------------------------------------------------------------------


def test_e78_a_connection_that_compresses_costs_less_than_64_kib(server, compressing):
    before = server.resident_bytes()
    everybody = [compressing() for _ in range(200)]
    for one in everybody:
        one.send(compressed(TEXT, bytes(range(128)) * 16))
        assert read_message(one) == (TEXT, bytes(range(128)) * 16)
    assert (server.resident_bytes() - before) / len(everybody) < 64 << 10


def test_e79_no_message_of_ours_is_compressed_together_with_another(compressing):
    """Nobody can guess what was in one by the size of the next (CRIME)."""
    one = compressing()
    sent = []
    for _ in range(3):
        one.send(frame(TEXT, b"guess " * 500))
        sent.append(read_frame(one))
    assert sent[0] == sent[1] == sent[2]
    assert sent[0][0] == 0x80 | COMPRESSED | TEXT


def test_e79_the_answer_to_a_token_is_not_compressed(compressing):
    one = compressing("/chat")
    assert not read_frame(one)[0] & COMPRESSED  # welcome
    one.send(frame(TEXT, b'{"type":"auth","id":"%b","token":"%b"}' % (b"i" * 64, b"t" * 3000)))
    first, answer = read_frame(one)
    assert not first & COMPRESSED
    assert b"ttt" not in answer


def test_e80_plain_and_compressed_messages_may_take_turns(compressing):
    one, context = compressing(), deflater()
    for number in range(20):
        text = b"message %d " % number * 10
        one.send(frame(TEXT, text) if number % 3 else compressed(TEXT, text, context))
        assert read_message(one) == (TEXT, text)


def test_e80_plain_fragments_pings_and_compressed_fragments_may_take_turns(compressing):
    one = compressing()
    payload = deflate(b"compressed " * 50)
    one.send(frame(TEXT, b"pl", fin=False) + frame(PING) + frame(CONTINUATION, b"ain"))
    one.send(frame(TEXT, payload[:5], fin=False, rsv=RSV1) + frame(PING) + frame(CONTINUATION, payload[5:]))
    answers = [read_message(one) for _ in range(4)]
    assert answers == [(PONG, b""), (TEXT, b"plain"), (PONG, b""), (TEXT, b"compressed " * 50)]


@pytest.mark.parametrize("size", [1, THRESHOLD - 1, THRESHOLD, LIMIT])
def test_e81_short_messages_are_not_compressed(compressing, size):
    one = compressing()
    one.send(compressed(TEXT, b"x" * size))
    first, payload = read_frame(one)
    assert bool(first & COMPRESSED) == (size >= THRESHOLD)
    assert (inflate(payload) if first & COMPRESSED else payload) == b"x" * size


def test_e81_what_does_not_get_shorter_is_sent_as_it_is(compressing):
    one = compressing()
    noise = random.Random(81).randbytes(5000)
    one.send(frame(BINARY, noise))
    assert read_frame(one) == (0x82, noise)


@pytest.mark.parametrize("bits", range(9, 16))
def test_e81_our_messages_fit_the_window_that_was_agreed_on(compressing, bits):
    one = compressing(parameters=f"; server_max_window_bits={bits}")
    text = bytes(range(128)) * 100
    one.send(frame(BINARY, text))
    first, payload = read_frame(one)
    assert first & COMPRESSED
    assert inflate(payload, bits) == text


def hear_long(one):
    """Return the first frame with the long message in it."""
    while True:
        first, payload = read_frame(one)
        if b"long " * 1000 in (inflate(payload) if first & COMPRESSED else payload):
            return first, payload


def test_e81_a_broadcast_is_the_same_bytes_for_all_who_agreed_on_the_same(compressing, attacker):
    members = [compressing("/chat") for _ in range(4)] + [attacker()]
    members[-1].open("/chat")
    for one in members:
        one.send(frame(TEXT, b'{"type":"join","channel":"e81","user":"u"}'))
        while b'"joined"' not in read_message(one)[1]:
            pass
    members[0].send(frame(TEXT, b'{"type":"message","channel":"e81","text":"%b"}' % (b"long " * 1000)))
    heard = [hear_long(one) for one in members]
    assert len(set(heard[:4])) == 1
    assert heard[0][0] & COMPRESSED
    assert not heard[4][0] & COMPRESSED
    assert inflate(heard[0][1]) == heard[4][1]
