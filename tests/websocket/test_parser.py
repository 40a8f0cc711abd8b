import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.splits import portions
from tests.websocket.frames_by_hand import frame, header
from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from wsserver.websocket.deflate import Inflater
from wsserver.websocket.parser import FRAME_BATCH, INFLATE_BATCH, FrameParser

MAX = 1000


def run(pieces, max_message=MAX, max_fragments=16, compressed=False):
    """Feed the pieces; return (messages, close code of the error or None)."""
    parser = FrameParser(max_message, max_fragments, Inflater(max_message, 15, True) if compressed else None)
    messages = []
    for piece in pieces:
        messages += parser.feed(piece)
        while parser.more:
            messages += parser.feed(b"")
    return messages, parser.error.code if parser.error else None


def run_every_way(data, **limits):
    """Feed `data` in every portion; demand one and the same result, and return it."""
    whole = run([data], **limits)
    for pieces in portions(data):
        assert run(pieces, **limits) == whole, pieces
    return whole


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 64, 124, 125, 126, 127, 200, 999, 1000])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_frame_of_any_size_comes_out_as_it_went_in(size, opcode):
    payload = bytes(0x20 + i % 90 for i in range(size))
    assert run_every_way(frame(opcode, payload)) == ([(opcode, payload)], None)


@pytest.mark.parametrize("size", [65535, 65536, 70001])
def test_large_frames_come_out_as_they_went_in(size):
    payload = bytes(i % 251 for i in range(size))
    data = frame(BINARY, payload)
    for pieces in ([data], [data[:7], data[7:]], [data[:40001], data[40001:50002], data[50002:]]):
        assert run(pieces, max_message=1 << 20) == ([(BINARY, payload)], None)


def test_many_messages_in_one_read_come_out_in_order():
    data = b"".join(frame(TEXT, b"%d" % i) for i in range(10))
    assert run_every_way(data) == ([(TEXT, b"%d" % i) for i in range(10)], None)


def test_one_call_takes_at_most_a_batch_of_frames_and_says_that_there_is_more():
    parser = FrameParser(MAX, 16)
    data = frame(TEXT, b"x") * (FRAME_BATCH + 6)
    assert len(parser.feed(data)) == FRAME_BATCH
    assert parser.more
    assert len(parser.feed(b"")) == 6
    assert not parser.more
    assert parser.held == 0


def test_a_batch_that_ends_with_its_frame_leaves_nothing():
    parser = FrameParser(MAX, 16)
    assert len(parser.feed(frame(TEXT, b"x") * FRAME_BATCH)) == FRAME_BATCH
    assert not parser.more or parser.feed(b"") == []


def test_a_fragmented_message_comes_out_once_and_whole():
    data = frame(TEXT, b"one ", fin=False) + frame(CONTINUATION, b"two ", fin=False) + frame(CONTINUATION, b"three")
    assert run_every_way(data) == ([(TEXT, b"one two three")], None)


def test_control_frames_between_fragments_come_out_at_once():
    data = frame(TEXT, b"a", fin=False) + frame(PING, b"p") + frame(PONG, b"q") + frame(CONTINUATION, b"b")
    assert run_every_way(data) == ([(PING, b"p"), (PONG, b"q"), (TEXT, b"ab")], None)


def test_a_close_between_fragments_comes_out_and_the_rest_is_ignored():
    data = frame(TEXT, b"a", fin=False) + frame(CLOSE, b"\x03\xe8") + frame(CONTINUATION, b"b") + b"junk"
    assert run_every_way(data) == ([(CLOSE, b"\x03\xe8")], None)


def test_what_follows_a_close_is_ignored():
    parser = FrameParser(MAX, 16)
    parser.feed(frame(CLOSE))
    assert parser.feed(frame(TEXT, b"late")) == []
    assert parser.error is None
    assert parser.held == 0


