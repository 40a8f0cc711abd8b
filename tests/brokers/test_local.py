"""A node without others: whatever it asks is answered at once, and nothing goes anywhere."""

from tests.brokers.hub_rig import Chat
from wsserver.brokers.local import LocalBroker
from wsserver.chat.broker import Count, Move


def test_open_is_done_at_once_behind_an_empty_roster():
    broker, chat, done = LocalBroker("n"), Chat(), []
    broker.attach(chat)
    broker.open("a", lambda error: done.append((error, list(chat.heard))))
    assert done == [(None, [("roster", "a", {})])]


def test_nobody_answers_a_question_and_it_is_answered_at_once():
    broker, answers = LocalBroker("n"), []
    broker.ask(Count(), answers.append)
    assert answers == [[]] and broker.trouble is None and broker.node == "n"


def test_what_is_told_is_heard_by_nobody():
    broker, chat = LocalBroker("n"), Chat()
    broker.attach(chat)
    broker.announce("a", "e", [])
    broker.relay("a", b"x")
    broker.presence("a", "ann", Move.ENTER)
    broker.close("a")
    broker.close_all()
    assert chat.heard == []
