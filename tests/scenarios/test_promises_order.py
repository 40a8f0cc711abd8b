"""What docs/protocol.md promises of order, of the log, and of coming back."""

import itertools

import pytest

from tests.scenarios.languages import UNHURRIED, hears_no_more, in_both_languages, say_all, seqs

FLAGS = UNHURRIED
pytestmark = in_both_languages

# -- order: 1, 2, 3 ... for everybody, each once -----------------------------------------------------------------------


def test_two_clients_of_one_user_get_each_message_once_each(server, connect, room):
    first, second = connect(server, "ann", room), connect(server, "ann", room)
    say_all(first, room, map(str, range(20)))
    for talker in (first, second):
        assert seqs(talker.hear("message") for _ in range(20)) == list(range(1, 21))
        assert hears_no_more(talker)


def test_joining_again_answers_afresh_and_doubles_nothing(server, connect, room):
    ann = connect(server, "ann", room)
    say_all(ann, room, ["one"])
    again = ann.join(room)
    assert (again["seq"], again["count"], seqs(again["messages"])) == (1, 1, [1])
    say_all(ann, room, ["two"])
    assert seqs(ann.hear("message") for _ in range(2)) == [1, 2]
    assert hears_no_more(ann)


def test_numbers_are_counted_by_the_channel_and_not_by_the_server(server, connect, room):
    ann = connect(server, "ann", room)
    ann.join(room + "-b")
    assert [say_all(ann, room + end, ["x"])["seq"] for end in ("", "-b", "", "-b")] == [1, 1, 2, 2]


def test_history_and_the_live_stream_meet_without_gap_or_repeat(server, connect, room):
    ann, late = connect(server, "ann", room), connect(server)
    for number in range(120):
        ann.say("message", channel=room, text=str(number))
        if number == 60:
            joined = late.join(room, "late", history=300)
    heard = seqs(joined["messages"])
    assert heard == list(range(1, joined["seq"] + 1))
    while len(heard) < 120:
        heard.append(late.hear("message")["seq"])
    assert heard == list(range(1, 121))


def test_what_one_has_heard_the_next_one_can_read(server, connect, room):
    ann, bob = connect(server, "ann", room), connect(server, "bob", room)
    for number in range(1, 11):
        ann.say("message", channel=room, text="x")
        assert bob.hear("message")["seq"] == number
        assert seqs(bob.ask("history", channel=room, limit=1)["messages"]) == [number]


def test_who_leaves_hears_what_was_said_before_and_nothing_after(server, connect, room):
    ann, bob = connect(server, "ann", room), connect(server, "bob", room)
    ann.say("message", channel=room, text="before")
    left = ann.ask("leave", channel=room)
    assert (left["type"], left["channel"]) == ("left", room)
    assert ann.hear("message")["text"] == "before"
    say_all(bob, room, ["after"])
    assert hears_no_more(ann)


# -- recovery: all that was missed, or the newest page and the word that it is not all ---------------------------------


def test_exactly_the_limit_is_recovered_and_one_more_is_not(server, connect, room):
    ann, bob = connect(server, "ann", room), connect(server, "bob")
    epoch = ann.join(room)["epoch"]
    say_all(ann, room, (str(number) for number in range(1001)))
    joined = bob.join(room, "bob", since=1, epoch=epoch)
    heard = seqs(joined["messages"])
    while len(heard) < 1000:
        heard.append(bob.hear("message")["seq"])
    assert (joined["recovered"], joined["seq"], heard) == (True, 1001, list(range(2, 1002)))
    assert hears_no_more(bob)
    joined = bob.join(room, since=0, epoch=epoch)
    assert (joined["recovered"], seqs(joined["messages"])) == (False, list(range(952, 1002)))
    assert hears_no_more(bob)


def test_what_is_recovered_in_slices_and_what_is_said_meanwhile_are_one_stream(server, connect, room):
    ann, bob = connect(server, "ann", room), connect(server, "bob")
    epoch = ann.join(room)["epoch"]
    say_all(ann, room, ["x" * 2000] * 400)
    joined = bob.join(room, "bob", since=0, epoch=epoch)
    assert 0 < len(joined["messages"]) < 400
    say_all(ann, room, ["y"] * 100)
    heard = seqs(joined["messages"])
    while len(heard) < 500:
        heard.append(bob.hear("message")["seq"])
    assert (joined["recovered"], heard) == (True, list(range(1, 501)))
    assert hears_no_more(bob)


