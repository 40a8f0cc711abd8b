"""Where the workers meet: channels, presence, binary messages, and how workers and hub end."""

import subprocess
import sys

import pytest

from tests.brokers.hub_rig import Chat, Rig, said, sqlite
from tests.reactor.fakes import turn
from wsserver.brokers.hub import LOOK_S, NO_STORE, Hub
from wsserver.brokers.hub_link import HubLink
from wsserver.chat.broker import Move
from wsserver.chat.vocabulary import MessageEvent


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()
    assert rig.errors == []


def test_open_is_done_behind_the_roster_and_what_happens_then_is_heard(rig):
    one, two = rig.member(), rig.member()
    one.link.presence("a", "ann", Move.ENTER)
    rig.turn(3)
    two.link.open("a", lambda error: two.chat.heard.append(("done", error)))
    rig.turn(4)
    one.link.presence("a", "bob", Move.ENTER)
    one.link.relay("a", b"\0\xff")
    one.link.announce("a", "e", [MessageEvent("a", 1, "ann", "x", 5)])
    one.link.presence("a", "ann", Move.LOSE)
    rig.turn(4)
    assert two.chat.take() == [
        ("roster", "a", {one.name: ["ann"]}),
        ("done", None),
        ("presence", one.name, "a", "bob", Move.ENTER),
        ("relayed", "a", b"\0\xff"),
        ("announced", "a", "e", [MessageEvent("a", 1, "ann", "x", 5)]),
        ("presence", one.name, "a", "ann", Move.LOSE),
    ]
    assert one.chat.heard == []


def test_what_happens_in_a_channel_that_is_not_open_or_not_any_more_is_not_heard(rig):
    one, two = rig.member(), rig.member()
    two.open("a")
    two.link.close("a")
    rig.turn(3)
    one.link.relay("a", b"x")
    one.link.presence("a", "bob", Move.ENTER)
    one.say(said("a", "x"))
    assert two.chat.heard == []


def test_channel_that_was_closed_and_opened_again_has_the_same_number_and_roster(rig):
    one, two = rig.member(), rig.member()
    one.link.presence("a", "ann", Move.ENTER)
    two.open("a", "b")
    number = two.link.number_of("a")
    two.link.close("a")
    assert two.link.number_of("a") is None
    two.link.open("a", lambda error: None)
    rig.turn(4)
    assert two.chat.take() == [("roster", "a", {one.name: ["ann"]})]
    assert two.link.number_of("a") == number


def test_channel_has_one_number_for_all_workers(rig):
    one, two = rig.member(), rig.member()
    one.open("a", "b", "c")
    two.open("c", "b", "a", "d")
    numbers = {name: two.link.number_of(name) for name in "abcd"}
    assert len(set(numbers.values())) == 4
    assert all(one.link.number_of(name) == numbers[name] for name in "abc")


def test_users_of_a_worker_that_dies_are_lost_and_forgotten(rig):
    one, two, three = rig.member(), rig.member(), rig.member()
    two.open("a")
    one.link.presence("a", "ann", Move.ENTER)
    rig.turn(3)
    two.chat.take()
    one.sock.shutdown(2)
    rig.turn(4)
    assert two.chat.take() == three.chat.take() == [("node_gone", one.name)]
    three.link.open("a", lambda error: None)
    rig.turn(4)
    assert three.chat.take() == [("roster", "a", {})]
    assert [node for node, _ in rig.cuts] == [one.name] and one.lost == 1


def test_whoever_admitted_a_worker_hears_that_it_was_cut_off_and_nothing_of_a_goodbye(rig):
    heard = []
    sockets = [rig.reactor.world.socket_pair() for _ in range(2)]
    links = []
    for number, (ours, theirs) in enumerate(sockets):
        rig.hub.admit(ours, lambda number=number: heard.append(number))
        links.append(HubLink(rig.reactor, theirs, f"n{number}", lambda: None))
        links[-1].attach(Chat())
    rig.turn(3)
    links[0].close_all()
    sockets[1][1].shutdown(2)
    rig.turn(6)
    assert heard == [1]


TALKATIVE = """
import sys
from tests.brokers.hub_rig import Chat, said
from wsserver.brokers.hub_link import HubLink
from wsserver.reactor.loop import Reactor
from wsserver.reactor.world import World

def say(_outcome=None):
    link.log.append([said("a", "x")] * 7, say)

world = World()
reactor = Reactor(world, world.open_poller("epoll"), lambda error: sys.exit(2))
link = HubLink(reactor, world.adopt(int(sys.argv[1])), "talkative", reactor.stop)
link.attach(Chat())
link.presence("a", "ann", 0)
say()
reactor.run()
"""


