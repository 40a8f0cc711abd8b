"""Announcements as the members of a channel hear them."""

from tests.chat.fakes import World


def test_who_comes_and_goes_is_told_to_the_members_in_one_announcement() -> None:
    world = World()
    ann = world.connect("ann")
    bob = world.connect("bob")
    world.advance(1)
    assert ann.hear() == [{"type": "presence", "channel": "lobby", "joined": ["bob"], "left": [], "count": 2}]
    world.connect("cid")
    bob.say("leave", channel="lobby")
    world.advance(1)
    assert ann.hear() == [{"type": "presence", "channel": "lobby", "joined": ["cid"], "left": ["bob"], "count": 2}]
    assert [event["type"] for event in bob.hear()] == ["presence", "left"]


def test_a_quarter_of_a_second_is_waited_for_company() -> None:
    world = World()
    ann = world.connect("ann")
    world.connect("bob")
    world.advance(0.2)
    assert ann.hear() == []
    world.connect("cid")
    world.advance(0.05)
    assert [event["joined"] for event in ann.hear()] == [["bob", "cid"]]


def test_a_lost_client_is_announced_after_the_grace() -> None:
    world = World(leave_grace_s=5.0)
    ann, bob = world.connect("ann"), world.connect("bob")
    world.advance(1)
    ann.hear()
    bob.gone(1001)
    world.advance(4.9)
    assert ann.hear() == []
    assert ann.ask("presence", channel="lobby")["count"] == 2
    world.advance(0.5)
    assert [(event["left"], event["count"]) for event in ann.hear()] == [(["bob"], 1)]


def test_a_close_with_1000_is_a_clean_leave() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    world.advance(1)
    ann.hear()
    bob.gone(1000)
    assert ann.ask("presence", channel="lobby")["count"] == 1
    world.advance(0.25)
    assert [event["left"] for event in ann.hear()] == [["bob"]]


def test_who_is_back_within_the_grace_is_not_announced() -> None:
    world = World(leave_grace_s=5.0)
    ann, bob = world.connect("ann"), world.connect("bob")
    world.advance(1)
    ann.hear()
    bob.gone()
    world.advance(4)
    world.connect("bob")
    world.advance(60)
    assert ann.hear() == []


def test_long_lists_of_names_are_cut_and_the_rest_is_counted() -> None:
    world = World(names=2)
    ann = world.connect("ann")
    for number in range(5):
        world.connect(f"user {number}")
    world.advance(1)
    (event,) = ann.hear()
    assert (event["joined"], event["more"], event["count"]) == (["user 0", "user 1"], 3, 6)


def test_a_channel_in_which_nothing_is_due_has_no_timer() -> None:
    world = World()
    world.connect("ann")
    assert world.surroundings.armed() == []
    world.connect("bob")
    assert len(world.surroundings.armed()) == 1
    world.advance(1)
    assert world.surroundings.armed() == []


def test_an_announcement_that_falls_due_before_a_grace_ends_is_not_late() -> None:
    world = World(leave_grace_s=5.0)
    ann, bob = world.connect("ann"), world.connect("bob")
    world.advance(1)
    ann.hear()
    bob.gone()
    world.connect("cid")
    assert len(world.surroundings.armed()) == 1
    world.advance(0.25)
    assert [event["joined"] for event in ann.hear()] == [["cid"]]
    world.advance(6)
    assert [event["left"] for event in ann.hear()] == [["bob"]]
