"""One channel as one node knows it: messages go in anyhow and come out in order, each once."""

from random import Random

import pytest

from wsserver.chat import replica as module
from wsserver.chat.log import Head
from wsserver.chat.replica import AHEAD, TAIL, Replica, agrees
from wsserver.chat.vocabulary import MessageEvent


def message(seq: int, text: str = "") -> MessageEvent:
    return MessageEvent("lobby", seq, "ann", text or f"text {seq}", 1_000 + seq)


def messages(first: int, last: int) -> list[MessageEvent]:
    return [message(seq) for seq in range(first, last + 1)]


def open_at(seq: int = 0, tail: int = 0, history: int = 10_000) -> Replica:
    return Replica(Head("e", seq, 1), messages(seq + 1 - tail, seq), history)


def seqs(found: list[MessageEvent]) -> list[int]:
    return [message.seq for message in found]


@pytest.mark.parametrize("seed", range(20))
def test_any_order_with_any_doubles_comes_out_in_order_and_once(seed: int) -> None:
    random = Random(seed)
    replica = open_at(7)
    said = messages(1, 60) + random.sample(messages(1, 60), 30)
    random.shuffle(said)
    taken = []
    while said:
        count = random.randrange(1, 6)
        assert replica.hear(said[:count])
        del said[:count]
        if random.random() < 0.5:
            taken += replica.take()
    taken += replica.take()
    assert seqs(taken) == list(range(8, 61))
    assert replica.gap is None
    assert seqs(replica.read(8, 60)) == list(range(8, 61))


def test_what_is_ready_is_delivered_only_when_it_is_taken() -> None:
    replica = open_at(3)
    replica.hear(messages(4, 5))
    assert (replica.seq, replica.end) == (3, 5)
    assert replica.read(4, 5) == []
    assert seqs(replica.take()) == [4, 5]
    assert replica.head == Head("e", 5, 1)
    assert replica.take() == []


def test_a_gap_is_what_is_missing_next() -> None:
    replica = open_at(3)
    replica.hear([message(7), message(9)])
    assert replica.gap == (4, 6)
    replica.hear(messages(4, 6))
    assert replica.gap == (8, 8)
    replica.know(20)
    replica.hear([message(8)])
    assert replica.gap == (10, 20)


def test_too_much_ahead_is_not_kept_and_still_known_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 10)
    replica = open_at(0)
    replica.hear(messages(2, 40))
    assert replica.gap == (1, 1)
    replica.hear([message(1)])
    assert seqs(replica.take()) == list(range(1, 12))
    replica.know(40)
    assert replica.gap == (12, 40)
    assert AHEAD == 1000


def test_another_text_under_a_seq_that_was_heard_is_noticed_wherever_the_first_one_lies() -> None:
    replica = open_at(5, tail=5)
    assert replica.hear(messages(6, 6))
    assert replica.hear([message(9)])
    assert not replica.hear([message(4, "another")])
    assert not replica.hear([message(6, "another")])
    assert not replica.hear([message(9, "another")])
    assert replica.hear([message(4), message(6), message(9)])


def test_what_is_no_longer_remembered_contradicts_nothing() -> None:
    assert open_at(1000, tail=10).hear([message(1, "another")])


def test_what_the_log_does_not_have_is_forgotten() -> None:
    replica = open_at(3)
    replica.hear([message(9)])
    replica.doubt(3)
    assert replica.gap is None
    replica.hear([message(4)])
    assert seqs(replica.take()) == [4]


def test_the_tail_is_bounded_in_number() -> None:
    replica = open_at(0)
    for seq in range(1, 2000):
        replica.hear([message(seq)])
        replica.take()
    assert TAIL <= len(replica.tail) <= TAIL + module.SLACK
    assert replica.tail[-1].seq == 1999
    assert replica.tail_start == replica.tail[0].seq


def test_the_tail_is_bounded_in_size() -> None:
    replica = open_at(0)
    for seq in range(1, 50):
        replica.hear([message(seq, "x" * 50_000)])
        replica.take()
    assert replica.size <= module.TAIL_CHARS
    assert replica.size == sum(map(module._size, replica.tail))
    assert len(replica.tail) == 2


def test_a_tail_that_somebody_needs_is_longer_for_a_while() -> None:
    replica = open_at(TAIL, tail=TAIL)
    replica.stretched = True
    replica.hear(messages(TAIL + 1, 3 * TAIL))
    replica.take()
    assert replica.tail_start == 1
    replica.stretched = False
    replica.trim()
    assert len(replica.tail) == TAIL


def test_a_channel_that_keeps_few_messages_shows_no_more() -> None:
    replica = open_at(100, tail=10, history=10)
    replica.hear(messages(101, 105))
    replica.take()
    assert replica.head == Head("e", 105, 96)


def test_a_channel_that_keeps_none_has_no_tail_and_cannot_be_read() -> None:
    replica = Replica(Head("e", 5, 6), [], 0)
    replica.hear(messages(6, 9))
    assert seqs(replica.take()) == [6, 7, 8, 9]
    assert replica.tail == []
    assert replica.head == Head("e", 9, 10)
    assert not replica.readable


def test_newest_messages_that_do_not_end_at_the_head_or_have_a_hole_are_no_tail() -> None:
    assert Replica(Head("e", 9, 1), messages(1, 8), 100).tail == []
    assert Replica(Head("e", 9, 1), [message(7), message(9)], 100).tail == []
    assert seqs(Replica(Head("e", 9, 1), messages(7, 9), 100).tail) == [7, 8, 9]


def test_a_log_agrees_when_it_goes_on_from_what_is_known() -> None:
    replica = open_at(5, tail=5)
    assert agrees(replica, Head("e", 8, 1), messages(4, 8), 5)
    assert seqs(replica.take()) == [6, 7, 8]
    assert agrees(replica, Head("e", 6, 1), messages(4, 6), 5), "it was asked when it stood there"
    assert not agrees(replica, Head("other", 8, 1), [], 8)
    assert not agrees(replica, Head("e", 7, 1), [], 8), "it has lost something"
    assert not agrees(replica, Head("e", 8, 1), [message(8, "another")], 8)


def test_a_new_start_knows_nothing_of_the_old_log() -> None:
    replica = open_at(5, tail=5)
    replica.hear([message(9)])
    fresh = replica.anew(Head("f", 2, 1), messages(1, 2))
    assert (fresh.epoch, fresh.seq, fresh.gap, seqs(fresh.tail)) == ("f", 2, None, [1, 2])


def test_what_the_log_dropped_is_not_offered() -> None:
    replica = open_at(5)
    replica.lose_before(3)
    replica.lose_before(2)
    assert replica.oldest == 3
