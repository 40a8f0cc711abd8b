"""Frames that break RFC 6455 section 5: a Close that says which rule, once, and then the end of the connection."""

import pytest

from tests.clients.rig import decode_frames
from tests.threats.attacking import ask_to_upgrade
from tests.websocket.frames_by_hand import KEY, frame, header, mask
from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

LIMIT = 65536
"""Bytes of one message, as it is by default."""

FRAGMENTS = 1024
"""Fragments of one message, as it is by default."""

HELLO = b"\x81\x05hello"


def refused(attacker, data, path="/echo"):
    """Send `data` with a good message before and behind it; return the code it is refused with.

    The one before is answered first, nothing behind it is, whether it comes whole or byte by byte.
    """
    codes = set()
    for send in ("send", "dribble"):
        one = attacker()
        one.open(path)
        one.send(frame(TEXT, b"hello"))
        getattr(one, send)(data)
        one.send(frame(TEXT, b"behind"))
        first, (opcode, payload) = one.frames()
        assert first == (TEXT, b"hello")
        assert opcode == CLOSE
        codes.add(int.from_bytes(payload[:2], "big"))
    [code] = codes
    return code


# -- 49 to 53: what a header may not say -------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG])
@pytest.mark.parametrize("payload", [b"", b"x"], ids=["empty", "a byte"])
def test_d49_a_frame_that_is_not_masked_is_refused_with_1002(attacker, opcode, payload):
    assert refused(attacker, frame(opcode, payload, masked=False)) == 1002


def test_d49_the_first_two_bytes_of_a_frame_that_is_not_masked_are_enough(attacker):
    one = attacker()
    one.open()
    one.send(frame(TEXT, b"x" * 200, masked=False)[:2])
    assert one.close_code() == 1002


@pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 7])
def test_d50_a_reserved_bit_is_refused_with_1002(attacker, bits, opcode):
    assert refused(attacker, frame(opcode, b"", rsv=bits)) == 1002


def test_d50_messages_in_the_same_segment_before_it_are_answered_first(attacker):
    one = attacker()
    one.open()
    one.send(b"".join(frame(BINARY, bytes([n])) for n in range(70)) + frame(TEXT, b"x", rsv=2) + frame(TEXT, b"behind"))
    *answers, (opcode, payload) = one.frames()
    assert answers == [(BINARY, bytes([n])) for n in range(70)]
    assert (opcode, payload[:2]) == (CLOSE, b"\x03\xea")


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("fin", [True, False], ids=["final", "not final"])
def test_d51_a_reserved_opcode_is_refused_with_1002(attacker, opcode, fin):
    assert refused(attacker, frame(opcode, b"x", fin=fin)) == 1002


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_d52_a_control_frame_of_126_bytes_is_refused_with_1002(attacker, opcode):
    assert refused(attacker, frame(opcode, b"\x03\xe8" + b"x" * 124)) == 1002


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_d52_a_control_frame_that_is_not_final_is_refused_with_1002(attacker, opcode):
    assert refused(attacker, frame(opcode, b"\x03\xe8", fin=False)) == 1002


def test_d52_a_ping_of_an_exabyte_is_refused_on_its_second_byte(attacker):
    one = attacker()
    one.open()
    one.send(header(PING, 1 << 60)[:2])
    assert one.close_code() == 1002


@pytest.mark.parametrize(("size", "width"), [(0, 2), (1, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8)])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_d53_a_length_that_is_longer_than_it_need_be_is_refused_with_1002(attacker, opcode, size, width):
    one = attacker()
    one.open()
    one.send(frame(opcode, b"x" * size, width=width)[: 2 + width])  # the header is enough
    assert one.close_code() == 1002


