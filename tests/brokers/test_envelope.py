"""What nodes tell each other, and what is none of that."""

import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserver.brokers import envelope as env
from wsserver.chat.broker import Count, Move, SayOnTopic
from wsserver.chat.vocabulary import MessageEvent

LIMIT = 1 << 20

ITEMS = [
    env.Messages("c", "e", 7, [("ann", "hello", 1), ("bob", "€", 2)]),
    env.Binary("c", b"\x00\xff"),
    env.Moved("c", "ann", Move.LOSE),
    env.Changed("c"),
    env.Asking(1, env.encode_question(Count())),
    env.Answer(1, {"clients": 3}),
    env.Gone("n2"),
]


def seal(items, limit=LIMIT):
    return list(env.seal("n1", map(env.encode, items), limit))


def test_every_item_comes_out_as_it_went_in():
    [said] = seal(ITEMS)
    assert env.decode(said, LIMIT) == env.Envelope(env.VERSION, "n1", ITEMS)


@pytest.mark.parametrize("count", [1, 15, 16, 255, 256, 70_000])
def test_any_number_of_items_is_sealed_in_their_order(count):
    items = [env.Changed(str(number)) for number in range(count)]
    opened = [env.decode(said, LIMIT) for said in seal(items)]
    assert [item for one in opened for item in one.items] == items


def test_no_envelope_is_larger_than_the_limit_and_what_alone_is_larger_is_left_out():
    items = [env.Binary("c", b"x" * size) for size in (100, 100, 5000, 100, 900, 100)]
    said = seal(items, 1000)
    assert max(map(len, said)) <= 1000
    assert [len(item.payload) for one in said for item in env.decode(one, 1000).items] == [100, 100, 100, 900, 100]
    assert len(said) == 3


def test_messages_say_their_numbers_by_the_first():
    assert ITEMS[0].events() == [MessageEvent("c", 7, "ann", "hello", 1), MessageEvent("c", 8, "bob", "€", 2)]


def test_messages_are_cut_where_a_number_is_missing_or_they_become_large():
    def message(seq, size=1):
        return MessageEvent("c", seq, "ann", "x" * size, 1)

    items = env.runs("c", "e", [message(1), message(2), message(5), message(6, 65536), message(7)])
    assert [(item.first, len(item.rows)) for item in items] == [(1, 2), (5, 2), (7, 1)]
    assert env.runs("c", "e", []) == []


@pytest.mark.parametrize("count", [1, 15, 16, 300])
def test_an_envelope_that_a_script_completes_is_one(count):
    rows = [env.encode_row("ann", f"text {number}", number) for number in range(count)]
    said = env.head_of_messages("n1", "c") + env.encode("e") + env.encode(9) + env.array(count) + b"".join(rows)
    [item] = env.decode(said, LIMIT).items
    assert (item.channel, item.epoch, item.first, len(item.rows)) == ("c", "e", 9, count)
    assert env.decode_row(rows[0]) == ("ann", "text 0", 0)


def test_a_question_keeps_what_a_client_published():
    question = SayOnTopic("ann", "t", {"n": [1.5, None, 2**60]}, 1)
    assert env.decode_question(env.encode_question(question)) == question
    assert env.decode_question(b'["no such question"]') is None
    assert env.decode_question(b"\xff") is None


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\x93", b"\x93\x01", b"\x93\x02\xa2n1\x90", pickle.dumps([1, "n1", []]), b'[1,"n1",[]]'),
        msgspec.msgpack.encode([1, "n1", [["z", 1]]]),
        msgspec.msgpack.encode([1, "n1", [["m", "c", "e", "one", []]]]),
        msgspec.msgpack.encode([1, "n1", [["p", "c", "ann", 9]]]),
        msgspec.msgpack.encode([1, "n1", [["p", "c", "a" * 256, 0]]]),
        msgspec.msgpack.encode([1, "n1", [["m", "c", "e", 0, [["ann", "x", 0]]]]]),
        msgspec.msgpack.encode([1, "n1", [["m", "c", "e", 2**64 - 1, [["ann", "x", 0]]]]]),
        msgspec.msgpack.encode([1, "n1", [["m", "c", "e", 1, [["ann", "x", -(2**63)]]]]]),
        msgspec.msgpack.encode([1, "n1", [["m", "c", "e", 1, [["", "x", 0]]]]]),
        msgspec.msgpack.encode([1, "n1", []]) + b"\x00",
        b"\x93\x01\xa2n1" + b"\x91" * 100_000,
        b"\x93\x01\xa2\xff\xff\x90",
    ],
)
def test_garbage_is_none(data):
    assert env.decode(data, LIMIT) is None


def test_what_is_too_large_is_not_even_looked_at():
    [said] = seal([env.Binary("c", b"x" * 1000)])
    assert env.decode(said, len(said)) is not None
    assert env.decode(said, len(said) - 1) is None


@given(st.binary(max_size=200))
def test_no_bytes_raise(data):
    env.decode(data, LIMIT)
    env.decode(b"\x93\x01\xa2n1" + data, LIMIT)
    assert env.decode_question(data) is None or data


@given(st.data())
def test_a_damaged_envelope_never_raises(data):
    [said] = seal(ITEMS)
    at = data.draw(st.integers(2, len(said) - 1))
    damaged = said[:at] + data.draw(st.binary(max_size=4)) + said[at + 1 :]
    opened = env.decode(damaged, LIMIT)
    assert opened is None or opened.version == env.VERSION
