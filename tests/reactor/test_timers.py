import pytest

from wsserver.reactor.timers import COMPACT_ABOVE, FIRE_LIMIT, Timers


def fire(timers, now):
    due = timers.take_due(now)
    for timer in due:
        timer.fire()
    return len(due)


def test_timers_fire_in_the_order_they_are_due_and_of_one_instant_in_the_order_they_were_armed():
    timers, fired = Timers(), []
    for name, when in (("c", 3), ("a", 1), ("b1", 2), ("b2", 2)):
        timers.call_at(when, lambda name=name: fired.append(name))
    assert fire(timers, 2) == 3
    assert fired == ["a", "b1", "b2"]
    assert timers.next_due() == 3


def test_nothing_fires_before_it_is_due():
    timers, fired = Timers(), []
    timers.call_at(5, lambda: fired.append(1))
    assert fire(timers, 4.999) == 0 and fired == []


def test_a_cancelled_timer_does_not_fire_and_is_not_waited_for():
    timers, fired = Timers(), []
    timer = timers.call_at(1, lambda: fired.append("no"))
    timers.call_at(2, lambda: fired.append("yes"))
    timer.cancel()
    timer.cancel()
    assert timers.next_due() == 2
    fire(timers, 3)
    assert fired == ["yes"]
    timer.cancel()
    assert len(timers) == 0


def test_a_timer_can_cancel_one_of_the_same_instant():
    timers, fired = Timers(), []
    second = None
    timers.call_at(1, lambda: second.cancel())
    second = timers.call_at(1, lambda: fired.append("no"))
    fire(timers, 1)
    assert fired == []
    assert len(timers) == 0


def test_a_timer_armed_for_now_by_a_timer_waits_for_the_next_turn():
    timers, fired = Timers(), []

    def again():
        fired.append(1)
        timers.call_at(1, again)

    timers.call_at(1, again)
    assert fire(timers, 1) == 1
    assert fire(timers, 1) == 1
    assert fired == [1, 1]


def test_one_turn_fires_a_bounded_number():
    timers = Timers()
    for _ in range(FIRE_LIMIT + 7):
        timers.call_at(1, lambda: None)
    assert fire(timers, 1) == FIRE_LIMIT
    assert fire(timers, 1) == 7


def test_a_million_timers_armed_and_cancelled_pin_nothing():
    timers = Timers()
    most = 0
    for i in range(1_000_000):
        timers.call_at(i, int).cancel()
        most = max(most, timers.entries)
    assert most <= COMPACT_ABOVE + 1
    assert len(timers) == 0


@pytest.mark.parametrize("keep", [1, 3])
def test_compaction_keeps_those_that_are_alive(keep):
    timers, fired = Timers(), []
    for i in range(keep):
        timers.call_at(10_000 + i, lambda i=i: fired.append(i))
    for i in range(5 * COMPACT_ABOVE):
        timers.call_at(i, int).cancel()
    assert len(timers) == keep
    fire(timers, 20_000)
    assert fired == list(range(keep))


def test_a_timer_is_overdue_when_it_was_due_before_the_moment_in_question():
    timers = Timers()
    assert not timers.is_overdue(1e9)
    timers.call_at(5, lambda: None)
    assert not timers.is_overdue(5)
    assert timers.is_overdue(5.001)


def test_no_timer_means_no_due_time():
    assert Timers().next_due() is None
