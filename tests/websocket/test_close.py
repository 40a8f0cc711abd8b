import pytest

from wsserver.websocket.close import REASON_LIMIT, check_close, decode_close, encode_close
from wsserver.websocket.errors import ProtocolError


@pytest.mark.parametrize("code", [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999])
def test_codes_for_the_wire_are_accepted_with_their_reason(code):
    assert decode_close(code.to_bytes(2, "big") + "schön".encode()) == (code, "schön")


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_codes_that_may_not_be_sent_are_1002(code):
    with pytest.raises(ProtocolError) as caught:
        decode_close(code.to_bytes(2, "big"))
    assert caught.value.code == 1002


def test_an_empty_close_has_no_status():
    assert decode_close(b"") == (1005, "")


def test_a_close_of_one_byte_is_1002():
    with pytest.raises(ProtocolError) as caught:
        decode_close(b"\x03")
    assert caught.value.code == 1002


def test_a_reason_that_is_not_utf8_is_1007():
    with pytest.raises(ProtocolError) as caught:
        decode_close(b"\x03\xe8\xff")
    assert caught.value.code == 1007


def test_our_close_carries_code_and_reason():
    assert encode_close(1001, "bye") == b"\x88\x05\x03\xe9bye"


def test_our_close_without_status_is_empty():
    assert encode_close(1005) == b"\x88\x00"


@pytest.mark.parametrize("letter", ["a", "é", "€", "😀"])
def test_a_long_reason_is_cut_between_code_points(letter):
    frame = encode_close(1000, letter * 200)
    reason = frame[4:]
    assert frame[1] == len(reason) + 2 <= 125
    assert reason.decode() == letter * (REASON_LIMIT // len(letter.encode()))


def test_a_lone_surrogate_in_a_reason_cannot_stop_the_close():
    assert encode_close(1000, "\ud800")[4:] == b"?"


def test_a_code_that_may_not_be_sent_is_our_mistake():
    with pytest.raises(AssertionError):
        encode_close(1006)


def test_codes_are_judged_before_anything_else_happens():
    check_close(1000)
    with pytest.raises(AssertionError, match="may not be sent"):
        check_close(1005)
