"""What was there before is told by the hub, in slices, and never to a worker that does not read."""

import pytest

from tests.brokers.hub_rig import Rig, said
from wsserver.brokers import hub_reads
from wsserver.brokers.hub_worker import CLOG_BYTES
from wsserver.chat.log import Head, StoreUnavailable


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()
    assert rig.errors == []


def read(member, channel, first, last, turns=6):
    found = []
    member.link.log.read(channel, first, last, found.append)
    member.rig.turn(turns)
    return found


def test_glance_tells_the_head_and_the_newest_messages_of_one_moment(rig):
    one = rig.member()
    one.say(*[said("a", str(number)) for number in range(10)])
    glance = one.glance("a", 3)
    assert glance.head == Head(rig.store.head("a").epoch, 10, 1)
    assert [message.seq for message in glance.messages] == [8, 9, 10]
    assert one.glance("a", 0).messages == []
    assert one.glance("new").head == Head(rig.store.head("new").epoch, 0, 1)


def test_read_tells_what_is_kept_from_first_to_last(rig):
    one = rig.member()
    one.say(*[said("a", str(number)) for number in range(10)])
    assert [message.seq for message in read(one, "a", 3, 5)[0]] == [3, 4, 5]
    assert [message.seq for message in read(one, "a", 9, 99)[0]] == [9, 10]
    assert read(one, "a", 11, 12) == [[]]


def test_store_that_cannot_be_read_says_why(rig):
    def refuse(_channel):
        raise StoreUnavailable("the disk is broken")

    one = rig.member()
    rig.store.head = refuse
    assert str(one.glance("a")) == "the disk is broken"
    rig.store.after = lambda *_: refuse("")
    assert str(read(one, "a", 1, 2)[0]) == "the disk is broken"


def test_slow_store_is_asked_in_slices(rig):
    one = rig.member()
    real, turns = rig.store.head, []

    def slow(channel):
        rig.reactor.world.time += hub_reads.SLICE_S * 0.6
        turns.append(rig.reactor.turns)
        return real(channel)

    rig.store.head = slow
    found = []
    for number in range(20):
        one.link.log.glance(f"c{number}", 1, found.append)
    rig.turn(40)
    assert len(found) == 20
    assert max(turns.count(turn) for turn in turns) == 2


def test_too_many_questions_are_refused(rig, monkeypatch):
    monkeypatch.setattr(hub_reads, "WAITING_LIMIT", 2)
    one, found = rig.member(), []
    for _ in range(3):
        one.link.log.glance("a", 1, found.append)
    rig.turn(6)
    assert sorted(isinstance(answer, StoreUnavailable) for answer in found) == [False, False, True]


def test_worker_that_does_not_read_its_answers_waits_and_others_do_not(rig):
    one, slow = rig.member(), rig.member()
    text = "x" * (1 << 20)
    for _ in range(8):
        one.begin(said("a", text))
        rig.turn(20)
    slow.link._transport.hold()
    found = []
    for _ in range(5):
        slow.link.log.read("a", 1, 8, found.append)
    rig.turn(6)
    (worker,) = [worker for worker in rig.hub._workers if worker.node == slow.name]
    assert CLOG_BYTES < worker._transport.queued < CLOG_BYTES + 10 * len(text) and 0 < len(rig.hub._reads) < 5
    assert one.glance("a", 0).head.seq == 8
    slow.link._transport.release()
    rig.turn(2000)
    assert [len(messages) for messages in found] == [8] * 5
