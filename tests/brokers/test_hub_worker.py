"""One worker as the hub sees it: who says what is not understood or does not read is cut off."""

import pytest

from tests.brokers.hub_rig import Rig, said
from wsserver.brokers import hub_worker
from wsserver.brokers.hub_wire import Append, Hello, Moved, Outcome, framed
from wsserver.chat.broker import Move
from wsserver.net.transport import STALL_LIMIT_S


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()
    assert rig.errors == []


def stranger(rig):
    ours, theirs = rig.reactor.world.socket_pair()
    rig.hub.admit(ours)
    return theirs


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\1\xc1",
        framed(Append(1, [])),
        framed(Hello("")),
        framed(Hello("worker-0")),
        framed(Hello("x")) + framed(Hello("y")),
        framed(Hello("x")) + framed(Outcome(1, [], [])),
        framed(Hello("x")) + framed(Moved("worker-0", "a", "ann", Move.ENTER)),
    ],
)
def test_who_says_what_it_may_not_is_cut_off_and_nobody_else(rig, data):
    good = rig.member()
    bad = stranger(rig)
    bad.send(data)
    rig.turn(4)
    assert len(rig.cuts) == 1 and len(rig.hub) == 1
    assert bad.recv(1 << 16) == b""
    assert good.say(said("a", "x"))[0].message.seq == 1
    bad.close()


def test_nothing_is_heard_of_a_worker_behind_what_it_was_cut_off_for(rig):
    good, bad = rig.member(), stranger(rig)
    good.open("a")
    bad.send(framed(Hello("x")) + framed(Hello("x")) + framed(Append(1, [said("a", "x")])))
    rig.turn(4)
    assert good.chat.lines("a") == []
    bad.close()


def test_end_in_the_middle_of_a_frame_is_an_end(rig):
    bad = stranger(rig)
    bad.send(framed(Hello("x")) + framed(Append(1, [said("a", "x")]))[:-3])
    rig.turn(2)
    bad.close()
    rig.turn(2)
    assert [node for node, _ in rig.cuts] == ["x"] and rig.store.head("a").seq == 0


def test_queue_of_what_nobody_waits_for_is_bounded(rig, monkeypatch):
    monkeypatch.setattr(hub_worker, "QUEUE_LIMIT", 4 << 20)
    one, slow = rig.member(), rig.member()
    slow.open("a")
    slow.link._transport.hold()
    (worker,) = [worker for worker in rig.hub._workers if worker.node == slow.name]
    most = 0
    for _ in range(20):
        one.link.relay("a", bytes(1 << 20))
        rig.turn(12)
        most = max(most, worker._transport.queued)
    assert [node for node, _ in rig.cuts] == [slow.name]
    assert most < 6 << 20
    assert one.say(said("b", "x"))[0].message.seq == 1


def test_all_who_wait_for_a_queue_to_empty_are_told_once(rig):
    one = rig.member()
    (worker,) = rig.hub._workers
    told = []
    tell = told.append

    def again():
        tell("reads")

    for _ in range(3):
        worker.when_drained(again)
    worker.when_drained(lambda: told.append("log"))
    one.say(said("a", "x"))
    one.say(said("a", "x"))
    assert told == ["reads", "log"]


def test_worker_that_stands_still_with_a_full_socket_is_cut_off(rig):
    one, slow = rig.member(), rig.member()
    slow.open("a")
    slow.link._transport.hold()
    one.link.relay("a", bytes(2 << 20))
    rig.turn(20)
    for _ in range(4):
        rig.jump(STALL_LIMIT_S / 3)
    assert [node for node, _ in rig.cuts] == [slow.name] and slow.lost == 0
    slow.link._transport.release()
    rig.turn(200)
    assert slow.lost == 1
