"""Streams of channels: what was missed, then live, without a gap or a repeat."""

import pytest

from tests.api.fakes import FakeVisit, Office, branches, request
from wsserver.api.event_stream import Place
from wsserver.api.feeds import PAUSE_S
from wsserver.chat.authority import Grant

LONG = "x" * 50_000
"""Two fit into a slice."""


@pytest.fixture
def office():
    return Office()


def open_stream(office, since=None, channel="lobby", grant=None, method="GET"):
    visit = FakeVisit(request("/events", method))
    office.feeds.open(visit, channel, since, grant, (("X", "y"),))
    return visit


def seqs(visit):
    return [block["data"]["seq"] for block in visit.read() if "data" in block and "event" not in block]


def test_a_stream_without_a_place_begins_live(office):
    office.say("before")
    visit = open_stream(office)
    assert visit.headers == {"X": "y"}
    assert seqs(visit) == []
    office.say("after")
    [block] = visit.read()
    assert (block["id"], block["data"]["text"]) == (f"{office.epoch}:2", "after")


def test_what_was_missed_comes_first(office):
    office.say(*"abcd")
    visit = open_stream(office, Place(office.epoch, 2))
    assert seqs(visit) == [3, 4]
    office.say("e")
    assert seqs(visit) == [5]


@pytest.mark.parametrize("seq", [0, 4])
def test_all_or_nothing_may_have_been_missed(office, seq):
    office.say(*"abcd")
    visit = open_stream(office, Place(office.epoch, seq))
    assert [block.get("event") for block in visit.read() if "data" in block] == [None] * (4 - seq)


@pytest.mark.parametrize("place", [Place("other", 2), Place("", 0), Place(None, 5)])
def test_what_cannot_be_told_in_full_is_announced_and_it_goes_on_live(office, place):
    office.say(*"abcd")
    visit = open_stream(office, place._replace(epoch=office.epoch if place.epoch is None else place.epoch))
    [block] = visit.read()
    assert (block["event"], block["id"]) == ("reset", f"{office.epoch}:4")
    assert block["data"] == {"epoch": office.epoch, "seq": 4}
    office.say("e")
    assert seqs(visit) == [5]


def test_whoever_missed_too_much_is_reset():
    office = Office(recovery_limit=3)
    office.say(*"abcde")
    assert seqs(open_stream(office, Place(office.epoch, 2))) == [3, 4, 5]
    assert [block["event"] for block in open_stream(office, Place(office.epoch, 1)).read()] == ["reset"]


def test_what_the_log_has_forgotten_is_a_reset():
    office = Office(history=2)
    office.say(*"abcde")
    assert [block["event"] for block in open_stream(office, Place(office.epoch, 2)).read()] == ["reset"]
    assert seqs(open_stream(office, Place(office.epoch, 3))) == [4, 5]


def test_a_channel_without_history_can_be_read_on_only_where_nothing_was_missed():
    office = Office(history=0)
    office.say("a")
    here = open_stream(office, Place(office.epoch, 1))
    assert seqs(here) == []
    assert [block["event"] for block in open_stream(office, Place(office.epoch, 0)).read()] == ["reset"]
    office.say("b")
    assert seqs(here) == [2]


# -- slice by slice ----------------------------------------------------------------------------------------------------


def test_much_is_told_in_slices_with_pauses_between_them(office):
    office.say(*[LONG] * 7)
    visit = open_stream(office, Place(office.epoch, 0))
    told = [seqs(visit)]
    for _ in range(3):
        office.world.advance(PAUSE_S)
        told.append(seqs(visit))
    assert told == [[1, 2], [3, 4], [5, 6], [7]]


def test_what_is_said_meanwhile_comes_in_its_turn_and_once(office):
    office.say(*[LONG] * 4)
    visit = open_stream(office, Place(office.epoch, 0))
    told = seqs(visit)
    office.say("short")
    told += seqs(visit)
    office.world.advance(PAUSE_S)
    told += seqs(visit)
    office.say("short")
    office.world.advance(10 * PAUSE_S)
    office.say("live")
    assert told + seqs(visit) == [1, 2, 3, 4, 5, 6, 7]


def test_a_message_that_waits_for_the_end_of_the_turn_is_heard_once(office):
    ann = office.world.connect("ann")
    ann.say("message", channel="lobby", text="a")
    visit, other = open_stream(office), open_stream(office, Place(office.epoch, 0))
    office.world.end_turn()
    assert (seqs(visit), seqs(other)) == ([1], [1])


def test_a_message_on_its_way_into_the_log_is_heard_once(office):
    office.world.store.late = True
    office.say("a")
    visit, other = open_stream(office), open_stream(office, Place(office.epoch, 0))
    office.world.store.answer()
    assert (seqs(visit), seqs(other)) == ([1], [1])


def test_a_reader_that_does_not_read_waits_for_its_next_slice(office):
    office.say(*[LONG] * 4)
    visit = open_stream(office, Place(office.epoch, 0))
    visit.behind = True
    office.world.advance(10 * PAUSE_S)
    assert seqs(visit) == [1, 2]
    visit.behind = False
    office.world.advance(PAUSE_S)
    assert seqs(visit) == [3, 4]


def test_a_store_that_is_away_for_a_moment_is_waited_for(office):
    office.say(*[LONG] * 4)
    visit = open_stream(office, Place(office.epoch, 0))
    office.world.store.broken = True
    office.world.advance(3 * PAUSE_S)
    assert seqs(visit) == [1, 2]
    office.world.store.broken = False
    office.world.advance(PAUSE_S)
    assert seqs(visit) == [3, 4]


