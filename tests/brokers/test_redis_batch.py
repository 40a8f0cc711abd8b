"""How a batch is cut into parcels, and what an answer says of each message."""

import msgspec
import pytest

from wsserver.brokers.redis_batch import PARCEL_BYTES, PARCEL_ROWS, Batch, pack
from wsserver.brokers.redis_names import Names
from wsserver.chat.log import Publication


def pack_all(*publications):
    names = iter(range(10_000))
    batch = Batch(publications, lambda _outcome: None)
    return batch, pack(batch, "n1", Names("p"), lambda: str(next(names)), lambda _channel: ("e", 100, 60))


def said(channel="c", text="hello", key=None):
    return Publication(channel, "ann", text, 5, key)


def test_each_channel_has_a_parcel_of_its_own_and_each_parcel_a_name():
    batch, parcels = pack_all(said("c"), said("d"), said("c"))
    assert [(one.channel, one.places) for one in parcels] == [("c", [0, 2]), ("d", [1])]
    assert [one.keys for one in parcels] == [
        ["p:l:{c}:h", "p:l:{c}:m", "p:l:{c}:b:0"],
        ["p:l:{d}:h", "p:l:{d}:m", "p:l:{d}:b:1"],
    ]
    assert batch.left == 2


def test_no_parcel_has_too_many_rows_or_bytes_unless_one_message_has():
    _, many = pack_all(*[said()] * (PARCEL_ROWS * 2 + 1))
    assert [len(one.places) for one in many] == [PARCEL_ROWS, PARCEL_ROWS, 1]
    _, large = pack_all(said(text="x" * PARCEL_BYTES), said(), *[said(text="x" * 100_000)] * 3)
    assert [len(one.places) for one in large] == [1, 3, 1]


def test_a_key_is_named_by_its_place_among_the_keys_of_the_script():
    _, [parcel] = pack_all(said(key="a"), said(), said(key="b"))
    numbers = parcel.arguments[8::3]
    assert [number and parcel.keys[number - 1] for number in numbers] == ["p:l:{c}:k:ann\0a", 0, "p:l:{c}:k:ann\0b"]


def test_an_answer_fills_in_numbers_and_repetitions():
    batch, [parcel] = pack_all(said(text="a"), said(text="b", key="k"), said(text="c"))
    epoch, fresh = parcel.open(msgspec.msgpack.encode(("e", 7, [(1, 3, 99)])))
    assert epoch == "e" and [(one.seq, one.text) for one in fresh] == [(7, "a"), (8, "c")]
    assert [(one.message.seq, one.message.ts, one.duplicate) for one in batch.stored] == [
        (7, 5, False),
        (3, 99, True),
        (8, 5, False),
    ]


def test_an_answer_that_is_none_is_an_error():
    _, [parcel] = pack_all(said())
    with pytest.raises(msgspec.DecodeError):
        parcel.open(b"junk")
