"""What workers append: one order for all, one append a turn, outcomes and news in that order, and honest refusals."""

import pytest

from tests.brokers.hub_rig import Rig, said, sqlite
from tests.stores.rig import FakeEngine
from wsserver.brokers.hub_company import MANY, WAIT_S
from wsserver.brokers.hub_log import APPEND_LIMIT, CLOG_S, OUR_MISTAKE
from wsserver.brokers.hub_worker import CLOG_BYTES
from wsserver.chat.log import StoreUnavailable
from wsserver.stores.memory import MemoryStore


class Watched(MemoryStore):
    """Remembers how much it was given at once, and refuses what it is told to."""

    def __init__(self, engine):
        super().__init__(engine.random_bytes, engine.monotonic)
        self.sizes = []
        self.error = None
        self.poison = None
        self.waiting = None  # a list: answer later

    def append(self, batch, done):
        self.sizes.append(len(batch))
        if self.error is not None:
            raise self.error
        if self.poison in [publication.text for publication in batch]:
            raise ValueError("poison")
        if self.waiting is not None:
            self.waiting.append((list(batch), done))
            return None
        return super().append(batch, done)

    def answer(self):
        """Answer for the oldest batch that waits."""
        (batch, done), later = self.waiting.pop(0), self.waiting
        self.waiting = None
        stored = super().append(batch, done)
        self.waiting = later
        done(stored)


@pytest.fixture
def store():
    return Watched(FakeEngine())


@pytest.fixture
def rig(store):
    rig = Rig(store)
    yield rig
    rig.close()
    assert rig.errors == []


def seqs(outcome):
    return [one.message.seq for one in outcome]


def test_sender_gets_his_message_back_with_its_number(rig):
    outcome = rig.member().say(said("a", "hello", ts=77), said("a", "again"))
    assert [(one.message.seq, one.message.user, one.message.text, one.duplicate) for one in outcome] == [
        (1, "ann", "hello", False),
        (2, "ann", "again", False),
    ]
    assert outcome[0].message.channel == "a" and outcome[0].message.ts == 77


def test_others_that_opened_the_channel_hear_it_and_nobody_else_does(rig):
    one, two, three = rig.member(), rig.member(), rig.member()
    one.open("a", "b")
    two.open("a", "b")
    three.open("b")
    one.say(said("a", "first"), said("b", "second"), said("a", "third"))
    assert two.chat.lines("a") == [(1, "first"), (2, "third")]
    assert two.chat.lines("b") == three.chat.lines("b") == [(1, "second")]
    assert three.chat.lines("a") == [] and one.chat.heard == []
    epoch = rig.store.head("a").epoch
    assert [(name, its) for _, name, its, _ in two.chat.heard] == [("a", epoch), ("b", rig.store.head("b").epoch)]


def test_what_all_workers_say_in_a_turn_is_one_append(rig, store):
    members = [rig.member() for _ in range(3)]
    outcomes = [member.begin(*[said("a", f"{member.name} {i}") for i in range(5)]) for member in members]
    rig.turn(6)
    assert store.sizes == [15]
    assert [seqs(outcome[0]) for outcome in outcomes] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]]


def test_each_worker_sees_own_and_others_messages_in_the_order_of_the_log(rig):
    members = [rig.member() for _ in range(3)]
    for member in members:
        member.open("a")
    seen = {member.name: [] for member in members}

    for number in range(20):
        for member in members:
            mine = seen[member.name]
            member.link.log.append([said("a", str(number))] * 2, lambda stored, mine=mine: mine.extend(seqs(stored)))
            member.chat.on_announced = lambda _channel, _epoch, messages, mine=mine: mine.extend(
                message.seq for message in messages
            )
        rig.turn(1)
    rig.turn(6)
    assert all(mine == list(range(1, 121)) for mine in seen.values())


def test_duplicate_is_told_with_the_first_seq_and_ts_and_announced_to_nobody(rig):
    one, two = rig.member(), rig.member()
    two.open("a")
    one.say(said("a", "once", key="k", ts=5))
    outcome = one.say(said("a", "new"), said("a", "once", key="k", ts=9))
    assert [(stored.message.seq, stored.message.ts, stored.duplicate) for stored in outcome] == [
        (2, 1, False),
        (1, 5, True),
    ]
    assert two.chat.lines("a") == [(1, "once"), (2, "new")]


def test_empty_batch_is_answered(rig):
    assert rig.member().say() == []


