"""permessage-deflate beside zlib itself: what is agreed on, what is sent, what is taken."""

import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.splits import portions
from wsserver.http.extensions import parse_extensions
from wsserver.websocket.codes import BINARY, INVALID_PAYLOAD, MESSAGE_TOO_BIG, TEXT
from wsserver.websocket.deflate import COMPRESS_FROM, FINAL_BLOCKS, NAME, Compressor, ContextCompressor, Inflater, Terms
from wsserver.websocket.errors import ProtocolError

MAX = 100_000
TEXT_2K = b"The quick brown fox jumps over the lazy dog. " * 50
HELLO = bytes.fromhex("f248cdc9c90700")
"""RFC 7692 section 7.2.3.1: `Hello`, compressed with the fixed Huffman codes."""


def deflate(payload, bits=15, flush=zlib.Z_SYNC_FLUSH):
    """What a client makes of one message that stands alone."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -bits)
    data = compressor.compress(payload) + compressor.flush(flush)
    return data[:-4] if flush == zlib.Z_SYNC_FLUSH else data


def inflate(inflater, pieces):
    """What the server makes of one message that comes in `pieces`; the close code when it is refused."""
    message = bytearray()
    try:
        inflater.begin()
        for piece in pieces:
            inflater.inflate(piece, message)
        inflater.finish(message)
    except ProtocolError as error:
        return error.code
    return bytes(message)


def inflate_every_way(data, max_message=MAX):
    """Inflate in every portion, with and without context; demand one result."""
    whole = inflate(Inflater(max_message, 15, False), [data])
    for keeps_context in (False, True):
        for pieces in portions(data, most_cuts=50):
            assert inflate(Inflater(max_message, 15, keeps_context), pieces) == whole
    return whole


def agree(header, **terms):
    agreement = Terms(**terms).agree(parse_extensions(header))
    return agreement.answer if agreement else None


# -- the agreement ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (f"{NAME}", f"{NAME}; server_no_context_takeover"),
        (f"{NAME}; client_max_window_bits", f"{NAME}; server_no_context_takeover; client_max_window_bits=12"),
        (f"{NAME}; client_max_window_bits=10", f"{NAME}; server_no_context_takeover; client_max_window_bits=10"),
        (f"{NAME}; client_max_window_bits=8", f"{NAME}; server_no_context_takeover; client_max_window_bits=8"),
        (f'{NAME}; client_max_window_bits="15"', f"{NAME}; server_no_context_takeover; client_max_window_bits=12"),
        (f"{NAME}; server_max_window_bits=15", f"{NAME}; server_no_context_takeover; server_max_window_bits=12"),
        (f"{NAME}; server_max_window_bits=9", f"{NAME}; server_no_context_takeover; server_max_window_bits=9"),
        (f"{NAME}; server_no_context_takeover", f"{NAME}; server_no_context_takeover"),
        (
            f"{NAME}; client_no_context_takeover",
            f"{NAME}; server_no_context_takeover; client_no_context_takeover",
        ),
        (f"x; y=1, {NAME}", f"{NAME}; server_no_context_takeover"),
        (f"{NAME}; foo, {NAME}; server_max_window_bits=8, {NAME}", f"{NAME}; server_no_context_takeover"),
    ],
)
def test_the_first_offer_that_can_be_honoured_is_answered(offer, answer):
    assert agree(offer) == answer


@pytest.mark.parametrize(
    "parameters",
    [
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=8",
        "server_max_window_bits=16",
        "server_max_window_bits=012",
        "server_max_window_bits=+9",
        "server_max_window_bits=1_0",
        "client_max_window_bits=abc",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=09",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "client_max_window_bits; client_max_window_bits",
        "server_no_context_takeover; server_no_context_takeover",
        "Server_No_Context_Takeover",
        "__class__",
        "constructor=1",
    ],
)
def test_an_offer_that_cannot_be_honoured_is_declined_and_the_next_one_tried(parameters):
    assert agree(f"{NAME}; {parameters}") is None
    assert agree(f"{NAME}; {parameters}, {NAME}") == f"{NAME}; server_no_context_takeover"


def test_contexts_are_as_the_operator_wants_them_unless_the_client_forbids():
    assert agree(NAME, client_context=False) == f"{NAME}; server_no_context_takeover; client_no_context_takeover"
    assert agree(NAME, server_context=True) == NAME
    assert agree(f"{NAME}; server_no_context_takeover", server_context=True) == f"{NAME}; server_no_context_takeover"


def test_the_operators_window_is_the_largest():
    assert agree(f"{NAME}; server_max_window_bits=12; client_max_window_bits=14", window_bits=10).endswith(
        "server_max_window_bits=10; client_max_window_bits=10"
    )


def test_clients_with_the_same_window_share_a_compressor_and_those_with_a_context_do_not():
    def two(terms):
        return [terms.agree(parse_extensions(NAME)).compressor for _ in range(2)]

    one, other = two(Terms())
    assert one is other
    assert Terms().agree(parse_extensions(f"{NAME}; server_max_window_bits=9")).compressor is not one
    one, other = two(Terms(server_context=True))
    assert one is not other


# -- what we send -------------------------------------------------------------------------------------------------


def unframe(frame):
    """Return (first byte, payload) of one server frame."""
    size, start = frame[1], 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(frame[2:10], "big"), 10
    assert len(frame) == start + size
    return frame[0], frame[start:]


@pytest.mark.parametrize("bits", [9, 12, 15])
def test_a_compressed_frame_stands_alone_and_zlib_reads_it(bits):
    compressor = Compressor(bits)
    for payload in (TEXT_2K, TEXT_2K[::-1], bytes(70_000)):
        first, data = unframe(compressor.encode(BINARY, payload))
        assert first == 0xC2
        assert len(data) < len(payload) / 2
        assert zlib.decompressobj(-bits).decompress(data + b"\0\0\xff\xff") == payload


def test_what_does_not_get_shorter_is_sent_plain():
    payload = os.urandom(COMPRESS_FROM)
    assert unframe(Compressor(12).encode(BINARY, payload)) == (0x82, payload)


def test_equal_messages_give_equal_bytes_without_a_context_and_shorter_ones_with():
    alone, building = Compressor(12), ContextCompressor(12)
    assert alone.encode(TEXT, TEXT_2K) == alone.encode(TEXT, TEXT_2K)
    noise = os.urandom(1500).hex().encode()
    first, second = building.encode(TEXT, noise), building.encode(TEXT, noise)
    assert len(second) < len(first) / 10
    reader = zlib.decompressobj(-12)
    assert [reader.decompress(unframe(frame)[1] + b"\0\0\xff\xff") for frame in (first, second)] == [noise, noise]


def test_frames_that_later_ones_refer_to_are_not_droppable():
    assert Compressor(12).droppable
    assert not ContextCompressor(12).droppable


# -- what we take -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HELLO, b"Hello"),
        (bytes.fromhex("000500faff48656c6c6f00"), b"Hello"),  # section 7.2.3.3: a stored block
        (bytes.fromhex("f348cdc9c9070000"), b"Hello"),  # 7.2.3.4: a last block, and an empty one behind it
        (bytes.fromhex("f248050000 00ffff cac9c90700".replace(" ", "")), b"Hello"),  # 7.2.3.5: two blocks
        (b"\x00", b""),  # 7.2.3.6: an empty message
        (b"\x02\x00", b""),
        (deflate(b"a" * 5000), b"a" * 5000),
        (deflate(b"Hello", flush=zlib.Z_FINISH) + deflate(b" again"), b"Hello again"),
        (deflate(b"Hello", flush=zlib.Z_FINISH), b"Hello"),
        (deflate(b"", flush=zlib.Z_FINISH) * 3 + b"\x00", b""),
    ],
)
def test_right_messages_come_out_right_however_they_are_cut(data, message):
    assert inflate_every_way(data) == message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x07",  # a reserved kind of block
        b"\xff" * 10,
        HELLO[:-1],
        HELLO[:3],
        HELLO + b"\x01",
        deflate(TEXT_2K)[:-3],
        bytes.fromhex("000500fbff48656c6c6f00"),  # a length that contradicts its complement
        deflate(os.urandom(300))[:200],
        bytes.fromhex("4b040d00"),  # a distance beyond everything
    ],
)
def test_what_is_broken_or_cut_short_is_bad_data(data):
    assert inflate_every_way(data) == INVALID_PAYLOAD


def test_a_message_may_inflate_to_the_limit_and_not_a_byte_more():
    assert inflate_every_way(deflate(bytes(1000)), max_message=1000) == bytes(1000)
    assert inflate_every_way(deflate(bytes(1001)), max_message=1000) == MESSAGE_TOO_BIG


def test_a_bomb_is_stopped_at_the_limit():
    inflater = Inflater(MAX, 15, True)
    message = bytearray()
    inflater.begin()
    with pytest.raises(ProtocolError) as caught:
        inflater.inflate(deflate(bytes(64 << 20)), message)
    assert caught.value.code == MESSAGE_TOO_BIG
    assert len(message) == 0


def test_a_bomb_in_a_thousand_pieces_is_stopped_at_the_limit():
    data = deflate(bytes(64 << 20))
    inflater, message, taken = Inflater(MAX, 15, True), bytearray(), 0
    inflater.begin()
    with pytest.raises(ProtocolError):
        for start in range(0, len(data), len(data) // 1000):
            taken = start
            inflater.inflate(data[start : start + len(data) // 1000], message)
    assert len(message) <= MAX
    assert taken < len(data) / 100


def test_last_blocks_are_counted():
    piece = deflate(b"", flush=zlib.Z_FINISH)
    assert inflate_every_way(piece * FINAL_BLOCKS) == b""
    assert inflate_every_way(piece * (FINAL_BLOCKS + 2)) == INVALID_PAYLOAD


def test_messages_build_on_those_before_only_where_that_was_agreed():
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    first, second = (
        (compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4] for text in (TEXT_2K, TEXT_2K)
    )
    keeps, forgets = Inflater(MAX, 15, True), Inflater(MAX, 15, False)
    assert [inflate(keeps, [first]), inflate(keeps, [second])] == [TEXT_2K, TEXT_2K]
    assert [inflate(forgets, [first]), inflate(forgets, [second])] == [TEXT_2K, INVALID_PAYLOAD]


def test_a_distance_beyond_the_agreed_window_is_bad_data_where_zlib_has_forgotten_that_far():
    far = os.urandom(5000)
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = (compressor.compress(far + far) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert inflate(Inflater(MAX, 15, False), [data]) == far + far
    assert inflate(Inflater(MAX, 12, False), [data[i : i + 1] for i in range(len(data))]) == INVALID_PAYLOAD


def test_a_new_message_can_follow_one_that_ended_in_a_last_block():
    inflater = Inflater(MAX, 15, True)
    assert inflate(inflater, [deflate(b"one", flush=zlib.Z_FINISH)]) == b"one"
    assert inflate(inflater, [b""]) == INVALID_PAYLOAD
    assert inflate(inflater, [deflate(b"two")]) == b"two"


def test_incompressible_messages_of_the_largest_size_fit_on_the_wire():
    payload = os.urandom(MAX)
    for level, memory in ((0, 1), (1, 1), (9, 9)):
        compressor = zlib.compressobj(level, zlib.DEFLATED, -9, memory)
        size = len(compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))
        assert size <= Inflater(MAX, 15, False).max_compressed


@given(st.binary(max_size=300))
def test_noise_gives_bytes_or_a_refusal_and_never_more_than_allowed(data):
    result = inflate(Inflater(1000, 15, False), [data])
    assert result in (INVALID_PAYLOAD, MESSAGE_TOO_BIG) or len(result) <= 1000
    assert inflate(Inflater(1000, 15, True), [data[i : i + 1] for i in range(len(data))]) == result


@given(st.lists(st.binary(max_size=2000), max_size=8), st.integers(9, 15), st.booleans())
def test_what_one_end_compresses_the_other_inflates(payloads, bits, context):
    sender = ContextCompressor(bits) if context else Compressor(bits)
    receiver = Inflater(MAX, bits, context)
    for payload in payloads:
        first, data = unframe(sender.encode(BINARY, payload))
        assert (inflate(receiver, [data]) if first & 0x40 else data) == payload


def test_the_limit_of_a_message_may_change_between_two():
    inflater, data = Inflater(50, 15, True), deflate(b"x" * 100)
    inflater.limit_messages(100)
    assert inflate(inflater, [data]) == b"x" * 100
    inflater.limit_messages(99)
    assert inflate(inflater, [data]) == MESSAGE_TOO_BIG