BROKEN = {
    "unmasked": (frame(TEXT, b"x", masked=False), 1002),
    "unmasked and empty": (frame(TEXT, b"", masked=False), 1002),
    "rsv1": (frame(TEXT, b"x", rsv=4), 1002),
    "rsv2": (frame(TEXT, b"x", rsv=2), 1002),
    "rsv3 on a control frame": (frame(PING, b"x", rsv=1), 1002),
    **{f"reserved opcode {op}": (frame(op, b"x"), 1002) for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "fragmented ping": (frame(PING, b"x", fin=False), 1002),
    "ping of 126 bytes": (frame(PING, b"x" * 126), 1002),
    "close of 126 bytes": (frame(CLOSE, b"x" * 126), 1002),
    "continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "continuation of nothing, not final": (frame(CONTINUATION, b"x", fin=False), 1002),
    "new text inside a message": (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    "new binary inside a message": (frame(TEXT, b"x", fin=False) + frame(BINARY, b"y", fin=False), 1002),
    "length 125 in two bytes": (frame(BINARY, b"x" * 125, width=2), 1002),
    "length 0 in two bytes": (frame(BINARY, b"", width=2), 1002),
    "length 126 in eight bytes": (frame(BINARY, b"x" * 126, width=8), 1002),
    "length 65535 in eight bytes": (header(BINARY, 65535), 1002),
    "length with its highest bit set": (header(BINARY, 1 << 63), 1002),
    "length 2**63 - 1": (header(BINARY, (1 << 63) - 1), 1009),
    "one byte above the limit": (frame(BINARY, b"x" * (MAX + 1)), 1009),
    "bad UTF-8": (frame(TEXT, b"\xff"), 1007),
    "surrogate": (frame(TEXT, "\ud800".encode("utf-8", "surrogatepass")), 1007),
    "overlong": (frame(TEXT, b"\xc0\xaf"), 1007),
    "above U+10FFFF": (frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "cut code point": (frame(TEXT, "é".encode()[:1]), 1007),
    "cut code point at the end of fragments": (frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"\xc3"), 1007),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_ends_it_and_what_was_whole_before_still_comes_out(name):
    data, code = BROKEN[name]
    messages, error = run_every_way(frame(TEXT, b"before") + data + frame(TEXT, b"behind"))
    assert messages == [(TEXT, b"before")]
    assert error == code


def test_a_length_above_the_limit_is_refused_on_the_header_before_its_key_has_come():
    parser = FrameParser(MAX, 16)
    parser.feed(header(BINARY, 1 << 40)[:10])
    assert parser.error is not None and parser.error.code == 1009


def test_fragments_together_above_the_limit_are_refused_at_the_header_that_crosses_it():
    parser = FrameParser(MAX, 16)
    assert parser.feed(frame(BINARY, b"x" * 600, fin=False)) == []
    parser.feed(frame(CONTINUATION, b"x" * 401, fin=False)[:4])
    assert parser.error is not None and parser.error.code == 1009
    assert parser.held == 0


def test_endless_empty_fragments_are_refused():
    data = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 16
    assert run_every_way(data, max_fragments=16) == ([], 1009)


def test_as_many_fragments_as_allowed_pass():
    data = frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", fin=False) * 14 + frame(CONTINUATION, b"c")
    assert run_every_way(data, max_fragments=16) == ([(TEXT, b"a" + b"b" * 14 + b"c")], None)


def test_bad_text_is_refused_at_its_byte_and_not_at_the_end_of_the_frame():
    parser = FrameParser(MAX, 16)
    data = frame(TEXT, b"good \xff and much more" + b"." * 500)
    assert parser.feed(data[:13]) == [] and parser.error is None
    parser.feed(data[13:14])
    assert parser.error is not None and parser.error.code == 1007


def test_a_code_point_may_be_split_between_fragments():
    euro = "€".encode()
    data = frame(TEXT, euro[:1], fin=False) + frame(CONTINUATION, euro[1:2], fin=False) + frame(CONTINUATION, euro[2:])
    assert run_every_way(data) == ([(TEXT, euro)], None)


def test_binary_is_not_judged_as_text():
    assert run_every_way(frame(BINARY, b"\xff\xfe")) == ([(BINARY, b"\xff\xfe")], None)


def test_a_declared_frame_pins_only_what_has_come():
    parser = FrameParser(1 << 20, 16)
    parser.feed(header(BINARY, 1 << 20) + b"x" * 100)
    assert parser.held <= 110


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 1, 63, 64, 125, 126, 127, 600, 65_535])
def test_a_read_that_is_one_message_can_be_taken_the_short_way(opcode, size):
    parser = FrameParser(65_536, 16)
    assert parser.take_single(frame(opcode, b"x" * size)) == (opcode, b"x" * size)


NOT_SINGLE = {
    "nothing": b"",
    "one byte": b"\x81",
    "cut": frame(TEXT, b"abc")[:-1],
    "with more behind": frame(TEXT, b"abc") + b"\x81",
    "64 KiB": frame(TEXT, b"x" * 65_536),
    "126 bytes, cut": frame(TEXT, b"x" * 126)[:-1],
    "126 bytes with more behind": frame(TEXT, b"x" * 126) + b"\x81",
    "126 bytes, not final": frame(TEXT, b"x" * 126, fin=False),
    "126 bytes, compressed": frame(TEXT, b"x" * 126, rsv=4),
    "126 bytes, unmasked": frame(TEXT, b"x" * 130, masked=False),
    "126 bytes, bad text": frame(TEXT, b"\xff" * 126),
    "a length not in its shortest form": frame(TEXT, b"x" * 125, width=2),
    "a ping": frame(PING, b"x"),
    "a close": frame(CLOSE),
    "not final": frame(TEXT, b"x", fin=False),
    "a continuation": frame(CONTINUATION, b"x"),
    "a reserved bit": frame(TEXT, b"x", rsv=4),
    "unmasked": frame(TEXT, b"x" * 10, masked=False),
    "not ASCII": frame(TEXT, "é".encode()),
}


@pytest.mark.parametrize("name", NOT_SINGLE)
def test_anything_else_is_left_to_feed_unchanged(name):
    parser = FrameParser(MAX, 16)
    assert parser.take_single(NOT_SINGLE[name]) is None
    assert (parser.held, parser.error) == (0, None)


def test_the_short_way_takes_long_text_of_any_language():
    text = "grün€😀".encode() * 20
    assert FrameParser(MAX, 16).take_single(frame(TEXT, text)) == (TEXT, text)


@pytest.mark.parametrize("limit", [10, 200])
def test_the_short_way_respects_a_small_limit(limit):
    assert FrameParser(limit, 16).take_single(frame(TEXT, b"x" * (limit + 1))) is None


@pytest.mark.parametrize("before", [frame(TEXT, b"x", fin=False), b"\x81", frame(BINARY, b"xyz")[:-1], frame(CLOSE)])
def test_the_short_way_is_closed_while_anything_is_pending(before):
    parser = FrameParser(MAX, 16)
    parser.feed(before)
    assert parser.take_single(frame(BINARY, b"x")) is None
    assert parser.take_single(frame(BINARY, b"x" * 126)) is None


def test_the_short_way_opens_again_when_nothing_is_pending():
    parser = FrameParser(MAX, 16)
    end = frame(CONTINUATION, b"b")
    for piece in (frame(TEXT, b"a", fin=False), end[:3], end[3:], frame(PING)):
        parser.feed(piece)
    assert parser.take_single(frame(BINARY, b"x")) == (BINARY, b"x")


def test_an_empty_pong_alone_is_told_from_all_else():
    pong = frame(PONG)
    assert FrameParser(MAX, 16).take_pong(pong)
    for other in (frame(PONG, b"x"), frame(PING), frame(TEXT), pong[:5], pong + b"x", pong + pong, b"", b"\x8a\0abcd"):
        assert not FrameParser(MAX, 16).take_pong(other)


@pytest.mark.parametrize("before", [frame(TEXT, b"x", fin=False), b"\x81", frame(BINARY, b"xyz")[:-1], frame(CLOSE)])
def test_an_empty_pong_is_left_to_feed_while_anything_is_pending(before):
    parser = FrameParser(MAX, 16)
    parser.feed(before)
    assert not parser.take_pong(frame(PONG))


frames = st.one_of(
    st.builds(frame, st.sampled_from([TEXT, BINARY, PING, PONG]), st.binary(max_size=125)),
    st.builds(frame, st.sampled_from([TEXT, BINARY, CONTINUATION]), st.binary(max_size=300), fin=st.booleans()),
    st.binary(max_size=20),
)


@given(st.lists(frames, max_size=6), st.data())
def test_any_bytes_in_any_portions_give_one_result(parts, draw):
    data = b"".join(parts)
    whole = run([data])
    assert run([data[i : i + 1] for i in range(len(data))]) == whole
    cut = draw.draw(st.integers(0, len(data)))
    assert run([data[:cut], data[cut:]]) == whole


# -- compressed messages ----------------------------------------------------------------------------------------------


def deflated(payload):
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 5, 125, 999, 1000])
def test_a_compressed_message_comes_out_inflated(opcode, size):
    payload = b"ab" * (size // 2) + b"c" * (size % 2)
    data = frame(opcode, deflated(payload), rsv=4)
    assert run_every_way(data, compressed=True) == ([(opcode, payload)], None)


def test_a_compressed_message_may_come_in_fragments_with_a_ping_between():
    data = deflated(b"one and two")
    whole = frame(TEXT, data[:3], rsv=4, fin=False) + frame(PING) + frame(CONTINUATION, data[3:])
    assert run_every_way(whole, compressed=True) == ([(PING, b""), (TEXT, b"one and two")], None)


def test_plain_and_compressed_messages_may_alternate():
    data = frame(TEXT, b"a") + frame(TEXT, deflated(b"b"), rsv=4) + frame(TEXT, b"c") + frame(BINARY, b"d" * 300)
    expected = [(TEXT, b"a"), (TEXT, b"b"), (TEXT, b"c"), (BINARY, b"d" * 300)]
    assert run_every_way(data, compressed=True) == (expected, None)


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"x", rsv=2),
        frame(TEXT, b"x", rsv=1),
        frame(TEXT, b"x", rsv=5),
        frame(PING, b"x", rsv=4),
        frame(CLOSE, b"", rsv=4),
        frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x", rsv=4),
        frame(TEXT, deflated(b"x"), rsv=4, fin=False) + frame(CONTINUATION, b"", rsv=4),
        frame(CONTINUATION, b"x", rsv=4),
    ],
)
def test_the_compression_bit_anywhere_else_is_a_broken_rule(data):
    assert run_every_way(data, compressed=True)[1] == 1002


