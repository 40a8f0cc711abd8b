"""The memory of all tails together is bounded."""

from wsserver.chat.log import Head
from wsserver.chat.replica import MESSAGE_CHARS, Replica
from wsserver.chat.tails import Tails
from wsserver.chat.vocabulary import MessageEvent

SIZE = MESSAGE_CHARS + 100


def say(tails: Tails, replica: Replica, count: int = 1) -> None:
    for _ in range(count):
        replica.hear([MessageEvent("lobby", replica.end + 1, "ann", "x" * 100, 0)])
        replica.take()
        tails.count(replica)


def fresh() -> Replica:
    return Replica(Head("e", 0, 1), [], 1000)


def test_the_channel_that_has_been_quiet_longest_loses_its_tail_first() -> None:
    tails = Tails(10 * SIZE)
    quiet, loud, new = fresh(), fresh(), fresh()
    say(tails, quiet, 4)
    say(tails, loud, 4)
    say(tails, quiet)
    say(tails, loud)
    assert tails.size == 10 * SIZE
    say(tails, new)
    assert [len(replica.tail) for replica in (quiet, loud, new)] == [0, 5, 1]
    assert (tails.size, len(tails)) == (6 * SIZE, 2)
    assert (quiet.seq, quiet.tail_start) == (5, 6)
    say(tails, quiet)
    assert [message.seq for message in quiet.tail] == [6]


def test_a_tail_that_somebody_is_about_to_read_stays() -> None:
    tails = Tails(3 * SIZE)
    read, new = fresh(), fresh()
    say(tails, read, 3)
    read.stretched = True
    say(tails, new)
    assert len(read.tail) == 3


def test_what_is_let_go_counts_no_more() -> None:
    tails = Tails()
    replica = fresh()
    say(tails, replica, 3)
    tails.forget(replica)
    tails.forget(replica)
    assert (tails.size, len(tails)) == (0, 0)


def test_an_eighth_is_given_up_at_once_so_that_it_is_rare() -> None:
    tails = Tails(16 * SIZE)
    replicas = [fresh() for _ in range(17)]
    for replica in replicas:
        say(tails, replica)
    assert [len(replica.tail) for replica in replicas] == [0] * 3 + [1] * 14
    assert (tails.size, len(tails)) == (14 * SIZE, 14)
