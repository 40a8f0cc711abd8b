import pytest

from tests.websocket.frames_by_hand import KEY, mask
from wsserver.websocket.codes import BINARY, TEXT
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.masking import LARGE, rotate
from wsserver.websocket.messages import FULL, Assembly


def add(assembly, piece, key=KEY):
    assembly.add(memoryview(mask(piece, key)), key)


def test_pieces_are_put_together():
    assembly = Assembly(BINARY, 1000)
    assembly.announce(2)
    add(assembly, b"\xff")
    add(assembly, b"\xfe")
    assert (assembly.size, assembly.announced, assembly.fragments) == (2, 2, 1)
    assert assembly.finish() == (BINARY, b"\xff\xfe")


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [1, 3, LARGE - 1, LARGE + 1, FULL - 1, FULL, FULL + 5, 3 * FULL + 1])
def test_pieces_of_every_size_are_put_together_as_the_key_goes_on(opcode, size):
    payload = "grün€😀 ".encode() * (5 * FULL // 14)
    assembly, key = Assembly(opcode, 1 << 20), KEY
    for start in range(0, len(payload), size):
        piece = payload[start : start + size]
        add(assembly, piece, key)
        key = rotate(key, len(piece))
        assert assembly.size == start + len(piece)
    assert assembly.finish() == (opcode, payload)


def test_text_is_judged_piece_by_piece():
    assembly = Assembly(TEXT, 1000)
    add(assembly, "€".encode()[:2])
    with pytest.raises(ProtocolError):
        add(assembly, b"x")


@pytest.mark.parametrize("before", [0, 10, LARGE, FULL, FULL + 1])
def test_bad_text_is_refused_in_large_pieces_and_behind_them(before):
    assembly = Assembly(TEXT, 1 << 20)
    add(assembly, b"x" * before)
    with pytest.raises(ProtocolError):
        add(assembly, b"x" * LARGE + b"\xff" + b"x" * FULL)


@pytest.mark.parametrize("before", [0, FULL])
def test_text_that_ends_in_a_cut_code_point_is_refused(before):
    assembly = Assembly(TEXT, 1 << 20)
    add(assembly, b"x" * before + "€".encode()[:2])
    with pytest.raises(ProtocolError):
        assembly.finish()