@pytest.mark.parametrize(
    ("since", "recovered", "missed"),
    [(0, True, [1, 2, 3]), (2, True, [3]), (3, True, []), (4, False, [2, 3]), (-1, False, [2, 3])],
)
def test_a_place_that_the_channel_had_is_recovered_from_and_no_other(server, connect, room, since, recovered, missed):
    ann = connect(server, "ann", room)
    epoch = ann.join(room)["epoch"]
    say_all(ann, room, "abc")
    joined = connect(server).join(room, "bob", since=since, epoch=epoch, history=2)
    assert (joined["recovered"], seqs(joined["messages"])) == (recovered, missed)


def test_nothing_is_recovered_from_another_epoch_or_none_and_nothing_is_said_where_nothing_was_asked(
    server, connect, room
):
    ann = connect(server, "ann", room)
    say_all(ann, room, "ab")
    assert "recovered" not in ann.join(room)
    assert ann.join(room, since=1, epoch="another")["recovered"] is False
    assert ann.join(room, since=1)["recovered"] is False
    epoch = ann.join(room)["epoch"]
    assert epoch
    assert ":" not in epoch


def test_what_the_channel_keeps_no_longer_is_not_recovered(start, connect):
    server = start(*UNHURRIED, "--set", "chat.history=5")
    ann, bob = connect(server, "ann", "lobby"), connect(server)
    epoch = ann.join("lobby")["epoch"]
    say_all(ann, "lobby", "abcdefgh")
    joined = bob.join("lobby", "bob", since=2, epoch=epoch)
    assert (joined["recovered"], seqs(joined["messages"])) == (False, [4, 5, 6, 7, 8])
    joined = bob.join("lobby", since=3, epoch=epoch)
    assert (joined["recovered"], seqs(joined["messages"])) == (True, [4, 5, 6, 7, 8])
    page = bob.ask("history", channel="lobby", before=4)
    assert (page["messages"], page["more"]) == ([], False)


def test_how_much_is_recovered_is_a_setting(start, connect):
    server = start(*UNHURRIED, "--set", "chat.recovery_limit=2")
    ann = connect(server, "ann", "lobby")
    epoch = ann.join("lobby")["epoch"]
    say_all(ann, "lobby", "abc")
    assert [ann.join("lobby", since=since, epoch=epoch)["recovered"] for since in (0, 1)] == [False, True]


# -- pages of history --------------------------------------------------------------------------------------------------


def test_a_page_has_fifty_messages_or_as_many_as_asked_for_up_to_300(server, connect, room):
    ann = connect(server, "ann", room)
    say_all(ann, room, ["x"] * 310)
    for fields, expected in (({}, 50), ({"limit": 7}, 7), ({"limit": 301}, 300), ({"limit": 10**6}, 300)):
        page = ann.ask("history", channel=room, **fields)
        assert seqs(page["messages"]) == list(range(311 - expected, 311))
        assert page["more"] is True
    assert ann.ask("history", channel=room, limit=0)["messages"] == []
    assert seqs(ann.ask("history", channel=room, after=0, limit=300)["messages"]) == list(range(1, 301))
    assert seqs(ann.join(room)["messages"]) == list(range(261, 311))
    assert seqs(ann.join(room, history=301)["messages"]) == list(range(11, 311))
    assert ann.join(room, history=0)["messages"] == []


def test_pages_in_either_direction_add_up_to_the_whole(server, connect, room):
    ann = connect(server, "ann", room)
    say_all(ann, room, ["x"] * 23)
    for field, place in (("before", 24), ("after", 0)):
        read = []
        for _ in range(10):
            page = ann.ask("history", channel=room, limit=5, **{field: place})
            numbers = seqs(page["messages"])
            assert numbers == sorted(numbers)
            read.extend(numbers)
            place = numbers[0] if field == "before" else numbers[-1]
            if not page["more"]:
                break
        assert sorted(read) == list(range(1, 24))


def test_a_page_cannot_go_both_ways(server, connect, room):
    error = connect(server, "ann", room).ask("history", channel=room, before=3, after=1)
    assert (error["type"], error["code"]) == ("error", "bad_message")
    assert "before" in error["message"]


