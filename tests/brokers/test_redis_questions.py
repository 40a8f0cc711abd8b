"""Who waits for answers, and for how long."""

import pytest

from tests.reactor.fakes import fake_reactor, turn
from wsserver.brokers import redis_questions
from wsserver.brokers.redis_questions import PATIENCE_S, Questions
from wsserver.chat.broker import BrokerUnavailable, Incomplete


@pytest.fixture
def reactor():
    reactor = fake_reactor()
    yield reactor
    reactor.close()


@pytest.fixture
def questions(reactor):
    return Questions(reactor)


def jump(reactor, seconds):
    reactor.world.time += seconds
    turn(reactor, 2)


def test_the_last_answer_ends_the_waiting(questions):
    told = []
    number = questions.ask(told.append)
    questions.on_heard(number, 2)
    questions.on_answer(number, "a")
    assert told == []
    questions.on_answer(number, "b")
    assert told == [["a", "b"]] and len(questions) == 0
    assert not isinstance(told[0], Incomplete)


def test_answers_may_come_before_the_number_of_those_who_heard(questions):
    told = []
    number = questions.ask(told.append)
    questions.on_answer(number, "a")
    questions.on_heard(number, 1)
    assert told == [["a"]]


def test_who_is_silent_is_left_out_after_a_second(reactor, questions):
    told = []
    number = questions.ask(told.append)
    questions.on_heard(number, 2)
    questions.on_answer(number, "a")
    jump(reactor, PATIENCE_S * 0.9)
    assert told == []
    jump(reactor, PATIENCE_S * 0.2)
    assert told == [["a"]] and isinstance(told[0], Incomplete)
    questions.on_answer(number, "late")
    questions.on_heard(number, 5)
    questions.fail(number, "late")
    assert told == [["a"]]


def test_a_question_that_nobody_heard_is_not_answered_by_an_empty_list(reactor, questions):
    told = []
    questions.fail(questions.ask(told.append), "broken")
    questions.ask(told.append)
    jump(reactor, PATIENCE_S + 0.1)
    assert [type(answer) for answer in told] == [BrokerUnavailable] * 2
    assert str(told[0]) == "broken"


def test_more_questions_than_there_may_be_are_refused(monkeypatch, questions):
    monkeypatch.setattr(redis_questions, "WAITING_LIMIT", 2)
    told = []
    assert [questions.ask(told.append) for _ in range(3)] == [1, 2, None]
    assert isinstance(told[0], BrokerUnavailable) and len(told) == 1


def test_after_the_end_nobody_is_called_back(reactor, questions):
    told = []
    number = questions.ask(told.append)
    questions.close()
    questions.on_heard(number, 0)
    jump(reactor, PATIENCE_S + 1)
    assert told == []
