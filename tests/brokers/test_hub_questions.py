"""A question reaches all others and is answered by whoever answers within a second."""

import pytest

from tests.brokers.hub_rig import Rig
from wsserver.brokers.hub_questions import PATIENCE_S
from wsserver.chat.broker import Count, Kick, ListConnections, SayOnTopic, SayToOne, SayToSome


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()
    assert rig.errors == [] and len(rig.hub._questions) == 0


def ask(member, question):
    answers = []
    member.link.ask(question, answers.append)
    member.rig.turn(6)
    return answers


def test_all_others_are_asked_and_their_answers_gathered(rig):
    members = [rig.member() for _ in range(4)]
    for number, member in enumerate(members):
        member.chat.says = {"here": number}
    question = SayToSome("ann", ["bob", "cid"], "h\u00e9", 5)
    ((first, *rest),) = ask(members[1], question)
    assert sorted(one["here"] for one in [first, *rest]) == [0, 2, 3]
    assert [member.chat.asked for member in members] == [[question], [], [question], [question]]


@pytest.mark.parametrize(
    "question",
    [SayOnTopic("ann", "t", {"deep": [1, None, 2.5]}, 1), Kick("ann", "why"), Count(), ListConnections("pending", 50)],
)
def test_question_arrives_as_it_was_asked(rig, question):
    one, two = rig.member(), rig.member()
    assert ask(one, question) == [[1]]
    assert two.chat.asked == [question]


def test_who_is_alone_is_answered_at_once(rig):
    assert ask(rig.member(), Count()) == [[]]


def test_who_does_not_answer_within_a_second_is_left_out(rig):
    one, _, slow = rig.member(), rig.member(), rig.member()
    slow.link._transport.hold()
    answers = ask(one, Count())
    assert answers == []
    rig.jump(PATIENCE_S - 0.1)
    assert answers == []
    rig.jump(0.2)
    assert answers == [[1]]
    slow.link._transport.release()
    rig.turn(6)
    assert answers == [[1]] and slow.chat.asked == [Count()]


def test_who_dies_meanwhile_is_left_out_at_once(rig):
    one, _, three = rig.member(), rig.member(), rig.member()
    three.link._transport.hold()
    answers = ask(one, Count())
    assert answers == []
    three.sock.shutdown(2)
    rig.turn(4)
    assert answers == [[1]]


def test_asker_who_dies_leaves_nothing_behind(rig):
    one, two = rig.member(), rig.member()
    two.link._transport.hold()
    assert ask(one, Count()) == []
    one.sock.shutdown(2)
    rig.turn(4)
    assert len(rig.hub._questions) == 0
    two.link._transport.release()
    rig.turn(4)
    assert two.chat.asked == [Count()] and len(rig.hub) == 1


def test_who_cannot_answer_is_left_out(rig):
    one, two = rig.member(), rig.member()
    two.chat.says = RuntimeError("our mistake")
    answers = ask(one, SayToOne("ann", "bob", "x", 1))
    rig.jump(PATIENCE_S + 0.1)
    assert answers == [[]]
    assert [str(error) for error in rig.errors] == ["our mistake"]
    rig.errors.clear()