def test_worker_that_is_killed_in_the_middle_of_it_leaves_whole_batches_and_lost_users(tmp_path):
    rig = Rig()
    rig.store = sqlite(rig.engine, tmp_path / "chat.db")
    rig.hub = Hub(rig.reactor, rig.store, lambda node, why: rig.cuts.append(node))
    other = rig.member()
    other.open("a")
    ours, theirs = rig.reactor.world.socket_pair()
    rig.hub.admit(ours)
    process = subprocess.Popen([sys.executable, "-c", TALKATIVE, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    theirs.close()
    while len(other.chat.lines("a")) < 700:
        rig.reactor.run_once()  # it sleeps until somebody says something
    process.kill()
    process.wait()
    while not rig.cuts:
        rig.reactor.run_once()
    rig.turn(4)
    seqs = [seq for seq, _ in other.chat.lines("a")]
    assert seqs == list(range(1, rig.store.head("a").seq + 1)) and len(seqs) % 7 == 0
    assert rig.cuts == ["talkative"]
    assert [one for one in other.chat.heard if one[0] != "announced"] == [
        ("presence", "talkative", "a", "ann", Move.ENTER),
        ("node_gone", "talkative"),
    ]
    assert other.say(said("a", "y"))[0].message.seq == len(seqs) + 1
    rig.close()
    rig.store.close()
    assert rig.errors == []


def test_users_of_a_worker_that_says_goodbye_have_left(rig):
    one, two = rig.member(), rig.member()
    two.open("a")
    one.link.presence("a", "ann", Move.ENTER)
    one.link.presence("b", "bob", Move.ENTER)
    rig.turn(3)
    two.chat.take()
    one.link.close_all()
    rig.turn(6)
    assert two.chat.take() == [("presence", one.name, "a", "ann", Move.LEAVE)]
    assert rig.cuts == [] and one.lost == 0 and len(rig.hub) == 1


def test_batch_that_was_said_before_goodbye_is_stored(rig):
    one = rig.member()
    one.begin(said("a", "last words"))
    one.link.close_all()
    rig.turn(6)
    assert rig.store.head("a").seq == 1


def test_successor_of_a_worker_is_another_one(rig):
    one, two = rig.member(), rig.member()
    two.open("a")
    one.sock.shutdown(2)
    rig.turn(4)
    three = rig.member()
    three.open("a")
    three.link.presence("a", "ann", Move.ENTER)
    rig.turn(3)
    assert two.chat.take("presence") == [("presence", three.name, "a", "ann", Move.ENTER)]


def test_workers_hear_that_the_store_is_in_trouble_and_that_it_is_well_again(rig):
    one = rig.member()
    rig.store.trouble = "the disk is full"
    rig.hub.tell_trouble()
    rig.turn(3)
    two = rig.member()
    assert one.link.log.trouble == two.link.log.trouble == "the disk is full"
    assert one.link.trouble is None and one.link.log.passing.trouble is None
    rig.store.trouble = None
    rig.jump(LOOK_S + 0.01)
    rig.turn(2)
    assert one.link.log.trouble is None and two.link.log.trouble is None
    timers = rig.reactor.timers
    assert timers.next_due() is None  # a store that is well is not looked at


def test_hub_that_closes_ends_all_workers(rig):
    members = [rig.member() for _ in range(3)]
    rig.hub.close()
    rig.turn(4)
    assert [member.lost for member in members] == [1, 1, 1] and len(rig.hub) == 0


def test_hub_without_a_store_carries_words_and_refuses_the_rest(rig):
    bare = Rig()
    bare.hub = Hub(bare.reactor, None)
    one, two = bare.member(), bare.member()
    two.open("a")
    one.link.announce("a", "e", [MessageEvent("a", 1, "ann", "x", 5)])
    turn(bare.reactor, 4)
    assert two.chat.lines("a") == [(1, "x")]
    assert str(one.say(said("a", "x"))) == str(one.glance("a")) == NO_STORE
    bare.close()


def test_worker_that_we_fail_to_serve_is_cut_off_and_nobody_else(rig):
    one, two = rig.member(), rig.member()

    def fail(_channel):
        raise RuntimeError("our mistake")

    rig.store.part_of = fail
    one.link.open("a", lambda error: None)
    rig.turn(4)
    assert one.lost == 1 and two.lost == 0 and len(rig.hub) == 1
    assert [str(error) for error in rig.errors] == ["our mistake"]
    rig.errors.clear()
