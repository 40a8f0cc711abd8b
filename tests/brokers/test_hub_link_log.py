"""The log as a worker sees it: questions are answered or given up in time, batches for as long as the disk takes."""

import pytest

from tests.brokers.hub_rig import Rig, said
from wsserver.brokers import hub_wire
from wsserver.brokers.hub_link_log import ANSWER_LIMIT_S, NO_ANSWER, TOO_LARGE


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()
    assert rig.errors == []


def test_log_announces_itself(rig):
    one = rig.member()
    assert one.link.log.announces and one.link.log.passing.announces and one.link.log.trouble is None


def test_question_that_a_stopped_hub_does_not_answer_is_given_up_in_time(rig):
    one = rig.member()
    one.link._transport.hold()  # nothing comes from the hub
    found = []
    one.link.log.glance("a", 1, found.append)
    rig.jump(ANSWER_LIMIT_S - 1)
    one.link.log.read("a", 1, 2, found.append)
    assert found == [] and one.link.trouble is None
    rig.jump(1.1)
    assert [str(answer) for answer in found] == [NO_ANSWER]
    assert one.link.trouble == one.link.log.trouble == one.link.log.passing.trouble == NO_ANSWER
    rig.jump(ANSWER_LIMIT_S)
    assert [str(answer) for answer in found] == [NO_ANSWER] * 2
    one.link._transport.release()
    rig.turn(6)
    assert len(found) == 2 and one.link.trouble is None


def test_batch_is_not_given_up(rig):
    one = rig.member()
    one.link._transport.hold()
    outcome = one.begin(said("a", "x"))
    for _ in range(5):
        rig.jump(ANSWER_LIMIT_S)
    assert outcome == []
    one.link._transport.release()
    rig.turn(6)
    assert outcome[0][0].message.seq == 1


def test_batch_that_fits_no_frame_is_refused(rig, monkeypatch):
    one = rig.member()
    monkeypatch.setattr(hub_wire, "FRAME_LIMIT", 1000)
    assert str(one.say(said("a", "x" * 1000))) == TOO_LARGE
    assert one.say(said("a", "x"))[0].message.seq == 1


def test_nobody_is_called_back_after_close(rig):
    one, heard = rig.member(), []
    one.link.log.append([said("a", "x")], heard.append)
    one.link.log.glance("a", 1, heard.append)
    one.link.log.passing.close()
    one.link.log.close()
    rig.turn(6)
    rig.jump(ANSWER_LIMIT_S + 1)
    assert heard == []
