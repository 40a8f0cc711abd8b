"""Items come back as they were said, in whatever pieces they are read; garbage is told from them."""

import pytest

from tests.splits import portions
from wsserver.brokers.hub_wire import (
    FRAME_LIMIT,
    GARBAGE,
    Append,
    Appended,
    Frames,
    Moved,
    Outcome,
    decode_from_hub,
    decode_from_worker,
    encode,
    frame,
    framed,
)
from wsserver.chat.broker import Move
from wsserver.chat.log import Publication
from wsserver.chat.vocabulary import MessageEvent

ITEMS = [
    Append(1, [Publication("a", "ann", "h\u00e9 \U0001f600", 5, "k"), Publication("b", "bob", "x" * 300, 6)]),
    Append(2, []),
    Moved("n", "a", "ann", Move.LOSE),
]


def test_publications_arrive_as_the_very_kind_that_a_store_takes():
    assert decode_from_worker(encode(ITEMS[0])) == ITEMS[0]


def test_messages_arrive_as_the_very_kind_that_the_chat_delivers():
    item = Appended([MessageEvent("a", 1, "ann", "h\u00e9", 5), MessageEvent("b", 9, "bob", "", 6)])
    assert decode_from_hub(encode(item)) == item


def test_items_are_the_same_in_whatever_pieces_they_are_read():
    data = b"".join(map(framed, ITEMS))
    for pieces in portions(data):
        frames = Frames()
        found = [encoded for piece in pieces for encoded in frames.feed(piece)]
        assert [decode_from_worker(encoded) for encoded in found] == ITEMS
        assert frames.feed(framed(ITEMS[1])) == [encode(ITEMS[1])]


def test_large_frame_in_many_pieces_is_joined_once():
    """Counted by what is held: pieces as they came, not a growing whole."""
    frames = Frames()
    data = framed(Append(1, [Publication("a", "ann", "x" * 1_000_000, 5)]))
    for start in range(0, len(data) - 1000, 1000):
        assert frames.feed(data[start : start + 1000]) == []
    assert len(frames._held) > 900
    (encoded,) = frames.feed(data[len(frames._held) * 1000 :])
    assert encoded == data[4:]


def test_length_that_no_frame_has_is_refused_before_anything_is_kept():
    with pytest.raises(ValueError):
        Frames().feed((FRAME_LIMIT + 1).to_bytes(4, "big") + b"x")


def test_frame_of_another_items_bytes_is_what_framed_makes():
    assert frame(encode(ITEMS[2])) == framed(ITEMS[2])


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xc1", b"\x90", b"\x91\x63", b"\x92\x01\x01", b"\xa1\xff", b"\x92\x00\xa1\xff", b"\x91" * 100_000),
        *(encode(["append"]), encode([1, 2, "x"]), encode([0, b"\xff"]), encode(Outcome(1, [], []))),
        encode(Append(1, []))[:-1],
    ],
)
def test_garbage_from_a_worker_is_no_item(data):
    with pytest.raises(GARBAGE):
        decode_from_worker(data)