def test_store_that_refuses_is_told_as_it_says_it_and_recovers(rig, store):
    one, two = rig.member(), rig.member()
    two.open("a")
    store.error = StoreUnavailable("the disk is full")
    outcome = one.say(said("a", "x"))
    assert isinstance(outcome, StoreUnavailable) and str(outcome) == "the disk is full"
    store.error = None
    assert seqs(one.say(said("a", "y"))) == [1]
    assert two.chat.lines("a") == [(1, "y")]


def test_poison_costs_its_own_batch_and_no_other(rig, store):
    store.poison = "bad"
    members = [rig.member() for _ in range(4)]
    outcomes = [member.begin(said("a", "bad" if member is members[2] else "good")) for member in members]
    rig.turn(8)
    assert [str(outcome[0]) if isinstance(outcome[0], Exception) else seqs(outcome[0]) for outcome in outcomes] == [
        [1],
        [2],
        OUR_MISTAKE,
        [3],
    ]
    assert store.sizes == [4, 1, 1, 1, 1]
    assert [str(error) for error in rig.errors] == ["poison"]
    rig.errors.clear()
    assert seqs(members[0].say(said("a", "later"))) == [4]


def test_store_that_answers_later_has_one_batch_at_a_time_and_the_rest_gathers(rig, store):
    store.waiting = []
    one, two = rig.member(), rig.member()
    two.open("a")
    outcomes = [one.begin(said("a", "1"))]
    rig.turn(3)
    outcomes += [one.begin(said("a", "2")), two.begin(said("a", "3"))]
    rig.turn(3)
    assert store.sizes == [1] and [len(outcome) for outcome in outcomes] == [0, 0, 0]
    store.answer()
    rig.turn(3)
    assert store.sizes == [1, 2] and [len(outcome) for outcome in outcomes] == [1, 0, 0]
    store.answer()
    rig.turn(3)
    assert [seqs(outcome[0]) for outcome in outcomes] == [[1], [2], [3]]
    assert two.chat.lines("a") == [(1, "1"), (2, "2")]


def test_append_is_not_larger_than_its_limit_unless_a_batch_is(rig, store):
    members = [rig.member() for _ in range(3)]
    for member, size in zip(members, (APPEND_LIMIT - 1, 2, APPEND_LIMIT + 1), strict=True):
        member.begin(*[said("a", "x")] * size)
    rig.turn(10)
    assert store.sizes == [APPEND_LIMIT - 1, 2, APPEND_LIMIT + 1]


def test_worker_that_dies_with_a_batch_on_its_way_harms_nobody(rig, store):
    store.waiting = []
    one, two = rig.member(), rig.member()
    two.open("a")
    one.begin(said("a", "last words"))
    rig.turn(3)
    one.link.close_all()
    rig.turn(3)
    store.answer()
    rig.turn(3)
    assert two.chat.lines("a") == [(1, "last words")]


@pytest.fixture
def filed(tmp_path):
    rig = Rig()
    rig.store = sqlite(rig.engine, tmp_path / "chat.db", power=True)
    rig.close()
    other = Rig(rig.store)
    other.disk = rig.engine
    yield other
    other.close()
    rig.store.close()
    assert other.errors == []


def test_with_power_an_outcome_comes_when_the_disk_has_it(filed):
    one, two = filed.member(), filed.member()
    two.open("a")
    outcome = one.begin(said("a", "x"))
    filed.turn(4)
    assert outcome == [] and two.chat.lines("a") == []
    filed.disk.work_all()
    filed.turn(4)
    assert seqs(outcome[0]) == [1] and two.chat.lines("a") == [(1, "x")]


def test_channels_without_history_do_not_wait_for_the_disk_of_others(filed):
    one, two = filed.member(), filed.member()
    two.open("a", "passing")
    slow, quick = one.begin(said("a", "x")), one.begin(said("passing", "y"), log=one.link.log.passing)
    filed.turn(4)
    assert slow == [] and seqs(quick[0]) == [1]
    filed.disk.work_all()
    filed.turn(4)
    assert seqs(slow[0]) == [1]


def test_batch_of_several_parts_is_answered_for_when_all_have_answered(filed):
    one = filed.member()
    outcome = one.begin(
        said("passing", "1"), said("a", "2"), said("passing", "3", key="k"), said("passing", "3", key="k")
    )
    filed.turn(4)
    assert outcome == []
    filed.disk.work_all()
    filed.turn(4)
    assert [(stored.message.channel, stored.message.seq, stored.duplicate) for stored in outcome[0]] == [
        ("passing", 1, False),
        ("a", 1, False),
        ("passing", 2, False),
        ("passing", 2, True),
    ]


