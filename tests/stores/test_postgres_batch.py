"""A batch as parameters, and what became of it, without a database."""

import msgspec
import pytest

from wsserver.chat.log import Publication, Stored
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.postgres_batch import Parcel


def test_names_are_sorted_by_their_bytes_as_the_database_sorts_them_and_each_is_there_once():
    batch = [Publication(name, "ann", "text", 5) for name in ("b", "é", "B", "b", "\U00010000", "\uffff")]
    parcel = Parcel(batch, "me", 7)
    writer, number, names, of, _, _, ts, keys = parcel.parameters
    assert (writer, number, keys) == (b"me", b"7", b"")
    assert names.decode().split("\x1f") == ["B", "b", "é", "\uffff", "\U00010000"]
    assert (of, ts) == (b"{2,3,1,2,5,4}", b"{5,5,5,5,5,5}")


def test_numbers_go_on_from_where_the_database_says():
    batch = [Publication(name, "ann", "text", 5) for name in "abab"]
    stored = Parcel(batch, "me", 1).open(b"[[10, 0], []]")
    assert [(one.message.channel, one.message.seq) for one in stored] == [("a", 11), ("b", 1), ("a", 12), ("b", 2)]


def test_what_the_database_knew_is_answered_with_the_first_and_takes_no_number():
    batch = [Publication("c", "ann", str(index), 5, key) for index, key in enumerate(["k", None, "l"])]
    stored = Parcel(batch, "me", 1).open(b"[[4], [[0, 2, 99]]]")
    assert stored == [
        Stored(MessageEvent("c", 2, "ann", "", 99), True),
        Stored(MessageEvent("c", 5, "ann", "1", 5), False),
        Stored(MessageEvent("c", 6, "ann", "2", 5), False),
    ]


def test_what_repeats_a_key_of_its_own_batch_is_not_sent():
    batch = [Publication("c", "ann", str(index), index, key) for index, key in enumerate(["k", None, "k", "l", "k"])]
    parcel = Parcel(batch, "me", 1)
    assert parcel.parameters[5] == b"0\x1f1\x1f3"
    stored = parcel.open(b"[[0], []]")
    assert [(one.message.seq, one.message.ts, one.duplicate) for one in stored] == [
        (1, 0, False), (2, 1, False), (1, 0, True), (3, 3, False), (1, 0, True)
    ]  # fmt: skip


def test_a_repeated_key_that_the_database_knew_is_a_duplicate_twice():
    batch = [Publication("c", "ann", "text", 5, "k")] * 2
    stored = Parcel(batch, "me", 1).open(b"[[9], [[0, 3, 1]]]")
    assert [(one.message.seq, one.duplicate) for one in stored] == [(3, True), (3, True)]


@pytest.mark.parametrize("answer", [b"", b"null", b"[[1]]", b'[["x"], []]'])
def test_an_answer_that_is_none_is_found_out(answer):
    with pytest.raises(msgspec.DecodeError):
        Parcel([Publication("c", "ann", "text", 5)], "me", 1).open(answer)


def test_a_parcel_answers_the_same_twice():
    parcel = Parcel([Publication("c", "ann", "text", 5)] * 3, "me", 1)
    assert parcel.open(b"[[0], []]") == parcel.open(b"[[0], []]")
