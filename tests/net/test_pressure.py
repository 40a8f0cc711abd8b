"""What waits for everybody together: who is given up, when, and that nothing is looked at while nothing waits."""

import pytest

from wsserver.net.outbox import ENTRY_OVERHEAD
from wsserver.net.owner import SHED
from wsserver.net.pressure import CHECK_S, SAMPLE, SHED_AT_ONCE, Pressure, pinned_by

PIECE = 10_000


class Readers:
    """Transports of one reactor whose peers do not read, under one `Pressure`."""

    def __init__(self, first, queued=0, memory=0):
        self.first = first
        self.reactor = first.reactor
        self.shed = []
        self.short = []
        self.resident = 0
        self.trimmed = 0
        self.reactor.world.resident_bytes = lambda: self.resident
        self.reactor.world.trim_memory = self._trim
        self.pressure = Pressure(
            self.reactor, queued, memory, lambda clients, size: self.shed.append((clients, size)), self.short.append
        )
        self.rigs = []

    def _trim(self):
        self.trimmed += 1

    def add(self, *frames):
        """One more reader, for whom these wait."""
        rig = self.first.another()
        rig.transport.write_last(b"-" * (1 << 20))  # the kernel is full, and the head is cut
        for frame in frames:
            rig.transport.write_last(frame)
        rig.turn()
        rig.transport.drop_unsent()
        for frame in frames:
            rig.transport.append(frame)
        self.rigs.append(rig)
        return rig

    def check(self):
        self.first.jump(CHECK_S)

    def given_up(self):
        return [number for number, rig in enumerate(self.rigs) if SHED in rig.owner.heard]


HEAD = (1 << 20) + ENTRY_OVERHEAD
"""What the cut head weighs with each reader."""


@pytest.fixture
def readers(make_rig):
    return lambda **limits: Readers(make_rig(), **limits)


def pieces(count):
    return [bytes([number % 256]) * PIECE for number in range(count)]


def test_queues_within_the_budget_are_left_alone(readers):
    some = readers(queued=3 * HEAD)
    some.add()
    some.add()
    some.check()
    assert some.given_up() == []
    assert some.shed == []


def test_above_the_budget_who_pins_most_goes_first_and_nobody_who_need_not(readers):
    some = readers(queued=4 * HEAD)
    some.add(*pieces(30))
    some.add(*pieces(50))
    some.add(*pieces(10))
    some.add(*pieces(20))
    some.check()
    assert some.given_up() == [1]
    [(clients, size)] = some.shed
    assert clients == 1
    assert size == pytest.approx(HEAD + 50 * (PIECE + ENTRY_OVERHEAD), rel=0.01)


def test_it_goes_on_until_the_budget_holds(readers):
    some = readers(queued=2 * HEAD)
    for count in (5, 1, 4, 2, 3):
        some.add(*pieces(count))
    some.check()
    assert some.given_up() == [0, 2, 3, 4]


def test_a_frame_that_waits_for_many_is_counted_once(readers):
    some = readers(queued=11 * HEAD)
    shared = pieces(100)
    for _ in range(10):
        some.add(*shared)
    assert sum(rig.transport.queued for rig in some.rigs) > 19 * HEAD
    some.check()
    assert some.given_up() == []


@pytest.mark.parametrize("count", [1, SAMPLE - 1, SAMPLE, SAMPLE + 1, 10 * SAMPLE])
@pytest.mark.parametrize("holders", [1, 2, 7])
def test_the_parts_of_all_who_hold_the_same_frames_make_up_the_whole(readers, count, holders):
    some = readers()
    frames = [bytes([number % 256]) * (PIECE // holders) for number in range(count)]
    rigs = [some.add(*frames) for _ in range(holders)]
    del frames[:]
    for rig in rigs:  # the cut head is in the way here
        rig.transport.queued -= HEAD
        del rig.transport.frames[0]
    parts = [pinned_by(rig.transport) for rig in rigs]
    whole = count * (PIECE // holders + ENTRY_OVERHEAD)
    assert sum(parts) == pytest.approx(whole, rel=0.01 * holders)
    for rig in rigs:
        rig.transport.clear()


def test_nothing_is_looked_at_while_nobody_is_blocked(readers):
    some = readers(queued=HEAD)
    assert len(some.reactor.timers) == 0
    some.check()
    assert len(some.reactor.timers) == 0


def test_when_the_last_reader_has_caught_up_the_looking_ends(readers):
    some = readers(queued=9 * HEAD)
    rig = some.add()
    some.check()
    assert len(some.reactor.timers) == 2  # the reader's own, and ours
    while rig.transport.frames:
        rig.read_all_there_is()
        some.first.turn()
    some.check()
    assert len(some.reactor.timers) == 0
    some.add()
    assert len(some.reactor.timers) == 2


def test_one_who_is_going_already_is_not_given_up_again(readers):
    some = readers(queued=1)
    rig = some.add()
    some.check()
    some.check()
    assert rig.owner.heard == [SHED]
    assert len(some.shed) == 1


def test_while_some_are_going_nobody_else_has_to(readers):
    some = readers(queued=2 * HEAD, memory=10 * HEAD)
    some.pressure.start()
    for count in (1, 2, 3):
        some.add(*pieces(count))
    some.resident = 11 * HEAD
    for _ in range(3):
        some.check()
    assert some.given_up() == [1, 2]
    assert some.rigs[2].transport.frames  # of the one that is going a cut head still waits


def test_one_check_gives_up_so_many_at_most(readers, monkeypatch):
    monkeypatch.setattr("wsserver.net.pressure.SHED_AT_ONCE", 2)
    assert SHED_AT_ONCE > 2
    some = readers(queued=1)
    for _ in range(5):
        some.add()
    some.check()
    assert len(some.given_up()) == 2
    some.check()
    some.check()
    assert len(some.given_up()) == 5
    assert some.pressure.shed == 5


def test_without_a_limit_of_memory_it_is_never_read(readers):
    some = readers(queued=HEAD)
    some.reactor.world.resident_bytes = None  # would raise
    some.pressure.start()
    some.add()
    some.check()
    assert some.pressure.short is False


def test_memory_is_looked_at_from_the_start_on_and_again_and_again(readers):
    some = readers(memory=1000)
    some.resident = 1001
    some.pressure.start()
    assert some.pressure.short is True
    some.resident = 1000
    some.check()
    assert some.pressure.short is False
    some.resident = 5000
    some.check()
    some.check()
    assert some.pressure.short is True
    assert some.short == [1001, 5000]


def test_above_the_limit_of_memory_the_slowest_readers_go_until_what_they_pin_is_what_is_over(readers):
    some = readers(memory=1000)
    for count in (1, 3, 2):
        some.add(*pieces(count))
    some.resident = 1000 + HEAD
    some.pressure.start()
    some.first.turn()
    assert some.given_up() == [1]
    some.resident = 1000 + 5 * HEAD
    some.check()
    assert some.given_up() == [0, 1, 2]
    some.check()
    assert some.pressure.short is True


def test_memory_that_was_only_not_given_back_is_given_back_first(readers):
    some = readers(memory=1000)
    some.add()
    some.reactor.world.trim_memory = lambda: setattr(some, "resident", 900)
    some.resident = 5000
    some.pressure.start()
    some.first.turn()
    assert some.pressure.short is False
    assert some.given_up() == []


def test_where_memory_cannot_be_read_nothing_is_short(readers):
    some = readers(memory=1)
    some.resident = 0
    some.pressure.start()
    assert some.pressure.short is False