def test_batch_of_several_parts_one_of_which_fails_is_refused(filed):
    filed.store.part_of("a").trouble = "the disk is full"
    one = filed.member()
    assert str(one.say(said("passing", "1"), said("a", "2"))) == "the disk is full"
    assert str(one.say(said("a", "2"), said("passing", "1"))) == "the disk is full"
    assert seqs(one.say(said("passing", "3"), log=one.link.log.passing)) == [3]


def test_everybody_waits_a_moment_for_a_worker_that_is_far_behind_and_then_goes_on_without_it(rig, store):
    one, slow = rig.member(), rig.member()
    slow.open("a")
    slow.link._transport.hold()  # it is stopped
    text = "x" * (1 << 20)
    for _ in range(2 * CLOG_BYTES // len(text)):
        one.begin(said("a", text))
        rig.turn(12)
    outcome = one.begin(said("b", "urgent"))
    rig.turn(3)
    stored = sum(store.sizes)
    assert outcome == [] and CLOG_BYTES // len(text) <= stored <= CLOG_BYTES // len(text) + 2
    rig.jump(CLOG_S + 0.1)
    rig.turn(4)
    assert seqs(outcome[0]) == [1]
    assert [node for node, _ in rig.cuts] == [slow.name]


def test_nobody_waits_for_a_worker_that_is_far_behind_and_has_died(rig, store):
    one, slow = rig.member(), rig.member()
    slow.open("a")
    slow.link._transport.hold()
    for _ in range(2 * CLOG_BYTES >> 20):
        one.begin(said("a", "x" * (1 << 20)))
        rig.turn(12)
    outcome = one.begin(said("b", "urgent"))
    rig.turn(3)
    assert outcome == []
    slow.sock.shutdown(2)
    rig.turn(60)
    assert seqs(outcome[0]) == [1]


def test_one_turn_has_one_append_however_much_waits(rig, store):
    members = [rig.member() for _ in range(4)]
    outcomes = [member.begin(*[said("a", "x")] * APPEND_LIMIT) for member in members]
    turns = []
    append = store.append
    store.append = lambda *rest: turns.append(rig.reactor.turns) or append(*rest)
    rig.turn(20)
    assert len(set(turns)) == len(turns) == 4 and all(outcomes)


def test_worker_that_catches_up_in_time_stays(rig, store):
    one, slow = rig.member(), rig.member()
    slow.open("a")
    slow.link._transport.hold()
    text = "x" * (1 << 20)
    outcomes = []
    for _ in range(2 * CLOG_BYTES // len(text)):
        outcomes.append(one.begin(said("a", text)))
        rig.turn(2)
    assert outcomes[-1] == []
    slow.link._transport.release()
    rig.turn(2000)
    assert seqs(outcomes[-1][0]) == [len(outcomes)] and rig.cuts == []
    assert [seq for seq, _ in slow.chat.lines("a")] == list(range(1, len(outcomes) + 1))
    rig.jump(CLOG_S + 0.1)
    assert rig.cuts == []


# -- company ----------------------------------------------------------------------------------------------------------


def many(text):
    return [said("lobby", f"{text} {number}") for number in range(MANY)]


@pytest.fixture
def gathering(store):
    """Two busy workers who were there together, and the store of a hub that lets one wait for the other."""
    rig = Rig(store, patient=True)
    members = [rig.member(), rig.member()]
    for member in members:
        member.begin(*many("before"))
    rig.turn(6)
    assert store.sizes == [2 * MANY]
    store.sizes.clear()
    yield rig, *members
    rig.close()
    assert rig.errors == []


def test_workers_who_are_busy_together_are_appended_for_together(gathering, store):
    rig, ann, bob = gathering
    first = ann.begin(*many("a"))
    rig.turn(6)
    assert (first, store.sizes) == ([], [])
    second = bob.begin(*many("b"))
    rig.turn(6)
    assert store.sizes == [2 * MANY]
    assert [seqs(outcome[0])[0] for outcome in (first, second)] == [2 * MANY + 1, 3 * MANY + 1]


def test_a_worker_that_does_not_come_is_not_waited_for_any_longer_than_said(gathering, store):
    rig, ann, _ = gathering
    outcome = ann.begin(*many("a"))
    rig.turn(6)
    assert store.sizes == []
    rig.jump(1.1 * WAIT_S)
    rig.turn(6)
    assert len(seqs(outcome[0])) == MANY
    assert len(ann.say(*many("at once"))) == MANY


def test_a_worker_that_ends_is_not_waited_for(gathering, store):
    rig, ann, bob = gathering
    outcome = ann.begin(*many("a"))
    rig.turn(6)
    bob.link.close_all()
    rig.turn(6)
    assert len(seqs(outcome[0])) == MANY
