"""Questions take turns: so many at once, nobody waits in the row for ever."""

from collections.abc import Callable
from typing import Any

from wsserver.chat.errands import ABREAST, PATIENCE_S, Errands
from wsserver.chat.log import StoreUnavailable


class Desk:
    """Questions that wait for their answers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.errands = Errands(lambda: self.now)
        self.out: list[Callable[[Any], None]] = []
        self.answers: list[Any] = []

    def ask(self, count: int = 1) -> None:
        for _ in range(count):
            self.errands.ask(self.out.append, self.answers.append)


def test_a_hundred_are_on_their_way_at_once_and_each_answer_lets_another_begin() -> None:
    desk = Desk()
    desk.ask(ABREAST + 5)
    assert len(desk.out) == ABREAST
    assert len(desk.errands) == ABREAST + 5
    for number in range(5):
        desk.out[number](number)
    assert len(desk.out) == ABREAST + 5
    assert desk.answers == [0, 1, 2, 3, 4]
    for answered in desk.out[5:]:
        answered("x")
    assert len(desk.errands) == 0


def test_what_stood_in_the_row_for_too_long_is_refused() -> None:
    desk = Desk()
    desk.ask(ABREAST + 3000)
    desk.now = PATIENCE_S + 1
    desk.out[0]("late")
    assert desk.answers[0] == "late"
    assert len(desk.answers) == 3001
    assert all(isinstance(answer, StoreUnavailable) for answer in desk.answers[1:])
    assert len(desk.out) == ABREAST


def test_questions_that_are_answered_at_once_do_not_pile_up_calls() -> None:
    desk = Desk()
    for _ in range(5000):
        desk.errands.ask(lambda done: done("now"), desk.answers.append)
    assert desk.answers == ["now"] * 5000


def test_an_answer_that_makes_its_hearer_fail_lets_the_next_one_begin() -> None:
    desk = Desk()
    desk.errands.ask(desk.out.append, lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    desk.ask(ABREAST)
    try:
        desk.out[0]("bad")
    except ZeroDivisionError:
        pass
    assert len(desk.out) == ABREAST + 1
