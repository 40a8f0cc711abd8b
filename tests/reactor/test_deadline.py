from wsserver.reactor.deadline import Deadline
from wsserver.reactor.timers import Timers


class Rig:
    def __init__(self):
        self.timers, self.met = Timers(), 0
        self.deadline = Deadline(self.timers, self.meet)

    def meet(self):
        self.met += 1

    def at(self, now):
        for timer in self.timers.take_due(now):
            timer.fire()
        return self.met


def test_it_is_met_when_it_is_due_and_once():
    rig = Rig()
    rig.deadline.move(10)
    assert rig.at(9.9) == 0
    assert rig.at(10) == 1
    assert rig.at(100) == 1


def test_moving_it_later_does_not_touch_the_heap():
    rig = Rig()
    for due in range(10, 1000):
        rig.deadline.move(due)
    assert rig.timers.entries == 1
    assert rig.at(998) == 0
    assert rig.at(999) == 1


def test_moving_it_earlier_is_heeded():
    rig = Rig()
    rig.deadline.move(10)
    rig.deadline.move(5)
    assert rig.at(5) == 1
    assert rig.at(20) == 1


def test_a_cleared_deadline_is_not_met_and_can_be_set_again():
    rig = Rig()
    rig.deadline.move(10)
    rig.deadline.clear()
    rig.deadline.clear()
    assert rig.at(50) == 0
    rig.deadline.move(60)
    assert rig.at(60) == 1


def test_it_can_be_set_again_from_its_own_callback():
    rig = Rig()

    def again():
        rig.met += 1
        rig.deadline.move(rig.deadline.due + 10)

    rig.deadline = Deadline(rig.timers, again)
    rig.deadline.move(10)
    assert [rig.at(now) for now in (10, 15, 20, 30)] == [1, 1, 2, 3]


def test_a_retired_deadline_lets_go_of_its_owner_for_good():
    rig = Rig()
    rig.deadline.move(10)
    rig.deadline.retire()
    rig.deadline.move(20)
    assert rig.at(30) == 0


def test_a_deadline_is_its_own_callback():
    timers, heard = Timers(), []
    deadline = Deadline(timers, lambda: heard.append(True))
    deadline.move(1.0)
    (timer,) = timers.take_due(1.0)
    assert timer.callback is deadline  # no bound method, which would be another object for each client
    timer.fire()
    assert heard == [True]
