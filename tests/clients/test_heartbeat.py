import pytest

from wsserver.clients.heartbeat import LATE_S, MISSED, PING, WAIT, judge

INTERVAL, TIMEOUT = 25.0, 20.0


def at(now, last_seen, pinged_at=0.0):
    return judge(now, last_seen, pinged_at, INTERVAL, TIMEOUT)


def test_a_client_that_talks_is_left_alone_until_it_has_been_silent_for_an_interval():
    assert at(120, last_seen=110) == (WAIT, 135)


def test_a_silent_client_is_pinged():
    assert at(125, last_seen=100) == (PING, 145)


def test_after_a_ping_it_is_given_the_timeout():
    assert at(130, last_seen=100, pinged_at=125) == (WAIT, 145)


def test_nothing_at_all_after_a_ping_means_that_it_is_lost():
    assert at(145, last_seen=100, pinged_at=125).action is MISSED


@pytest.mark.parametrize("seen", [125, 126, 144])
def test_anything_that_came_after_the_ping_counts(seen):
    assert at(145, last_seen=seen, pinged_at=125) == (WAIT, seen + INTERVAL)


def test_a_verdict_that_comes_far_too_late_says_that_we_were_away_so_it_asks_again():
    assert at(145 + LATE_S, last_seen=100, pinged_at=125) == (PING, 145 + LATE_S + TIMEOUT)
    assert at(9999, last_seen=100, pinged_at=125).action is PING


def test_an_old_ping_that_was_answered_does_not_count_against_it():
    assert at(200, last_seen=150, pinged_at=125) == (PING, 220)


def test_the_interval_is_kept_where_it_is_shorter_than_the_timeout():
    assert judge(105.0, 100.0, 0.0, 5.0, 20.0) == (PING, 110.0)
    assert judge(110.0, 105.1, 105.0, 5.0, 20.0) == (WAIT, 110.1)
    assert judge(110.0, 100.0, 105.0, 5.0, 20.0) == (WAIT, 125.0)
