import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.websocket.frames_by_hand import mask
from wsserver.websocket import masking

pytest.importorskip("numpy", reason="the extra `speed` is not installed")

from wsserver.websocket.masking_numpy import xor_from


def test_numpy_is_used_where_it_is_installed():
    assert masking.unmask_from is xor_from


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4), st.binary(max_size=9))
def test_both_ways_give_the_same_wherever_they_start(payload, key, head):
    masked = head + mask(payload, key)
    one, other = bytearray(masked), bytearray(masked)
    xor_from(one, len(head), key)
    masking.translate_from(other, len(head), key)
    assert one == other == head + payload


def test_the_buffer_can_grow_again_afterwards():
    buffer = bytearray(100)
    xor_from(buffer, 3, b"abcd")
    buffer += b"more"
    assert len(buffer) == 104
