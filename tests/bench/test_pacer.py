from wsserver.bench.pacer import BURST, Pacer


def paced(rig, rate, start_s=1000.0, end_s=2000.0):
    due = []
    pacer = Pacer(rig.reactor, rate, due.append)
    pacer.start(start_s, end_s)
    return pacer, due


def test_nothing_is_due_before_its_time(rig):
    _, due = paced(rig, 10, start_s=1000.05)
    rig.turn()
    assert due == []
    rig.jump(0.051)
    assert due == [1_000_050_000]


def test_due_times_are_those_of_the_rate_however_late_it_is(rig):
    pacer, due = paced(rig, 8)
    rig.jump(1.0)
    assert due == [1_000_000_000 + step * 125_000 for step in range(9)]
    assert pacer.late.greatest_us == 1_000_000


def test_due_times_do_not_drift(rig):
    _, due = paced(rig, 3)
    for _ in range(600):
        rig.world.time += 0.5
        rig.turn(2)
    assert due[-1] == int((1000 + (len(due) - 1) / 3) * 1e6)
    assert len(due) == 901


def test_who_is_far_behind_reads_between_bursts(rig):
    _pacer, due = paced(rig, 1000)
    rig.world.time += 1.0
    rig.turn(1)
    assert len(due) == BURST
    rig.turn(4)
    assert len(due) == 1001


def test_nothing_is_due_at_the_end_or_after_it(rig):
    pacer, due = paced(rig, 4, end_s=1001.0)
    rig.jump(5.0)
    assert len(due) == 4
    assert pacer.stop(1005.0) == 0


def test_what_was_due_and_not_done_is_told(rig):
    pacer, due = paced(rig, 10, end_s=1001.0)
    rig.jump(0.25)
    assert len(due) == 3
    assert pacer.stop(1000.65) == 4
    rig.jump(1.0)
    assert len(due) == 3


def test_stopped_before_it_began_it_owes_nothing(rig):
    pacer, _ = paced(rig, 10, start_s=1005.0)
    assert pacer.stop(1000.0) == 0
