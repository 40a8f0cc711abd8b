import pytest

from tests.bench.rig import server_frame
from tests.splits import portions
from tests.websocket.frames_by_hand import frame, mask
from wsserver.bench import client_frames
from wsserver.bench.client_frames import MaskingKeys, ServerFrames, encode_masked_frame
from wsserver.websocket.errors import ProtocolError

KEY = b"\x12\x9a\x5c\xe7"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 70000])
def test_what_is_sent_is_masked_and_its_length_is_in_the_shortest_form(size):
    payload = bytes(i % 251 for i in range(size))
    assert encode_masked_frame(2, payload, KEY) == frame(2, payload)


def test_keys_are_drawn_many_at_a_time_and_used_once():
    drawn = []

    def draw(count):
        drawn.append(count)
        return bytes((len(drawn) * 7 + i) % 256 for i in range(count))

    keys = MaskingKeys(draw)
    taken = [keys.take() for _ in range(1025)]
    assert len(drawn) == 2
    assert all(len(key) == 4 for key in taken)
    assert b"".join(taken[:1024]) == bytes((7 + i) % 256 for i in range(4096))


def heard(pieces):
    frames = ServerFrames()
    messages, controls = [], []
    for piece in pieces:
        messages += frames.feed(piece)
        controls += frames.controls
    return messages, controls


def test_a_conversation_is_the_same_however_it_is_cut():
    long = bytes(range(256)) * 2
    data = b"".join(
        [
            server_frame(1, b"hello"),
            server_frame(9, b"ping"),
            server_frame(2, long),
            server_frame(1, "grü".encode()[:3], first=0),
            server_frame(10, b""),
            server_frame(0, "ü".encode()[1:] + b"n"),
            server_frame(2, b""),
            server_frame(8, b"\x03\xe8"),
        ]
    )
    expected = (
        [(1, b"hello"), (2, long), (1, "grün".encode()), (2, b"")],
        [(9, b"ping"), (10, b""), (8, b"\x03\xe8")],
    )
    for pieces in portions(data):
        assert heard(pieces) == expected


def test_a_large_message_that_comes_in_pieces_is_put_together_once():
    payload = b"x" * 200_000
    data = server_frame(2, payload)
    assert heard([data[i : i + 1000] for i in range(0, len(data), 1000)]) == ([(2, payload)], [])


@pytest.mark.parametrize(
    "data",
    [
        frame(1, b"masked"),
        server_frame(1, b"x", first=0xC0),
        server_frame(1, b"x", first=0xA0),
        server_frame(3, b"x"),
        server_frame(11, b"x"),
        server_frame(9, b"x", first=0),
        b"\x89\x7e\x00\x7e" + b"x" * 126,
        server_frame(0, b"continues nothing"),
        server_frame(1, b"a", first=0) + server_frame(1, b"b"),
        b"\x82\x7e\x00\x7d" + b"x" * 125,
        b"\x82\x7f" + (65535).to_bytes(8, "big"),
        b"\x82\x7f" + (2**63).to_bytes(8, "big"),
        server_frame(1, b"\xff"),
        server_frame(1, b"\xc3"),
        server_frame(1, b"\xc3", first=0) + server_frame(0, b"x"),
        server_frame(1, b"\xff" * 200),
    ],
)
def test_a_server_that_breaks_a_rule_is_caught_however_it_is_cut(data):
    for pieces in portions(data):
        with pytest.raises(ProtocolError):
            heard(pieces)


def test_a_message_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(client_frames, "MAX_MESSAGE", 1000)
    with pytest.raises(ProtocolError, match="too large"):
        heard([server_frame(2, b"x" * 1001)])
    with pytest.raises(ProtocolError, match="too large"):
        heard([server_frame(2, b"x" * 600, first=0), server_frame(0, b"x" * 600, first=0)])


def test_the_mask_by_hand_is_the_mask():
    assert mask(mask(b"abcde", KEY), KEY) == b"abcde"
