import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.splits import portions
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.utf8 import Utf8Judge, check_utf8

GOOD = ["", "plain", "é€😀", "\u0000", "\ufffe\uffff", "\U0010ffff", "κόσμε"]
OVERLONG = [b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf"]
BAD = [*OVERLONG, b"\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5"]
CUT = [b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"]


def judge(pieces):
    judged = Utf8Judge()
    try:
        for piece in pieces:
            judged.feed(piece)
        judged.finish()
    except ProtocolError as error:
        return error.code
    return None


@pytest.mark.parametrize("text", GOOD)
def test_good_text_passes_in_every_portion(text):
    data = text.encode("utf-8", "surrogatepass")
    assert {judge(pieces) for pieces in portions(data)} == {None}
    check_utf8(data)


@pytest.mark.parametrize("data", BAD + CUT)
def test_bad_text_is_1007_in_every_portion(data):
    assert {judge(pieces) for pieces in portions(b"ok " + data)} == {1007}
    with pytest.raises(ProtocolError) as caught:
        check_utf8(b"ok " + data)
    assert caught.value.code == 1007


@pytest.mark.parametrize("data", BAD)
def test_an_impossible_byte_is_refused_before_its_sequence_could_be_complete(data):
    judged = Utf8Judge()
    with pytest.raises(ProtocolError):
        for byte in data:
            judged.feed(bytes([byte]))


@pytest.mark.parametrize(
    "data", [b"\xed\xa0", b"\xed\xbf", b"\xe0\x9f", b"\xf0\x8f", b"\xf4\x90", b"\xe2\x28", b"\xf1\x80\x7f"]
)
def test_a_second_byte_that_makes_it_impossible_is_refused_at_once(data):
    judged = Utf8Judge()
    judged.feed(b"ok " + data[:-1])
    with pytest.raises(ProtocolError):
        judged.feed(data[-1:])


def test_what_could_still_become_a_character_is_waited_for():
    judged = Utf8Judge()
    judged.feed(b"\xed\x9f")  # U+D7FF, the last before the surrogates
    judged.feed(b"\xbf")
    judged.finish()


@given(st.binary(max_size=40))
def test_judging_agrees_with_decoding(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        expected = 1007
    else:
        expected = None
    assert judge([data[i : i + 1] for i in range(len(data))]) == expected
