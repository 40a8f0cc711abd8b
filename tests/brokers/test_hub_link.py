"""A worker's end: it answers for itself, survives mistakes of the chat, and ends once when the hub does."""

import pytest

from tests.brokers.hub_rig import Chat, Rig, said
from wsserver.brokers.hub_link import ASK_LIMIT_S, QUEUE_LIMIT, HubLink
from wsserver.brokers.hub_link_log import NO_ANSWER
from wsserver.chat.broker import BrokerUnavailable, Count, Move


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()
    assert rig.errors == []


@pytest.fixture
def loose(rig):
    """A link whose other end is ours."""
    ours, theirs = rig.reactor.world.socket_pair()
    lost = []
    link = HubLink(rig.reactor, theirs, "loose", lambda: lost.append(1))
    link.attach(Chat())
    yield link, ours, lost
    ours.close()


def test_other_workers_do_not_ask_one_that_has_not_attached_its_chat(rig):
    one = rig.member()
    ours, theirs = rig.reactor.world.socket_pair()
    rig.hub.admit(ours)
    link = HubLink(rig.reactor, theirs, "early", lambda: None)
    answers = []
    one.link.ask(Count(), answers.append)
    rig.turn(4)
    assert answers == [[]]
    link.close_all()


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", b"\0\0\0\2\x91\x00"])
def test_garbage_from_the_hub_is_the_end(rig, loose, data):
    link, ours, lost = loose
    ours.send(data)
    rig.turn(4)
    assert lost == [1] and link.trouble == NO_ANSWER
    rig.errors.clear()


def test_end_of_the_hub_is_told_once_and_nothing_is_sent_after_it(rig, loose):
    link, ours, lost = loose
    ours.close()
    rig.turn(4)
    link.presence("a", "ann", Move.ENTER)
    link.relay("a", b"x")
    answers = []
    link.ask(Count(), answers.append)
    rig.turn(4)
    assert lost == [1] and isinstance(answers[0], BrokerUnavailable)


def test_who_said_goodbye_is_not_told_of_the_end(rig, loose):
    link, ours, lost = loose
    link.close_all()
    link.close_all()
    rig.turn(4)
    ours.close()
    rig.turn(4)
    assert lost == []


def test_mistake_in_a_callback_costs_nobody_else_his_answer(rig):
    one = rig.member()

    def fail(_stored):
        raise RuntimeError("our mistake")

    one.link.log.append([said("a", "x")], fail)
    assert one.say(said("a", "y"))[0].message.seq == 2
    assert [str(error) for error in rig.errors] == ["our mistake"]
    rig.errors.clear()


def test_news_of_a_channel_that_was_just_closed_is_not_passed_on(rig):
    one, two = rig.member(), rig.member()
    two.open("a")
    one.begin(said("a", "x"))
    rig.turn(1)
    two.link.close("a")
    rig.turn(4)
    assert two.chat.lines("a") == []


def test_channel_that_is_opened_twice_at_once_is_done_twice(rig):
    one, done = rig.member(), []
    one.link.open("a", done.append)
    one.link.open("a", done.append)
    rig.turn(4)
    assert done == [None, None]


def test_question_that_a_stopped_hub_does_not_answer_is_answered_by_nobody(rig, loose):
    link, _, _ = loose
    answers = []
    link.ask(Count(), answers.append)
    rig.jump(ASK_LIMIT_S - 0.1)
    assert answers == []
    rig.jump(0.2)
    assert answers == [[]]


def test_what_waits_for_a_stopped_hub_is_bounded(rig, loose):
    link, _, lost = loose
    for _ in range(40):
        link.relay("a", bytes(1 << 20))
        rig.turn(1)
    link.presence("a", "ann", Move.ENTER)
    rig.turn(1)
    assert QUEUE_LIMIT < link._transport.queued < QUEUE_LIMIT + (2 << 20)
    assert link.dropped >= 20 and lost == []