def test_without_an_agreement_the_compression_bit_is_a_broken_rule():
    assert run_every_way(frame(TEXT, deflated(b"x"), rsv=4)) == ([], 1002)


def test_compressed_text_is_judged_by_what_it_inflates_to():
    good, bad = "wörter".encode(), b"w\xc3\x28rter"
    assert run_every_way(frame(TEXT, deflated(good), rsv=4), compressed=True) == ([(TEXT, good)], None)
    assert run_every_way(frame(TEXT, deflated(bad), rsv=4), compressed=True) == ([], 1007)
    assert run_every_way(frame(TEXT, deflated(good[:2]), rsv=4), compressed=True) == ([], 1007)
    assert run_every_way(frame(BINARY, deflated(bad), rsv=4), compressed=True) == ([(BINARY, bad)], None)


def test_the_limit_counts_what_a_message_inflates_to_and_what_it_has_on_the_wire():
    assert run_every_way(frame(TEXT, deflated(b"a" * MAX), rsv=4), compressed=True)[1] is None
    assert run_every_way(frame(TEXT, deflated(b"a" * (MAX + 1)), rsv=4), compressed=True) == ([], 1009)
    assert run([header(TEXT | 0x40, MAX * 200)], compressed=True) == ([], 1009)


def test_one_call_inflates_about_a_batch_and_says_that_there_is_more():
    size = INFLATE_BATCH // 4
    parser = FrameParser(size, 16, Inflater(size, 15, False))
    data = frame(BINARY, deflated(bytes(size)), rsv=4) * 9
    counts = [len(parser.feed(data))]
    while parser.more:
        counts.append(len(parser.feed(b"")))
    assert counts == [4, 4, 1]
    assert parser.inflated == size


