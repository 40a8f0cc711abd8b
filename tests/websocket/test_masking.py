import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.websocket.frames_by_hand import KEY, mask
from wsserver.websocket.masking import LARGE, rotate, translate_from, unmask, unmask_from

SIZES = [0, 1, 2, 3, 4, 5, 63, 64, LARGE - 1, LARGE, LARGE + 1, LARGE + 2, LARGE + 3, 4096, 70_000]


@pytest.mark.parametrize("size", SIZES)
def test_unmasking_is_the_byte_by_byte_rule_at_every_size(size):
    payload = bytes(i * 7 % 256 for i in range(size))
    assert unmask(mask(payload), KEY) == payload
    assert unmask(memoryview(b"head" + mask(payload))[4:], KEY) == payload


@given(st.binary(max_size=100), st.binary(min_size=4, max_size=4), st.integers(0, 100))
def test_a_payload_can_be_unmasked_in_two_parts(payload, key, cut):
    masked = mask(payload, key)
    first = masked[:cut]
    assert unmask(first, key) + unmask(masked[cut:], rotate(key, len(first))) == payload


@pytest.mark.parametrize("way", [translate_from, unmask_from])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("start", range(9))
def test_what_is_behind_a_point_of_a_buffer_is_unmasked_where_it_lies(way, size, start):
    payload = bytes(i * 7 % 256 for i in range(size))
    buffer = bytearray(b"untouched"[:start] + mask(payload))
    way(buffer, start, KEY)
    assert buffer == b"untouched"[:start] + payload
