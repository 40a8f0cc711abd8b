"""Who may come in, and what is remembered of whom."""

import pytest

from wsserver.clients.admission import BLOCKS, CROWDED, FULL, SHORT, TOO_FAST, Admission, block_of

ANN, BOB = "10.0.0.1:5000", "10.0.0.2:5000"


def test_so_many_sockets_and_no_more():
    door = Admission(2)
    door.enter(ANN)
    door.enter(ANN)
    assert door.judge(BOB, 0.0) is FULL
    door.leave(ANN)
    assert door.judge(BOB, 0.0) is None
    assert door.sockets == 1


def test_so_many_of_one_address_whatever_the_port():
    door = Admission(100, most_per_block=1)
    door.enter("10.0.0.1:1")
    assert door.judge("10.0.0.1:2", 0.0) is CROWDED
    assert door.judge(BOB, 0.0) is None
    door.leave("10.0.0.1:1")
    assert door.judge("10.0.0.1:2", 0.0) is None


def test_nobody_comes_in_while_memory_is_short():
    short = [True]
    door = Admission(100, is_short=lambda: short[0])
    assert door.judge(ANN, 0.0) is SHORT
    short[0] = False
    assert door.judge(ANN, 0.0) is None


@pytest.mark.parametrize("rate", [0.01, 0.5, 1.0, 7.0, 10_000.0])
def test_ten_seconds_worth_at_once_and_then_the_rate(rate):
    door = Admission(10**6, handshakes_per_block=rate)
    burst = max(1, int(rate * 10))
    now = 1000.0
    verdicts = [door.judge(ANN, now) for _ in range(burst + 3)]
    assert verdicts == [None] * burst + [TOO_FAST] * 3
    assert door.judge(BOB, now) is None
    assert door.judge(ANN, now + 0.9 / rate) is TOO_FAST
    assert door.judge(ANN, now + 1.1 / rate) is None
    assert door.judge(ANN, now + 1.2 / rate) is TOO_FAST


def test_who_was_turned_away_does_not_pay_for_it():
    door = Admission(100, handshakes_per_block=1.0)
    for _ in range(10):
        door.judge(ANN, 50.0)
    for _ in range(1000):
        assert door.judge(ANN, 50.5) is TOO_FAST
    assert door.judge(ANN, 51.0) is None


def test_whoever_was_crowded_out_is_not_charged_either():
    door = Admission(100, most_per_block=1, handshakes_per_block=0.1)
    door.enter(ANN)
    for _ in range(5):
        assert door.judge(ANN, 50.0) is CROWDED
    door.leave(ANN)
    assert door.judge(ANN, 50.0) is None


def test_what_is_remembered_of_rates_is_bounded():
    door = Admission(100, handshakes_per_block=1.0)
    for number in range(BLOCKS + 500):
        assert door.judge(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:1", 50.0) is None
    assert len(door._full_at) == BLOCKS


def test_an_address_whose_rate_has_recovered_is_forgotten():
    door = Admission(100, handshakes_per_block=1.0)
    for number in range(100):
        door.judge(f"10.0.0.{number}:1", 50.0)
    door.judge("10.9.9.9:1", 52.0)
    assert len(door._full_at) == 1


def test_nothing_is_remembered_of_those_who_left():
    door = Admission(100, most_per_block=5)
    door.enter(ANN)
    door.leave(ANN)
    assert not door._per_block


def test_those_who_come_from_nowhere_are_one_by_one():
    door = Admission(100, most_per_block=1, handshakes_per_block=0.1)
    for _ in range(5):
        assert door.judge("unix", 50.0) is None
        door.enter("unix")


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("10.0.0.1:5000", "10.0.0.1"),
        ("[2001:db8:1:2::1]:5000", "20010db800010002"),
        ("[2001:db8:1:2:ffff:ffff:ffff:ffff]:1", "20010db800010002"),
        ("[2001:db8:1:3::1]:5000", "20010db800010003"),
        ("[::1]:1", "0000000000000000"),
        ("[fe80::1%eth0]:1", "fe80000000000000"),
        ("unix", ""),
    ],
)
def test_what_counts_as_one_address(address, block):
    assert block_of(address) == block


def test_who_comes_by_a_proxy_is_counted_where_they_come_from():
    door = Admission(100, most_per_block=1)
    door.enter("192.0.2.1:1")
    assert door.move("192.0.2.1:1", ANN, 0.0) is None
    assert door.judge(ANN, 0.0) is CROWDED
    assert (door.judge("192.0.2.1:2", 0.0), door.sockets) == (None, 1)
    door.leave(ANN)
    assert (door.judge(ANN, 0.0), door.sockets) == (None, 0)


def test_who_may_not_be_moved_is_counted_where_they_were():
    door = Admission(100, most_per_block=1, handshakes_per_block=0.1)
    door.enter(ANN)
    door.enter(BOB)
    assert door.move(BOB, ANN, 0.0) is CROWDED
    assert (door.judge(BOB, 0.0), door.sockets) == (CROWDED, 2)
    door.leave(ANN)
    assert door.move(BOB, ANN, 0.0) is None
    door.enter("192.0.2.1:1")
    assert door.move(ANN, ANN, 0.0) is TOO_FAST