def test_a_parser_says_whether_part_of_a_message_waits():
    parser = FrameParser(MAX, 16)
    for piece, unfinished in (
        (frame(TEXT, b"x"), False),
        (frame(TEXT, b"x")[:1], True),
        (frame(TEXT, b"x")[1:], False),
        (frame(TEXT, b"x", fin=False), True),
        (frame(PING), True),
        (frame(CONTINUATION, b"x"), False),
        (frame(TEXT, b"x" * 500)[:200], True),
        (frame(TEXT, b"x" * 500)[200:], False),
        (frame(CLOSE)[:3], True),
        (frame(CLOSE)[3:], False),
    ):
        parser.feed(piece)
        assert parser.unfinished is unfinished, piece


@pytest.mark.parametrize("before", [b"", frame(PING)[:3], frame(TEXT, b"a", fin=False)], ids=["rest", "ping", "text"])
def test_the_limit_of_a_message_may_be_moved_up_and_down_at_any_time(before):
    parser = FrameParser(10, 16)
    parser.feed(before)
    parser.limit_messages(100)
    parser.feed({0: b"", 3: frame(PING)[3:]}.get(len(before), frame(CONTINUATION, b"b")))
    assert parser.take_single(frame(BINARY, b"x" * 100)) == (BINARY, b"x" * 100)
    assert parser.feed(frame(BINARY, b"x" * 50, fin=False) + frame(CONTINUATION, b"y" * 50)) == [
        (BINARY, b"x" * 50 + b"y" * 50)
    ]
    parser.limit_messages(5)
    assert parser.take_single(frame(BINARY, b"x" * 6)) is None
    assert parser.feed(frame(BINARY, b"x" * 5)) == [(BINARY, b"x" * 5)]
    parser.feed(frame(BINARY, b"x" * 6))
    assert parser.error.code == 1009


@pytest.mark.parametrize("bad", [frame(TEXT, b"\xff" * 200), frame(3), frame(TEXT, b"", rsv=1)])
def test_an_error_holds_nothing_of_the_input_that_it_was_found_in(bad):
    parser = FrameParser(MAX, 16)
    parser.feed(bad)
    assert parser.error.__traceback__ is None
    assert parser.error.__context__ is None


def test_the_limit_of_messages_can_be_changed_on_the_way():
    parser = FrameParser(MAX, 16, Inflater(MAX, 15, False))
    parser.limit_messages(5)
    assert parser.take_single(frame(TEXT, b"x" * 6)) is None
    assert parser.take_single(frame(TEXT, b"x" * 5)) == (TEXT, b"x" * 5)
    parser.limit_messages(10)
    assert parser.feed(frame(TEXT, deflated(b"x" * 10), rsv=4)) == [(TEXT, b"x" * 10)]
    parser.feed(frame(TEXT, deflated(b"x" * 11), rsv=4))
    assert parser.error.code == 1009
