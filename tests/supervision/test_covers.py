"""Who accepts for whom: one at a time for each that does not serve, and nobody for those that do."""

import pytest

from wsserver.chat.homes import Homes, size_for
from wsserver.supervision.child import Stage
from wsserver.supervision.covers import Covers
from wsserver.supervision.orders import Cover, Uncover


class Worker:
    """One who writes down what he is told."""

    def __init__(self, index):
        self.index = index
        self.stage = Stage.SERVING
        self._told = []

    def say(self, line):
        self._told.append(line)

    def heard(self):
        told, self._told = self._told, []
        return told


@pytest.fixture
def workers():
    return [Worker(index) for index in range(3)]


@pytest.fixture
def covers(workers):
    return Covers(workers, shared=False)


def heard(workers):
    return [worker.heard() for worker in workers]


def test_where_all_serve_nobody_is_told_anything(covers, workers):
    covers.settle()
    assert heard(workers) == [[], [], []]


@pytest.mark.parametrize("stage", [Stage.DOWN, Stage.STARTING, Stage.SILENT, Stage.HUNG])
def test_one_accepts_for_whoever_does_not_until_he_serves_again(covers, workers, stage):
    workers[2].stage = stage
    covers.settle()
    covers.settle()
    assert heard(workers) == [[Cover(2)], [], []]
    workers[2].stage = Stage.SERVING
    covers.settle()
    assert heard(workers) == [[Uncover(2)], [], []]


def test_whoever_stays_away_longer_is_covered_through_all_that_he_is(covers, workers):
    for stage in (Stage.SILENT, Stage.HUNG, Stage.DOWN, Stage.STARTING):
        workers[0].stage = stage
        covers.settle()
    assert heard(workers) == [[], [Cover(0)], []]


def test_one_that_falls_silent_while_it_accepts_for_another_does_so_no_more_when_it_is_back(covers, workers):
    workers[2].stage = Stage.DOWN
    covers.settle()
    workers[0].stage = Stage.SILENT
    covers.settle()
    assert heard(workers) == [[Cover(2), Uncover(2)], [Cover(0), Cover(2)], []]
    workers[0].stage = Stage.SERVING
    covers.settle()
    assert heard(workers) == [[], [Uncover(0)], []]


def test_where_nobody_serves_the_first_that_does_accepts_for_all_others(covers, workers):
    for worker in workers:
        worker.stage = Stage.SILENT
    covers.settle()
    assert heard(workers) == [[], [], []]
    workers[1].stage = Stage.SERVING
    covers.settle()
    assert heard(workers) == [[], [Cover(0), Cover(2)], []]


def test_where_all_accept_from_one_socket_nobody_is_told_anything(workers):
    workers[0].stage = Stage.DOWN
    Covers(workers, shared=True).settle()
    assert heard(workers) == [[], [], []]


@pytest.mark.parametrize("shared", [False, True], ids=["sockets of their own", "one socket for all"])
def test_nobody_is_handed_to_whoever_does_not_serve_and_one_takes_in_who_is_on_the_way(workers, shared):
    memory = memoryview(bytearray(size_for(3)))
    asker, home = Homes(memory, 3, 0), Homes(memory, 3, 2)
    home.serve(True)
    channel = next(name for name in map(str, range(100)) if asker.elsewhere(name) == 2)
    covers = Covers(workers, shared, Homes(memory, 3))
    workers[2].stage = Stage.SILENT
    covers.settle()
    assert asker.elsewhere(channel) is None
    assert heard(workers) == [[Cover(2)], [], []]
    workers[2].stage = Stage.SERVING
    covers.settle()
    assert asker.elsewhere(channel) == 2
    assert heard(workers) == [[Uncover(2)], [], []]
