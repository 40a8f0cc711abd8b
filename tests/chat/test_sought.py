"""Who has seen more than this node waits until it has as much, or until nobody has it."""

import pytest

from wsserver.chat.log import NotYet, StoreUnavailable
from wsserver.chat.sought import ANSWER_S, Sought


@pytest.fixture
def sought() -> Sought:
    return Sought()


def wait(sought: Sought, seq: int, woken: list[int], now: float = 0.0) -> None:
    not_yet = sought.ask(seq, now)
    assert isinstance(not_yet, NotYet)
    not_yet.when_ready(lambda: woken.append(seq))


def test_who_waits_goes_on_when_the_message_is_delivered(sought: Sought) -> None:
    woken: list[int] = []
    for seq in (5, 7, 7):
        wait(sought, seq, woken)
    sought.reach(4)
    assert woken == []
    sought.reach(6)
    assert woken == [5]
    sought.reach(7)
    assert woken == [5, 7, 7]
    assert len(sought) == 0


def test_what_the_log_does_not_have_is_known_not_to_be_there_for_a_moment(sought: Sought) -> None:
    woken: list[int] = []
    wait(sought, 5, woken)
    wait(sought, 9, woken)
    sought.begin()
    sought.answer(5, 1.0)
    assert woken == [9]
    assert sought.ask(9, 1.0) is None
    assert sought.ask(9, 1.0 + ANSWER_S / 2) is None
    assert isinstance(sought.ask(9, 1.0 + ANSWER_S), NotYet)
    sought.reach(5)
    assert woken == [9, 5]


def test_what_is_asked_for_while_the_log_is_being_asked_is_for_the_next_time(sought: Sought) -> None:
    woken: list[int] = []
    wait(sought, 5, woken)
    sought.begin()
    wait(sought, 6, woken)
    sought.answer(4, 0.0)
    assert woken == [5]
    assert sought.is_beyond(5) and not sought.is_beyond(6)
    sought.begin()
    sought.answer(6, 0.0)
    assert woken == [5]
    sought.reach(6)
    assert woken == [5, 6]


def test_a_log_that_cannot_tell_is_a_store_in_trouble_for_all_who_wait(sought: Sought) -> None:
    woken: list[int] = []
    wait(sought, 5, woken)
    sought.begin()
    wait(sought, 6, woken)
    sought.fail("it is down", 2.0)
    assert woken == [5, 6]
    for seq in (5, 6):
        with pytest.raises(StoreUnavailable, match="it is down"):
            sought.ask(seq, 2.5)
    assert isinstance(sought.ask(5, 2.0 + ANSWER_S), NotYet)


def test_another_log_has_everybody_ask_again(sought: Sought) -> None:
    woken: list[int] = []
    wait(sought, 5, woken)
    sought.drop()
    assert woken == [5]
    assert len(sought) == 0
    wait(sought, 5, woken)


def test_answers_are_forgotten_with_the_next_one(sought: Sought) -> None:
    for round_ in range(100):
        wait(sought, round_, [], round_ * 2.0)
        sought.begin()
        sought.answer(-1, round_ * 2.0)
    assert len(sought._answers) == 1
