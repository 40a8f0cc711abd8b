"""Who is silent and who hangs, by a clock that is told to jump, and that a supervisor which was away judges nobody."""

import pytest

from tests.supervision.fakes import jump, nursery
from wsserver.supervision import watch as watch_module
from wsserver.supervision.child import Stage
from wsserver.supervision.orders import Ping
from wsserver.supervision.watch import BEAT_S, LATE_S, SILENT_S, Watch


class Worker:
    """One who writes down what he is told, and what is done to him."""

    def __init__(self, index):
        self.index = index
        self.pid = 100 + index
        self.stage = Stage.SERVING
        self.aborted = 0
        self._told = []

    def say(self, line):
        self._told.append(line)

    def abort(self):
        self.stage = Stage.HUNG
        self.aborted += 1

    def heard(self):
        told, self._told = self._told, []
        return told


class Rig:
    """A watch over two, of whom the second answers at once."""

    def __init__(self, limit_s):
        self.reactor = nursery()
        self.limit_s = limit_s
        self.changes = []
        self.workers = [Worker(0), Worker(1)]
        self.watch = Watch(self.reactor, self.workers, lambda: self.limit_s, self._note)
        self.watch.begin()

    def _note(self):
        self.changes.append(tuple(worker.stage for worker in self.workers))

    def beat(self, count=1, of_s=BEAT_S):
        """Let so many looks pass; return what the first was told in them."""
        for _ in range(count):
            jump(self.reactor, of_s)
            if self.workers[1].heard():
                self.watch.hear(self.workers[1])
        return self.workers[0].heard()

    @property
    def stage(self):
        return self.workers[0].stage


LIMIT_S = 10 * BEAT_S
"""A limit that is reached ten looks after the question."""


@pytest.fixture
def rig():
    rigs = []

    def make(limit_s=30.0):
        rigs.append(Rig(limit_s))
        return rigs[-1]

    yield make
    for one in rigs:
        assert one.reactor.errors == []
        assert one.workers[1].stage is Stage.SERVING
        one.reactor.close()


class Notes:
    """A log that keeps what it is told: (how bad, which event, fields)."""

    def __init__(self):
        self.told = []

    def __getattr__(self, level):
        return lambda kind, _sentence, **fields: self.told.append((level, kind, fields))


@pytest.fixture
def log(monkeypatch):
    notes = Notes()
    monkeypatch.setattr(watch_module, "_LOG", notes)
    return notes


def test_each_is_asked_at_every_look_as_long_as_it_answers(rig):
    one = rig()
    for _ in range(100):
        assert one.beat() == [Ping()]
        one.watch.hear(one.workers[0])
    assert (one.stage, one.changes) == (Stage.SERVING, [])


def test_one_that_does_not_answer_is_asked_once_and_then_silent_until_it_does(rig, log):
    one = rig()
    assert one.beat() == [Ping()]
    assert one.stage is Stage.SERVING
    assert one.beat(3) == []
    assert (one.stage, one.changes) == (Stage.SILENT, [(Stage.SILENT, Stage.SERVING)])
    one.watch.hear(one.workers[0])
    assert (one.stage, len(one.changes)) == (Stage.SERVING, 2)
    assert one.beat() == [Ping()]
    assert log.told == [
        ("warning", "worker_silent", {"worker": 0, "its_pid": 100, "silent_s": SILENT_S}),
        ("info", "worker_answers", {"worker": 0, "silent_s": 3 * BEAT_S}),
    ]


def test_an_answer_in_the_last_moment_is_in_time(rig):
    one = rig()
    one.beat()
    jump(one.reactor, SILENT_S - 0.125)
    one.watch.hear(one.workers[0])
    jump(one.reactor, 0.125)
    assert one.workers[0].heard() == [Ping()]
    assert (one.stage, one.changes) == (Stage.SERVING, [])


def test_one_that_hangs_is_ended_once_the_limit_is_reached_and_not_before(rig, log):
    one = rig(LIMIT_S)
    one.beat(10)
    assert (one.stage, one.workers[0].aborted) == (Stage.SILENT, 0)
    one.beat()
    assert (one.stage, one.workers[0].aborted) == (Stage.HUNG, 1)
    one.beat(30)
    assert one.workers[0].aborted == 1
    assert [kind for _, kind, _ in log.told] == ["worker_silent", "worker_hangs"]
    assert log.told[-1] == ("error", "worker_hangs", {"worker": 0, "its_pid": 100, "silent_s": LIMIT_S})


def test_a_limit_below_the_time_of_silence_holds(rig):
    one = rig(limit_s=0.5)
    one.beat(2)
    assert (one.workers[0].aborted, one.changes) == (1, [(Stage.SILENT, Stage.SERVING)])


def test_without_a_limit_one_is_silent_for_ever(rig):
    one = rig(limit_s=0.0)
    one.beat(1000)
    assert (one.stage, one.workers[0].aborted) == (Stage.SILENT, 0)


def test_a_limit_that_has_changed_counts_for_those_who_are_silent_already(rig):
    one = rig(limit_s=0.0)
    one.beat(100)
    one.limit_s = 30.0
    one.beat()
    assert one.stage is Stage.HUNG


def test_a_supervisor_that_was_away_gives_everybody_the_whole_time_again(rig):
    one = rig(LIMIT_S)
    one.beat(9)
    one.beat(of_s=600)
    assert (one.stage, one.workers[0].aborted) == (Stage.SILENT, 0)
    one.beat(9)
    assert one.workers[0].aborted == 0
    one.beat()
    assert one.workers[0].aborted == 1


def test_whoever_was_away_with_the_supervisor_is_not_silent(rig):
    one = rig()
    for _ in range(20):  # stopped again and again
        one.beat()
        one.beat(of_s=BEAT_S + LATE_S + 0.1)
        one.watch.hear(one.workers[0])
    assert (one.stage, one.changes) == (Stage.SERVING, [])


def test_a_supervisor_that_is_only_slow_judges(rig):
    one = rig(LIMIT_S)
    one.beat(20, of_s=BEAT_S + LATE_S * 0.9)
    assert one.workers[0].aborted == 1


@pytest.mark.parametrize("stage", [Stage.DOWN, Stage.STARTING, Stage.HUNG])
def test_whoever_does_not_serve_is_neither_asked_nor_judged(rig, stage):
    one = rig()
    one.workers[0].stage = stage
    assert one.beat(100) == []
    assert (one.stage, one.workers[0].aborted) == (stage, 0)


def test_what_a_dead_process_owed_its_successor_does_not(rig):
    one = rig()
    one.beat(20)
    one.watch.forget(one.workers[0])
    one.workers[0].stage = Stage.STARTING
    one.beat(20)
    one.workers[0].stage = Stage.SERVING
    assert one.beat() == [Ping()]
    assert one.stage is Stage.SERVING


def test_an_answer_that_nobody_asked_for_changes_nothing(rig):
    one = rig()
    one.watch.hear(one.workers[0])
    assert (one.stage, one.changes) == (Stage.SERVING, [])


def test_when_it_is_over_nobody_is_judged_and_one_that_answers_is_back(rig):
    one = rig()
    one.beat(10)
    one.watch.end()
    one.watch.end()
    assert one.beat(100) == []
    assert one.stage is Stage.SILENT
    one.watch.hear(one.workers[0])
    assert one.stage is Stage.SERVING
