"""The log behind its breaker, over one that fails when it is told to."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.stores.rig import FakeEngine
from wsserver.chat.log import Head, NotYet, Publication, Stored, StoreUnavailable
from wsserver.chat.remote_log import Glance, Glanced, Read, RemoteLog
from wsserver.chat.vocabulary import MessageEvent
from wsserver.resilience.backoff import Backoff
from wsserver.resilience.breaker import FAILURES, Breaker, State
from wsserver.stores.guarded import GuardedLog

HELLO = Publication("lobby", "ann", "hello", 1)
STORED = [Stored(MessageEvent("lobby", 1, "ann", "hello", 1), False)]
DOWN = StoreUnavailable("the database does not answer")


class FakeRemote:
    """Keeps what it is asked until the test answers; a probe is a question like any other."""

    announces = False

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.asked: list[tuple[str, Callable[[Any], None]]] = []
        self.closed = False

    def append(self, _batch: Sequence[Publication], done: Callable[[Any], None]) -> None:
        self.asked.append(("append", done))

    def glance(self, channel: str, _limit: int, done: Glanced) -> None:
        self.asked.append((f"glance {channel}", done))

    def read(self, channel: str, first: int, last: int, done: Read) -> None:
        self.asked.append((f"read {channel} {first}-{last}", done))

    def close(self) -> None:
        self.closed = True

    def answer(self, answer: Any) -> str:
        question, done = self.asked.pop(0)
        done(answer)
        return question


class Rig:
    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.remote = FakeRemote()
        self.told: list[State] = []
        breaker = Breaker(Backoff(1, 30, lambda _low, high: high))
        self.log = GuardedLog(self.remote, breaker, self.engine, lambda _before, now, _why: self.told.append(now))
        self.heard: list[Any] = []

    def append(self) -> None:
        self.log.append([HELLO], self.heard.append)

    def fail(self, times: int = FAILURES, answer: Exception = DOWN) -> None:
        for _ in range(times):
            self.append()
            self.remote.answer(answer)
        self.heard.clear()


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_it_is_a_remote_log_like_the_one_behind_it(rig: Rig) -> None:
    log: RemoteLog = rig.log
    log.append([HELLO], rig.heard.append)
    log.glance("lobby", 50, rig.heard.append)
    log.read("lobby", 1, 9, rig.heard.append)
    glance = Glance(Head("e", 0, 1), [])
    assert [rig.remote.answer(answer) for answer in (STORED, glance, [])] == [
        "append",
        "glance lobby",
        "read lobby 1-9",
    ]
    assert rig.heard == [STORED, glance, []]
    assert (log.trouble, log.announces) == (None, False)


@pytest.mark.parametrize("what", ["append", "glance", "read"])
def test_while_it_is_open_nobody_waits_and_the_sentence_says_why_and_when(rig: Rig, what: str) -> None:
    rig.fail()
    ask = {
        "append": lambda: rig.log.append([HELLO], rig.heard.append),
        "glance": lambda: rig.log.glance("lobby", 5, rig.heard.append),
        "read": lambda: rig.log.read("lobby", 1, 5, rig.heard.append),
    }[what]
    ask()
    assert rig.heard == []  # later, as it was promised
    rig.engine.advance(0)
    [error] = rig.heard
    assert isinstance(error, StoreUnavailable)
    assert str(error) == "the database does not answer; it is tried again in 1 s"
    assert rig.remote.asked == []
    assert rig.log.refused == 1


def test_what_is_wrong_is_said_where_readyz_looks(rig: Rig) -> None:
    rig.remote.trouble = "no connection"
    assert rig.log.trouble == "no connection"
    rig.fail()
    assert rig.log.trouble == "the database does not answer; it is tried again in 1 s"


def test_it_comes_back_without_anybody_asking(rig: Rig) -> None:
    rig.fail()
    rig.engine.advance(1)
    assert rig.remote.answer([]) == "read * 1-1"
    assert rig.log.trouble is None
    assert rig.told == [State.OPEN, State.HALF_OPEN, State.CLOSED]
    rig.append()
    rig.remote.answer(STORED)
    assert rig.heard == [STORED]


def test_while_the_probe_is_on_its_way_messages_are_still_refused(rig: Rig) -> None:
    rig.fail()
    rig.engine.advance(1)
    rig.append()
    rig.engine.advance(0)
    assert str(rig.heard[0]) == "the database does not answer; it is being tried again"


@pytest.mark.parametrize("mistake", [LookupError("ours"), NotYet(lambda _callback: None)])
def test_what_is_not_the_stores_fault_opens_nothing(rig: Rig, mistake: Exception) -> None:
    rig.fail(2 * FAILURES, mistake)
    assert rig.told == []


def test_a_thousand_refusals_are_told_once(rig: Rig) -> None:
    rig.fail()
    for _ in range(1000):
        rig.append()
    rig.engine.advance(0)
    assert len(rig.heard) == 1000
    assert rig.told == [State.OPEN]


def test_commits_that_worked_are_timed(rig: Rig) -> None:
    rig.append()
    rig.engine.advance(0.3)
    rig.remote.answer(STORED)
    rig.fail(1)
    assert sum(rig.log.commits.counts) == 1
    assert rig.log.commits.longest_s == pytest.approx(0.3)


def test_after_its_end_nobody_is_called_and_nothing_is_tried(rig: Rig) -> None:
    rig.fail()
    rig.append()
    rig.log.close()
    rig.engine.advance(60)
    assert rig.heard == []
    assert rig.remote.asked == []
    assert rig.remote.closed
