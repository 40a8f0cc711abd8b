import pytest

from wsserver.websocket.codes import BINARY, TEXT
from wsserver.websocket.frames import encode_frame, encode_header


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_lengths_are_in_their_shortest_form_and_frames_are_not_masked(size, header):
    assert encode_header(TEXT, size) == header


def test_a_frame_is_its_header_and_its_payload():
    assert encode_frame(BINARY, b"abc") == b"\x82\x03abc"
