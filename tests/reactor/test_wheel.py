import pytest

from tests.reactor.fakes import fake_reactor, turn
from wsserver.reactor.wheel import FIRE_BATCH, SLOT_S, Wheel


class Bearer:
    """Writes down when it is told."""

    def __init__(self, rig, react=None):
        self.rig, self.react = rig, react
        self.due, self.slot = 0.0, None
        self.told, self.crashes = [], []

    def on_deadline(self):
        self.told.append(self.rig.reactor.now)
        self.rig.order.append(self)
        if self.react is not None:
            self.react(self)

    def on_crash(self, error):
        self.crashes.append(error)


class Rig:
    def __init__(self):
        self.reactor = fake_reactor()
        self.wheel = Wheel(self.reactor)
        self.began = self.reactor.now
        self.order = []

    def bearer(self, due=None, react=None):
        bearer = Bearer(self, react)
        if due is not None:
            self.wheel.move(bearer, self.began + due)
        return bearer

    def at(self, seconds, turns=1):
        self.reactor.world.time = self.began + seconds
        turn(self.reactor, turns)

    @property
    def timers(self):
        return len(self.reactor.timers)


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.reactor.close()


def test_a_deadline_is_told_when_it_has_passed_and_once(rig):
    bearer = rig.bearer(due=10)
    rig.at(9.99)
    assert bearer.told == []
    rig.at(10)
    rig.at(20)
    assert bearer.told == [rig.began + 10]


@pytest.mark.parametrize("due", [9.9, 9.876, 9.875001, 10.0])
def test_nobody_is_told_early_or_later_than_a_slot(rig, due):
    bearer = rig.bearer(due=due)
    rig.at(due - 1e-9)
    assert bearer.told == []
    rig.at(due + SLOT_S)
    assert len(bearer.told) == 1


def test_those_who_are_due_in_one_eighth_of_a_second_share_one_timer(rig):
    crowd = [rig.bearer(due=10 - number / 10_000) for number in range(1000)]
    assert rig.timers == len(rig.wheel) == 1
    rig.at(10, turns=1000 // FIRE_BATCH + 1)
    assert all(len(bearer.told) == 1 for bearer in crowd)
    assert rig.timers == len(rig.wheel) == 0


def test_moving_a_deadline_later_arms_nothing(rig):
    bearer = rig.bearer(due=1)
    for tenths in range(11, 1000):
        rig.wheel.move(bearer, rig.began + tenths / 10)
    assert rig.reactor.timers.entries == 1
    rig.at(99.8)
    assert bearer.told == []
    rig.at(100)
    assert len(bearer.told) == 1


def test_moving_a_deadline_to_an_earlier_slot_is_heeded_and_leaves_nothing_behind(rig):
    bearer = rig.bearer(due=10)
    rig.wheel.move(bearer, rig.began + 5)
    assert rig.timers == 1
    rig.at(5)
    rig.at(20)
    assert bearer.told == [rig.began + 5]


def test_moving_a_deadline_to_an_earlier_time_of_its_slot_tells_it_at_the_end_of_that(rig):
    bearer = rig.bearer(due=10)
    slot = bearer.slot
    rig.wheel.move(bearer, rig.began + 9.9)
    assert bearer.slot is slot
    rig.at(10)
    assert len(bearer.told) == 1


def test_one_that_has_left_is_not_told_and_nothing_is_kept_of_it(rig):
    first, second = rig.bearer(due=10), rig.bearer(due=10)
    rig.wheel.leave(first)
    rig.wheel.leave(first)
    assert first.slot is None and rig.timers == 1
    rig.wheel.leave(second)
    assert rig.timers == len(rig.wheel) == 0
    rig.at(20)
    assert first.told == second.told == []


def test_a_crowd_that_comes_and_goes_leaves_no_slot_and_no_timer(rig):
    for number in range(20_000):
        rig.wheel.leave(rig.bearer(due=number % 97 + 1))
    assert rig.timers == len(rig.wheel) == 0
    assert rig.reactor.timers.entries < 1000


def test_they_are_told_in_the_order_in_which_they_came(rig):
    crowd = [rig.bearer(due=10) for _ in range(5)]
    rig.at(10)
    assert rig.order == crowd


def test_one_turn_tells_a_bounded_number_and_the_next_goes_on(rig):
    crowd = [rig.bearer(due=10) for _ in range(2 * FIRE_BATCH + 7)]
    for told in (FIRE_BATCH, 2 * FIRE_BATCH, 2 * FIRE_BATCH + 7):
        rig.at(10)
        assert len(rig.order) == told
    assert rig.order == crowd


def test_one_that_sets_its_deadline_for_now_is_told_again_in_the_next_turn(rig):
    bearer = rig.bearer(due=10, react=lambda self: rig.wheel.move(self, rig.reactor.now))
    rig.at(10)
    assert len(bearer.told) == 1
    rig.at(10, turns=2)
    assert len(bearer.told) == 3


def test_one_may_take_out_another_of_its_slot(rig):
    first = rig.bearer(due=10, react=lambda self: rig.wheel.leave(second))
    second = rig.bearer(due=10)
    rig.at(10, turns=2)
    assert len(first.told) == 1 and second.told == []
    assert rig.timers == len(rig.wheel) == 0


def test_one_may_empty_its_slot_and_enter_it_again(rig):
    def replace(self):
        rig.wheel.leave(second)
        rig.wheel.move(third, rig.began + 10)

    first, second, third = rig.bearer(due=10, react=replace), rig.bearer(due=10), rig.bearer()
    rig.at(10)
    assert third.told == [] and len(rig.wheel) == 1
    rig.at(10)
    assert (len(first.told), second.told, len(third.told)) == (1, [], 1)
    assert rig.timers == len(rig.wheel) == 0


def test_one_may_move_another_of_its_slot(rig):
    first = rig.bearer(due=10, react=lambda self: rig.wheel.move(second, rig.began + 20))
    second = rig.bearer(due=10)
    rig.at(10)
    assert len(first.told) == 1 and second.told == []
    rig.at(20)
    assert len(second.told) == 1


def test_one_that_fails_is_reported_and_the_others_are_told(rig):
    def fail(self):
        raise LookupError("a mistake of ours")

    first, second = rig.bearer(due=10, react=fail), rig.bearer(due=10)
    rig.at(10)
    assert [type(error) for error in rig.reactor.errors] == [LookupError]
    assert first.crashes == rig.reactor.errors
    assert second.crashes == [] and len(second.told) == 1
