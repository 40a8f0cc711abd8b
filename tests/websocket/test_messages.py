import pytest

from wsserver.websocket.codes import BINARY, TEXT
from wsserver.websocket.errors import ProtocolError
from wsserver.websocket.messages import Assembly


def test_pieces_are_put_together():
    assembly = Assembly(BINARY, 1000)
    assembly.announce(2)
    assembly.add(b"\xff")
    assembly.add(b"\xfe")
    assert (assembly.size, assembly.announced, assembly.fragments) == (2, 2, 1)
    assert assembly.finish() == (BINARY, b"\xff\xfe")


def test_text_is_judged_piece_by_piece():
    assembly = Assembly(TEXT, 1000)
    assembly.add("€".encode()[:2])
    with pytest.raises(ProtocolError):
        assembly.add(b"x")


def test_text_that_ends_in_a_cut_code_point_is_refused():
    assembly = Assembly(TEXT, 1000)
    assembly.add("€".encode()[:2])
    with pytest.raises(ProtocolError):
        assembly.finish()
