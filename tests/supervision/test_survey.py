"""The numbers of all workers: who is asked, who is waited for, and what stays of those who have ended."""

import pytest

from tests.supervision.fakes import jump, nursery
from wsserver.supervision.child import Stage
from wsserver.supervision.orders import Measure, Measured, Sum, SumUp
from wsserver.supervision.survey import PATIENCE_S, Survey


class Worker:
    """One who writes down what he is told."""

    def __init__(self, index):
        self.index = index
        self.stage = Stage.SERVING
        self.told = []

    def say(self, line):
        self.told.append(line)

    def heard(self):
        told, self.told = self.told, []
        return told


class Rig:
    """A survey of three workers."""

    def __init__(self):
        self.reactor = nursery()
        self.workers = [Worker(index) for index in range(3)]
        self.survey = Survey(self.reactor, self.workers, lambda: {"wsserver_processes": 1})

    def ask(self, index, number=1, accepted=1):
        self.survey.begin(self.workers[index], SumUp(number, numbers(accepted)))

    def answer(self, index, number, accepted=1):
        self.survey.hear(self.workers[index], Measured(number, numbers(accepted)))

    def end(self, index):
        self.workers[index].stage = Stage.DOWN
        self.survey.lose(self.workers[index])

    def sum(self, index, number=1):
        """The one sum that a worker has been told, with nothing else."""
        [told] = self.workers[index].heard()
        assert isinstance(told, Sum)
        assert told.number == number
        return told.snapshot


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    assert rig.reactor.errors == []
    rig.reactor.close()


def numbers(accepted):
    """What a worker says: something that grows, and something that is."""
    return {
        "wsserver_connections_accepted": accepted, "wsserver_users": 1, "wsserver_processes": 1,
        "wsserver_workers": {"answered": 1, "silent": 0, "down": 0},
    }  # fmt: skip


def state(snapshot):
    """What a sum says: connections, users, processes, and (answered, silent, down)."""
    return (
        *(snapshot[f"wsserver_{name}"] for name in ("connections_accepted", "users", "processes")),
        tuple(snapshot["wsserver_workers"].values()),
    )


def test_all_others_are_asked_and_added_and_so_is_the_supervisor(rig):
    rig.ask(1, number=7, accepted=100)
    assert rig.workers[0].heard() == rig.workers[2].heard() == [Measure(1)]
    rig.answer(0, 1, 20)
    assert rig.workers[1].heard() == []
    rig.answer(2, 1, 3)
    assert state(rig.sum(1, 7)) == (123, 3, 4, (3, 0, 0))
    jump(rig.reactor, PATIENCE_S + 1)
    assert rig.workers[1].heard() == []


def test_a_worker_that_does_not_answer_is_left_out_and_its_counters_are_not(rig):
    rig.ask(0, accepted=100)
    rig.answer(1, 1, 20)
    rig.answer(2, 1, 3)
    assert state(rig.sum(0)) == (123, 3, 4, (3, 0, 0))
    rig.ask(0, 2, accepted=101)
    rig.answer(1, 2, 21)
    jump(rig.reactor, PATIENCE_S - 0.1)
    assert rig.workers[0].heard() == []
    jump(rig.reactor, 0.2)
    assert state(rig.sum(0, 2)) == (101 + 21 + 3, 2, 3, (2, 1, 0))


def test_one_whose_answer_is_overdue_is_not_waited_for_until_it_has_come(rig):
    rig.ask(0)
    rig.answer(1, 1)
    jump(rig.reactor, PATIENCE_S + 0.1)
    assert state(rig.sum(0))[3] == (2, 1, 0)
    rig.workers[2].heard()
    rig.ask(0, 2)
    rig.answer(1, 2)
    assert rig.workers[2].heard() == []
    assert state(rig.sum(0, 2)) == (2, 2, 3, (2, 1, 0))
    rig.answer(2, 1, 50)
    assert rig.workers[0].heard() == []
    rig.ask(0, 3)
    assert rig.workers[2].heard() == [Measure(3)]
    rig.answer(1, 3)
    rig.answer(2, 3, 51)
    assert state(rig.sum(0, 3)) == (53, 3, 4, (3, 0, 0))


def test_two_who_ask_at_once_are_both_told(rig):
    rig.ask(0, 1, accepted=10)
    rig.ask(1, 1, accepted=20)
    rig.answer(1, 1, 20)
    rig.answer(0, 2, 10)
    rig.answer(2, 1, 30)
    rig.answer(2, 2, 31)
    assert [type(line) for line in rig.workers[0].heard()] == [Measure, Sum]
    assert [type(line) for line in rig.workers[1].heard()] == [Measure, Sum]


def test_one_that_is_down_is_not_asked(rig):
    rig.workers[1].stage = Stage.STARTING
    rig.workers[2].stage = Stage.DOWN
    rig.ask(0)
    assert state(rig.sum(0)) == (1, 1, 2, (1, 0, 2))
    assert rig.workers[1].heard() == rig.workers[2].heard() == []


def test_one_that_is_known_to_be_silent_is_neither_asked_nor_waited_for_and_what_it_has_counted_stays(rig):
    rig.ask(0, accepted=100)
    rig.answer(1, 1, 20)
    rig.answer(2, 1, 3)
    rig.sum(0)
    rig.workers[2].heard()
    rig.workers[2].stage = Stage.SILENT
    rig.ask(0, 2, accepted=101)
    rig.answer(1, 2, 20)
    assert state(rig.sum(0, 2)) == (124, 2, 3, (2, 1, 0))
    assert rig.workers[2].heard() == []


def test_no_counter_falls_when_a_worker_ends_and_its_successor_begins_at_zero(rig):
    rig.ask(0, accepted=100)
    rig.answer(1, 1, 20)
    rig.answer(2, 1, 3)
    rig.sum(0)
    rig.end(1)
    rig.end(2)
    rig.ask(0, 2, accepted=101)
    assert state(rig.sum(0, 2)) == (124, 1, 2, (1, 0, 2))
    rig.workers[1].stage = Stage.SERVING
    rig.ask(0, 3, accepted=102)
    rig.answer(1, 3, 0)
    assert state(rig.sum(0, 3))[0] == 125
    rig.end(1)
    rig.end(0)
    rig.workers[2].stage = Stage.SERVING
    rig.workers[2].heard()
    rig.ask(2, 1, accepted=1)
    assert state(rig.sum(2))[0] == 126


def test_one_that_ends_while_it_is_asked_is_not_waited_for(rig):
    rig.ask(0)
    rig.answer(1, 1)
    rig.end(2)
    assert state(rig.sum(0)) == (2, 2, 3, (2, 0, 1))


def test_one_that_has_answered_and_ends_is_counted_once(rig):
    rig.ask(0, accepted=100)
    rig.answer(1, 1, 20)
    rig.end(1)
    rig.answer(2, 1, 3)
    assert state(rig.sum(0)) == (123, 2, 3, (2, 0, 1))


def test_one_that_asks_and_ends_is_told_nothing_and_neither_is_its_successor(rig):
    rig.ask(0)
    rig.end(0)
    rig.workers[0].stage = Stage.SERVING
    for index in (1, 2):
        rig.answer(index, 1)
    jump(rig.reactor, PATIENCE_S + 0.1)
    assert rig.workers[0].heard() == []


def test_restarts_are_told(rig):
    rig.survey.restarts = 4
    rig.workers[1].stage = rig.workers[2].stage = Stage.DOWN
    rig.ask(0)
    assert rig.sum(0)["wsserver_worker_restarts"] == 4