def test_a_page_of_history_has_the_very_messages_that_were_heard(server, connect, room):
    ann = connect(server, "ann", room)
    say_all(ann, room, ["one", "zwei é 😀"])
    heard = [ann.hear("message") for _ in range(2)]
    assert ann.ask("history", channel=room)["messages"] == heard
    assert connect(server).join(room, "bob")["messages"] == heard


# -- channels without history ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["chat.history=0", "channels.lob*.history=0"])
def test_a_channel_without_history_has_numbers_and_nothing_to_read(start, connect, setting):
    server = start(*UNHURRIED, "--set", setting)
    ann, bob = connect(server, "ann", "lobby"), connect(server, "bob", "lobby")
    epoch = bob.join("lobby")["epoch"]
    assert say_all(ann, "lobby", "ab")["seq"] == 2
    assert seqs(bob.hear("message") for _ in range(2)) == [1, 2]
    assert bob.ask("history", channel="lobby")["messages"] == []
    joined = bob.join("lobby", since=2, epoch=epoch)
    assert (joined["recovered"], joined["seq"], joined["messages"]) == (True, 2, [])
    joined = bob.join("lobby", since=1, epoch=epoch)
    assert (joined["recovered"], joined["seq"], joined["messages"]) == (False, 2, [])


def test_before_anything_was_said_nothing_was_missed(server, connect, room):
    epoch = connect(server, "ann", room).join(room)["epoch"]
    joined = connect(server).join(room, "bob", since=0, epoch=epoch)
    assert (joined["recovered"], joined["seq"], joined["messages"]) == (True, 0, [])


def test_keys_work_without_history_too(start, connect):
    server = start(*UNHURRIED, "--set", "chat.history=0")
    ann = connect(server, "ann", "lobby")
    acks = [ann.ask("message", channel="lobby", text="x", key="k") for _ in range(2)]
    assert [(ack["seq"], ack["duplicate"]) for ack in acks] == [(1, False), (1, True)]


# -- restarts ----------------------------------------------------------------------------------------------------------


def test_a_store_in_memory_has_a_new_epoch_after_a_restart(start, connect):
    joined = [connect(start(*UNHURRIED), "ann", "lobby").join("lobby") for _ in range(2)]
    assert joined[0]["epoch"] != joined[1]["epoch"]


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_a_store_in_a_file_goes_on_after_a_restart_where_it_was(start, connect, tmp_path, end):
    flags = ("--store", f"sqlite:{tmp_path / 'chat.db'}", *UNHURRIED, "--set", "channels.fleeting.history=0")
    server = start(*flags, "--set", "server.drain=0s", "--set", "websocket.close_timeout=100ms")
    ann = connect(server, "ann", "lobby")
    epoch, fleeting = ann.join("lobby")["epoch"], ann.join("fleeting")["epoch"]
    first = [ann.ask("message", channel="lobby", text=text, key=text) for text in "abc"]
    server.end(end)
    server = start(*flags)
    ann = connect(server)
    joined = ann.join("lobby", "ann", since=1, epoch=epoch)
    assert (joined["recovered"], joined["epoch"], seqs(joined["messages"])) == (True, epoch, [2, 3])
    again = ann.ask("message", channel="lobby", text="b", key="b")
    assert (again["seq"], again["ts"], again["duplicate"]) == (2, first[1]["ts"], True)
    assert say_all(ann, "lobby", "d")["seq"] == 4
    assert ann.join("fleeting")["epoch"] != fleeting


def test_whatever_was_acked_when_the_server_was_killed_is_there_once(start, connect, tmp_path):
    flags = ("--store", f"sqlite:{tmp_path / 'chat.db'}", *UNHURRIED)
    texts = (str(number) for number in itertools.count())
    acked = []
    for _ in range(3):
        server = start(*flags)
        ann = connect(server, "ann", "lobby")
        for text in itertools.islice(texts, 40):
            ann.say("message", channel="lobby", text=text, key=text, id=text)
        acked += [ann.hear("ack") for _ in range(20)]
        server.end("SIGKILL")
    page = connect(start(*flags), "ann", "lobby").ask("history", channel="lobby", limit=300)["messages"]
    assert seqs(page) == list(range(1, len(page) + 1))
    stored = {message["seq"]: message["text"] for message in page}
    assert [stored[ack["seq"]] for ack in acked] == [ack["id"] for ack in acked]
    assert len(set(stored.values())) == len(page)