# -- 54 to 58: sizes and counts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize(
    ("size", "code"),
    [(1 << 63, 1002), ((1 << 64) - 1, 1002), ((1 << 63) - 1, 1009), (1 << 32, 1009), (LIMIT + 1, 1009)],
)
def test_d54_a_length_beyond_the_limit_is_refused_on_the_header_alone(server, attacker, size, code, opcode):
    before = server.resident_bytes()
    for _ in range(5):
        one = attacker()
        one.open()
        one.send(header(opcode, size)[:10])  # not even the key has come
        assert one.close_code() == code
    assert server.resident_bytes() - before < 4 << 20


def test_d54_a_message_of_exactly_the_limit_is_welcome(attacker):
    one = attacker()
    one.open()
    one.send(frame(BINARY, bytes(LIMIT)))
    assert one.read(10 + LIMIT)[10:] == bytes(LIMIT)


def test_d54_the_chat_has_the_same_limit(attacker):
    one = attacker()
    one.open("/chat")
    one.send(header(TEXT, LIMIT + 1))
    *_, (opcode, payload) = one.frames()
    assert (opcode, payload[:2]) == (CLOSE, b"\x03\xf1")


CONVERSATION = (
    frame(TEXT, b"one") + frame(PING, b"?") + frame(BINARY, b"x" * 126) + frame(TEXT, "é".encode()[:1], fin=False)
    + frame(PING) + frame(CONTINUATION, "é".encode()[1:], fin=False) + frame(CONTINUATION) + frame(BINARY)
    + frame(PONG, b"!") + frame(CLOSE, b"\x03\xe8bye")
)  # fmt: skip
ANSWERS = [
    (TEXT, b"one"), (PONG, b"?"), (BINARY, b"x" * 126), (PONG, b""), (TEXT, "é".encode()), (BINARY, b""),
    (CLOSE, b"\x03\xe8bye"),
]  # fmt: skip


def test_d55_a_conversation_cut_at_any_byte_is_the_same_conversation(house):
    for cut in range(len(CONVERSATION) + 1):
        peer = house.open("/echo")
        for piece in (CONVERSATION[:cut], CONVERSATION[cut:]):
            if piece:
                peer.send(piece, turns=2)
        assert peer.frames() == ANSWERS, cut
        peer.hang_up()


def test_d55_a_conversation_of_one_byte_segments_is_the_same_conversation(attacker):
    one = attacker()
    one.dribble(ask_to_upgrade() + CONVERSATION)
    one.read_head()
    assert one.frames() == ANSWERS


def test_d56_a_frame_that_is_announced_and_dribbled_pins_what_has_come_of_it(house):
    peer = house.open("/echo")
    peer.send(header(BINARY, 60 * 1024)[:1] + b"\xfe" + (60 * 1024).to_bytes(2, "big") + KEY)
    for count in range(1, 200):
        peer.send(b"x", turns=1)
        assert peer.client.parser.held <= count * 1.1
    assert peer.received() == b""


DRIBBLED = {
    "the payload of a frame": [header(BINARY, 1 << 16)] + [b"x"] * 100,
    "a header": [b"\x82"] + [b""] * 100,
    "a close": [frame(CLOSE, b"\x03\xe8" + b"x" * 100)[:6]] + [b"x"] * 100,
    "fragments": [frame(TEXT, b"", fin=False)] + [frame(CONTINUATION, b"x", fin=False)] * 100,
    "fragments with pings between": [frame(TEXT, b"", fin=False)] + [frame(PING)] * 100,
}


@pytest.mark.parametrize("name", DRIBBLED)
@pytest.mark.parametrize("path", ["/echo", "/talk"])
def test_d56_a_message_that_is_not_complete_in_30_s_is_refused_with_1008(house, name, path):
    peer = house.open(path)
    start, came = house.reactor.now, []
    for piece in DRIBBLED[name]:
        if piece:
            peer.send(piece)
        house.jump(1)
        came += [heard for heard in peer.frames() if heard not in ((PING, b""), (PONG, b""))]
        if came:
            break
    [(opcode, payload)] = came
    assert (opcode, payload[:2]) == (CLOSE, b"\x03\xf0")
    assert house.reactor.now - start == 30


