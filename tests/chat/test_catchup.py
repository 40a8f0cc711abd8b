"""A member that missed more than one message can carry."""

from collections.abc import Callable
from typing import Any

from tests.chat.fakes import Client, World, ignore
from wsserver.chat.catchup import PAUSE_S
from wsserver.chat.log import Log, NotYet
from wsserver.chat.vocabulary import MessageEvent
from wsserver.websocket.codes import BINARY

BIG = "x" * 40_000
"""Three of them fill a slice."""


def world_with(count: int, history: int = 10_000) -> tuple[World, str]:
    world = World(history=history)
    epoch = world.connect("ann").join("lobby")["epoch"]
    for _ in range(count):
        world.router.posting.post("lobby", "server", BIG, None, ignore)
    return world, epoch


def back(world: World, epoch: str) -> Client:
    bob = world.connect()
    bob.say("join", channel="lobby", user="bob", since=0, epoch=epoch)
    return bob


def seqs(client: Client) -> list[int]:
    return [event["seq"] for event in client.hear_type("message")]


def test_what_joined_has_no_room_for_follows_in_slices() -> None:
    world, epoch = world_with(8)
    bob = back(world, epoch)
    (joined,) = bob.hear()
    assert (joined["recovered"], joined["seq"]) == (True, 8)
    assert [message["seq"] for message in joined["messages"]] == [1, 2, 3]
    world.advance(PAUSE_S)
    assert seqs(bob) == [4, 5, 6]
    world.advance(PAUSE_S)
    assert seqs(bob) == [7, 8]
    world.advance(10)
    assert seqs(bob) == []


def test_what_is_said_meanwhile_comes_in_its_order_once() -> None:
    world, epoch = world_with(8)
    bob = back(world, epoch)
    bob.hear()
    for _ in range(2):
        world.router.posting.post("lobby", "server", "live", None, ignore)
    assert seqs(bob) == []
    world.advance(PAUSE_S)
    assert seqs(bob) == [4, 5, 6]
    world.router.posting.post("lobby", "server", "live", None, ignore)
    world.advance(PAUSE_S)
    assert seqs(bob) == [7, 8, 9, 10, 11]
    world.router.posting.post("lobby", "server", "live", None, ignore)
    assert seqs(bob) == [12]


def test_a_message_that_waits_while_the_last_slice_is_sent_is_not_lost() -> None:
    world, epoch = world_with(5)
    bob, ann = back(world, epoch), world.connect("ann")
    bob.hear()
    ann.say("message", channel="lobby", text="in the same turn")
    world.advance(PAUSE_S)
    world.end_turn()
    assert seqs(bob) == [4, 5, 6]


def test_who_catches_up_is_a_member_already() -> None:
    world, epoch = world_with(8)
    bob = back(world, epoch)
    assert bob.ask("presence", channel="lobby")["users"] == ["ann", "bob"]
    ack = bob.ask("message", channel="lobby", text="hello", id=1)
    assert (ack["type"], ack["seq"]) == ("ack", 9)
    bob.raw((1).to_bytes(4, "big"), BINARY)
    assert bob.hear_binary() == [(1).to_bytes(4, "big")]
    world.advance(5)
    assert seqs(bob) == [4, 5, 6, 7, 8, 9]


def test_who_catches_up_hears_announcements() -> None:
    world, epoch = world_with(30)
    bob = back(world, epoch)
    world.connect("cid")
    world.advance(0.3)
    assert [event["joined"] for event in bob.hear_type("presence")] == [["bob", "cid"]]


def test_who_leaves_or_is_lost_is_sent_nothing_more() -> None:
    world, epoch = world_with(8)
    bob, eve = back(world, epoch), back(world, epoch)
    bob.ask("leave", channel="lobby")
    eve.gone()
    bob.hear()
    eve.hear()
    world.advance(PAUSE_S * 5)
    assert bob.hear() == eve.hear() == []


def test_joining_again_begins_afresh() -> None:
    world, epoch = world_with(8)
    bob = back(world, epoch)
    bob.hear()
    again = bob.join("lobby", since=7, epoch=epoch)
    assert [message["seq"] for message in again["messages"]] == [8]
    world.router.posting.post("lobby", "server", "live", None, ignore)
    world.advance(1)
    assert seqs(bob) == [9]


def test_who_is_overtaken_by_the_log_is_told_to_reconnect_and_never_skips_in_silence() -> None:
    world, epoch = world_with(8, history=8)
    bob = back(world, epoch)
    bob.hear()
    for _ in range(8):
        world.router.posting.post("lobby", "server", "live", None, ignore)
    world.advance(1)
    assert seqs(bob) == []
    assert bob.peer.closed is not None
    assert bob.peer.closed[0] == 4008
    bob.gone(4008)
    world.advance(10)


def test_a_store_that_cannot_be_read_is_tried_again() -> None:
    world, epoch = world_with(5)
    bob = back(world, epoch)
    bob.hear()
    world.store.broken = True
    world.advance(PAUSE_S * 3)
    assert seqs(bob) == []
    world.store.broken = False
    world.advance(PAUSE_S)
    assert seqs(bob) == [4, 5]


def test_a_message_that_somebody_cut_out_of_the_log_is_not_passed_over_in_silence() -> None:
    world, epoch = world_with(8)
    bob = back(world, epoch)
    bob.hear()
    after = world.store.after
    world.store.after = lambda *query: [one for one in after(*query) if one.seq != 5]  # type: ignore[method-assign]
    world.advance(1)
    assert 5 not in (heard := seqs(bob))
    assert heard in ([], [4])
    assert bob.peer.closed is not None
    assert bob.peer.closed[0] == 4008


class Elsewhere:
    """A log whose slices lie elsewhere: each is asked for once before it is there."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.asked: list[Callable[[], None]] = []
        self.there = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def after(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        if not self.there:
            raise NotYet(self.asked.append)
        self.there = False
        return self._log.after(channel, seq, limit)

    def arrive(self) -> None:
        self.there = True
        self.asked.pop()()


def reading() -> tuple[World, Client, Elsewhere]:
    """Somebody who has been sent three of eight, and waits for the next slice."""
    world, epoch = world_with(8)
    bob = back(world, epoch)
    bob.hear()
    elsewhere = Elsewhere(world.store)
    (catch_up,) = world.router.channels.open("lobby").catching_up.values()
    catch_up._log = elsewhere
    world.advance(PAUSE_S)
    return world, bob, elsewhere


def test_what_lies_elsewhere_is_sent_as_soon_as_it_has_come() -> None:
    world, bob, elsewhere = reading()
    assert (seqs(bob), len(elsewhere.asked)) == ([], 1)
    elsewhere.arrive()
    world.advance(0.0)
    assert seqs(bob) == [4, 5, 6]


def test_who_has_gone_before_it_came_is_sent_nothing() -> None:
    world, bob, elsewhere = reading()
    bob.say("leave", channel="lobby")
    bob.hear()
    elsewhere.arrive()
    world.advance(1.0)
    assert (bob.hear(), elsewhere.asked) == ([], [])