def test_what_is_forgotten_while_it_is_told_is_announced(office):
    office = Office(history=6)
    office.say(*[LONG] * 6)
    visit = open_stream(office, Place(office.epoch, 0))
    assert seqs(visit) == [1, 2]
    office.say(*["x"] * 6)
    office.world.advance(PAUSE_S)
    [block] = visit.read()
    assert (block["event"], block["data"]["seq"]) == ("reset", 12)
    office.say("live")
    assert seqs(visit) == [13]


def test_a_reader_that_goes_while_it_is_told_is_told_no_more(office):
    office.say(*[LONG] * 4)
    visit = open_stream(office, Place(office.epoch, 0))
    visit.vanish()
    office.world.store.broken = True  # nobody reads it
    office.world.advance(10 * PAUSE_S)
    assert office.world.surroundings.armed() == []


def test_a_gap_in_what_is_heard_is_closed_from_the_log(office):
    visit = open_stream(office)
    office.say("a")
    channel = office.world.router.channels.find("lobby")
    listener, channel.listener = channel.listener, None
    office.say("b", "c")
    channel.listener = listener
    office.say("d")
    assert seqs(visit) == [1, 2, 3, 4]
    office.say("e")
    assert seqs(visit) == [5]


def test_what_was_told_from_the_log_is_not_told_again(office):
    visit = open_stream(office)
    office.say("a")
    feed = office.world.router.channels.find("lobby").listener
    feed.hear(office.world.store.after("lobby", 0, 9))
    assert seqs(visit) == [1]


# -- readers are no members --------------------------------------------------------------------------------------------


def test_readers_are_neither_present_nor_counted(office):
    ann = office.world.connect("ann")
    open_stream(office)
    assert ann.ask("presence", channel="lobby")["count"] == 1
    assert office.call("publish", {"channel": "lobby", "text": "x"}).json["delivered"] == 1
    assert len(office.feeds) == 1


def test_readers_of_other_channels_hear_nothing(office):
    visit = open_stream(office, channel="other")
    office.say("x")
    assert seqs(visit) == []


def test_all_readers_get_the_same_bytes(office):
    visits = [open_stream(office) for _ in range(3)]
    for visit in visits:
        visit.pieces = []
        visit.write = visit.pieces.append
    office.say("x")
    assert len({id(piece) for visit in visits for piece in visit.pieces}) == 1


def test_a_channel_is_listened_to_while_it_has_readers(office):
    first, second = open_stream(office), open_stream(office)
    channel = office.world.router.channels.find("lobby")
    first.vanish()
    assert channel.listener is not None
    second.vanish()
    assert channel.listener is None
    assert len(office.feeds) == 0
    third = open_stream(office)
    office.say("x")
    assert (seqs(third), seqs(first)) == ([1], [])


def test_head_opens_no_stream(office):
    visit = open_stream(office, method="HEAD")
    assert visit.over
    assert (len(office.feeds), visit.sent) == (0, b"")


# -- beats, goodbyes, tokens -------------------------------------------------------------------------------------------


def test_a_silent_stream_tells_where_it_is(office):
    office.say("a", "b")
    visit = open_stream(office)
    visit.write(visit.on_beat())
    [block] = visit.read()
    assert block["id"] == f"{office.epoch}:2"
    office.say("c")
    visit.read()
    visit.write(visit.on_beat())
    assert visit.read()[0] == {"comment": "", "id": f"{office.epoch}:3"}


def test_a_stream_is_told_when_to_come_back(office):
    visit = open_stream(office)
    visit.on_drain(1.25)
    [block] = visit.read()
    assert (block["retry"], block["id"]) == ("1250", f"{office.epoch}:0")


def grant(office, user="ann", seconds=60):
    return Grant(user, office.world.surroundings.wall_ms() + 1000 * seconds)


def test_a_stream_ends_with_its_token(office):
    visit, lasting = open_stream(office, grant=grant(office)), open_stream(office)
    office.say("a")
    office.world.advance(60)
    office.say("b")
    assert (seqs(visit), visit.over) == ([1], True)
    assert (seqs(lasting), lasting.over) == ([1, 2], False)
    assert len(office.feeds) == 1


def test_a_silent_stream_ends_with_its_token_too(office):
    visit = open_stream(office, grant=grant(office))
    office.world.advance(60)
    assert visit.on_beat() == b""
    assert visit.over
    assert len(office.feeds) == 0


def test_a_stream_ends_with_its_token_also_while_it_is_told_what_it_missed(office):
    office.say(*[LONG] * 4)
    visit = open_stream(office, Place(office.epoch, 0), grant=grant(office, seconds=0.05))
    office.world.advance(PAUSE_S)
    assert (seqs(visit), visit.over) == ([1, 2], True)


def test_a_user_s_streams_can_be_ended(office):
    ann, bob, anybody = (open_stream(office, grant=g) for g in (grant(office), grant(office, "bob"), None))
    other = open_stream(office, channel="other", grant=grant(office))
    assert office.feeds.disconnect("ann") == 2
    assert [visit.over for visit in (ann, other, bob, anybody)] == [True, True, False, False]
    assert office.feeds.disconnect("ann") == 0


def test_a_log_that_is_another_one_resets_every_reader():
    here, there = branches()
    ann = there.world.connect("ann")
    here.world.connect("bob")
    ann.say("message", channel="lobby", text="old")
    here.world.sea.settle()
    live = open_stream(here)
    assert seqs(live) == []
    here.world.sea.store.release("lobby")
    ann.say("message", channel="lobby", text="new")
    here.world.sea.advance(3)
    epoch = here.world.sea.store.head("lobby").epoch
    [block] = live.read()
    assert (block["event"], block["id"]) == ("reset", f"{epoch}:1")
    ann.say("message", channel="lobby", text="on")
    here.world.sea.settle()
    [block] = live.read()
    assert (block["id"], block["data"]["text"]) == (f"{epoch}:2", "on")
