"""Work that is done beside the loop: its order, its results, its end."""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest

from wsserver.reactor.offload import Offload

PATIENCE_S = 10.0


class Loop:
    """The loop's end of the pool: what is posted runs when the test says so."""

    def __init__(self, threads: int) -> None:
        self.posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.offload = Offload(self.posted.put, threads)

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            self.posted.get(timeout=PATIENCE_S)()


@pytest.fixture(params=[1, 2])
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    loop = Loop(request.param)
    yield loop
    assert loop.offload.close(PATIENCE_S)


def test_work_is_done_in_a_thread_and_its_result_told_in_the_loop(loop: Loop) -> None:
    told: list[tuple[int, int]] = []
    loop.offload.run(threading.get_ident, lambda worker: told.append((worker, threading.get_ident())))  # type: ignore[arg-type]
    assert told == []
    loop.turn()
    [(worker, here)] = told
    assert here == threading.get_ident() != worker
    assert loop.offload.out == 0


def test_an_exception_is_a_result_like_any_other(loop: Loop) -> None:
    told: list[object] = []
    loop.offload.run(lambda: 1 // 0, told.append)
    loop.offload.run(lambda: 2, told.append)
    loop.turn(2)
    assert isinstance(told[0], ZeroDivisionError)
    assert told[1:] == [2]


def test_jobs_are_begun_in_their_order() -> None:
    loop = Loop(1)
    told: list[object] = []
    for number in range(100):
        loop.offload.run(lambda number=number: number, told.append)  # type: ignore[misc]
    assert loop.offload.out == 100
    loop.turn(100)
    assert told == list(range(100))
    assert loop.offload.close(PATIENCE_S)


def test_there_are_no_threads_before_there_is_work_and_no_more_than_needed() -> None:
    loop = Loop(8)
    assert loop.offload._threads == []
    for _ in range(3):
        loop.offload.run(lambda: None, lambda _: None)
        loop.turn()
    assert len(loop.offload._threads) == 1
    assert loop.offload.close(PATIENCE_S)


def test_one_that_waits_does_not_hold_up_another() -> None:
    loop = Loop(2)
    go, told = threading.Event(), []
    loop.offload.run(lambda: go.wait(PATIENCE_S), lambda _: told.append("slow"))
    loop.offload.run(lambda: None, lambda _: told.append("quick"))
    loop.turn()
    assert told == ["quick"]
    go.set()
    loop.turn()
    assert told == ["quick", "slow"]
    assert loop.offload.close(PATIENCE_S)


def test_at_the_end_what_was_begun_is_finished_and_told_to_nobody() -> None:
    loop = Loop(1)
    begun, go, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        go.wait(PATIENCE_S)
        done.append("work")

    loop.offload.run(work, lambda _: done.append("told"))
    begun.wait(PATIENCE_S)
    assert not loop.offload.close(0.001), "it has not finished yet"
    go.set()
    assert loop.offload.close(PATIENCE_S)
    assert done == ["work"]
    assert loop.posted.empty()