def test_d57_more_fragments_than_allowed_are_refused_with_1009(attacker):
    pieces = frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", fin=False) * (FRAGMENTS - 1)
    assert refused(attacker, pieces + frame(CONTINUATION, b"c", fin=True)[:2] + KEY) == 1009


@pytest.mark.parametrize("first", [TEXT, BINARY])
def test_d57_endless_empty_fragments_are_refused_with_1009(attacker, first):
    assert refused(attacker, frame(first, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * FRAGMENTS) == 1009


def test_d57_pings_between_them_do_not_begin_the_count_anew(attacker):
    one = attacker()
    one.open()
    quarter = frame(CONTINUATION, b"", fin=False) * (FRAGMENTS // 4) + frame(PING)
    one.send(frame(TEXT, b"", fin=False) + quarter * 4)
    *pongs, (opcode, payload) = one.frames()
    assert pongs == [(PONG, b"")] * 3
    assert (opcode, payload[:2]) == (CLOSE, b"\x03\xf1")


def test_d57_as_many_fragments_as_allowed_are_welcome_one_message_after_the_other(attacker):
    one = attacker()
    one.open()
    message = frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"a", fin=False) * (FRAGMENTS - 2)
    for _ in range(3):
        one.send(message + frame(CONTINUATION, b"a"))
        assert one.read(4 + FRAGMENTS) == b"\x81\x7e\x04\x00" + b"a" * FRAGMENTS


@pytest.mark.parametrize("parts", [2, 4, 64])
def test_d58_fragments_that_are_too_much_together_are_refused_at_the_header_that_crosses(attacker, parts):
    one = attacker()
    one.open()
    piece = bytes(LIMIT // parts)
    one.send(frame(BINARY, piece, fin=False) + frame(CONTINUATION, piece, fin=False) * (parts - 1))
    one.send(frame(PING))
    assert one.read(2) == b"\x8a\x00"  # exactly the limit: nothing is wrong yet
    one.send(frame(CONTINUATION, b"x", fin=False)[:2])
    assert one.close_code() == 1009


# -- 59 to 61: messages in pieces --------------------------------------------------------------------------------------

OUT_OF_PLACE = {
    "a continuation of nothing": frame(CONTINUATION, b"x"),
    "a continuation of nothing that goes on": frame(CONTINUATION, b"", fin=False),
    "a continuation behind a whole message": frame(TEXT, b"hello") + frame(CONTINUATION, b"x"),
    "text inside a message": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    "binary inside a message": frame(TEXT, b"a", fin=False) + frame(BINARY, b"b", fin=False),
    "the same again": frame(BINARY, b"a", fin=False) + frame(PING) + frame(BINARY, b"a", fin=False),
}


@pytest.mark.parametrize("name", OUT_OF_PLACE)
def test_d59_a_fragment_that_is_out_of_place_is_refused_with_1002(attacker, name):
    one = attacker()
    one.open()
    one.send(OUT_OF_PLACE[name] + frame(TEXT, b"behind"))
    *before, (opcode, payload) = one.frames()
    assert before in ([], [(TEXT, b"hello")], [(PONG, b"")])
    assert (opcode, payload[:2]) == (CLOSE, b"\x03\xea")


def test_d60_a_ping_between_fragments_is_answered_before_the_message_ends(attacker):
    one = attacker()
    one.open()
    one.send(frame(TEXT, b"hel", fin=False), frame(PING, b"1"))
    assert one.read(3) == b"\x8a\x011"
    one.send(frame(CONTINUATION, b"", fin=False) + frame(PING, b"2") + frame(CONTINUATION, b"lo"))
    assert one.read(3) + one.read(7) == b"\x8a\x012" + HELLO


BAD_TEXT = {
    "a lone continuation byte": b"\x80",
    "a byte that never occurs": b"\xff",
    "an overlong slash": b"\xc0\xaf",
    "an overlong NUL": b"\xe0\x80\x80",
    "an overlong of four bytes": b"\xf0\x82\x82\xac",
    "a high surrogate": b"\xed\xa0\x80",
    "a low surrogate": b"\xed\xbf\xbf",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "a start without its rest": b"\xe2\x82x",
}


@pytest.mark.parametrize("name", BAD_TEXT)
def test_d61_text_that_is_not_utf8_is_refused_with_1007_in_one_frame_and_in_many(attacker, name):
    text = b"good " + BAD_TEXT[name] + b" good"
    pieces = [text[i : i + 1] for i in range(len(text))]
    fragments = [frame(TEXT, pieces[0], fin=False), *(frame(CONTINUATION, piece, fin=False) for piece in pieces[1:])]
    assert refused(attacker, frame(TEXT, text)) == 1007
    assert refused(attacker, b"".join(fragments) + frame(CONTINUATION)) == 1007


@pytest.mark.parametrize("name", [name for name in BAD_TEXT if name != "a start without its rest"])
def test_d61_it_is_refused_at_its_byte_and_not_at_the_end(attacker, name):
    one = attacker()
    one.open()
    text = b"good " + BAD_TEXT[name]
    one.send(header(TEXT, 60000)[:1] + b"\xfe" + (60000).to_bytes(2, "big") + KEY + mask(text))
    assert one.close_code() == 1007


@pytest.mark.parametrize("cut", [b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"])
def test_d61_text_that_ends_inside_a_code_point_is_refused_with_1007(attacker, cut):
    assert refused(attacker, frame(TEXT, b"x" + cut)) == 1007
    assert refused(attacker, frame(TEXT, b"x", fin=False) + frame(CONTINUATION, cut)) == 1007


@pytest.mark.parametrize("text", ["\x00", "é", "€", "\U0001f600", "\ufffe", "\uffff", "\U0010ffff", "\ufeff"])
def test_d61_a_code_point_may_be_cut_anywhere_and_non_characters_are_text(house, text):
    data = text.encode()
    for cut in range(len(data) + 1):
        peer = house.open("/echo")
        peer.send(frame(TEXT, data[:cut], fin=False) + frame(CONTINUATION, data[cut:]))
        assert peer.frames() == [(TEXT, data)]
        peer.hang_up()


def test_d61_binary_is_no_text(attacker):
    one = attacker()
    one.open()
    one.send(frame(BINARY, b"\xff\xfe\x80"))
    assert one.read(5) == b"\x82\x03\xff\xfe\x80"


# -- 70 and 71: kinds and sizes ----------------------------------------------------------------------------------------


def test_d70_binary_where_text_is_expected_is_an_error_and_keeps_the_connection(server, connect):
    talker = connect(server)
    for payload, code in ((b"", "bad_message"), (b"\x00\x00\x01", "bad_message"), (b"\x00\x00\x01\x00x", "not_joined")):
        talker.socket.send_binary(payload)
        assert talker.hear("error")["code"] == code
    assert talker.is_quiet()


def test_d70_a_client_that_knows_only_binary_is_closed_with_1008(server, attacker):
    one = attacker()
    one.open("/chat")
    one.send(frame(BINARY, b"\x00") * 5 + frame(CLOSE))
    _welcome, *errors, (opcode, payload) = one.frames()
    assert all(b'"bad_message"' in error for _, error in errors)
    assert (len(errors), opcode, payload[:2]) == (5, CLOSE, b"\x03\xf0")


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_d71_our_frames_have_the_shortest_length_and_no_mask(attacker, size, head):
    one = attacker()
    one.open()
    one.send(frame(BINARY, b"x" * size) + frame(CLOSE))
    assert one.rest() == head + b"x" * size + b"\x88\x00"


def test_d71_our_frames_are_whole_and_in_order_behind_each_other(attacker):
    one = attacker()
    one.open()
    sizes = [65536, 0, 126, 65535, 125, 1, 127]
    one.send(b"".join(frame(BINARY, bytes(size)) for size in sizes) + frame(CLOSE))
    assert [len(payload) for _, payload in decode_frames(one.rest())] == [*sizes, 0]
