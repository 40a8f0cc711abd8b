"""Logged, then delivered, then acked: the order that is promised."""

from typing import Any

import pytest

from tests.chat.fakes import NOON_MS, Client, World
from wsserver.chat import lane
from wsserver.chat.company import ENOUGH
from wsserver.chat.lane import BATCH_LIMIT
from wsserver.chat.log import StoreUnavailable
from wsserver.chat.vocabulary import MessageEvent


def test_nothing_is_delivered_or_acked_before_the_end_of_the_turn() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    ann.say("message", channel="lobby", text="hi", id=1)
    assert ann.hear() == bob.hear() == []
    world.end_turn()
    assert [event["type"] for event in ann.hear()] == ["message", "ack"]
    assert [event["type"] for event in bob.hear()] == ["message"]


def test_all_messages_of_a_turn_go_to_the_log_at_once() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob", "other")
    for _ in range(3):
        ann.say("message", channel="lobby", text="hi")
        bob.say("message", channel="other", text="hi")
    world.end_turn()
    assert world.store.batches == [6]
    world.end_turn()
    assert world.store.batches == [6]


def test_a_message_is_in_the_log_before_any_member_sees_it() -> None:
    world = World()
    ann = world.connect("ann")
    seen_in_log: list[int] = []
    send = ann.peer.send

    def spy(payload: bytes, opcode: int = 1) -> None:
        seen_in_log.append(world.store.head("lobby").seq)
        send(payload, opcode)

    ann.peer.send = spy  # type: ignore[method-assign]
    ann.say("message", channel="lobby", text="hi", id=1)
    world.end_turn()
    assert seen_in_log == [1, 1]


def test_acks_come_after_every_delivery_of_the_turn() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    ann.say("message", channel="lobby", text="1", id="a")
    bob.say("message", channel="lobby", text="2", id="b")
    world.end_turn()
    assert [event["type"] for event in ann.hear()] == ["message", "message", "ack"]
    assert [event["type"] for event in bob.hear()] == ["message", "message", "ack"]


def test_seq_runs_from_one_without_a_gap_and_everybody_hears_in_that_order() -> None:
    world = World()
    clients = [world.connect(f"user {number}") for number in range(3)]
    for turn in range(4):
        for client in clients:
            client.say("message", channel="lobby", text=f"turn {turn}")
        world.end_turn()
    for client in clients:
        assert [event["seq"] for event in client.hear_type("message")] == list(range(1, 13))


def test_the_ack_has_the_number_the_time_and_that_it_is_no_duplicate() -> None:
    world = World()
    ann = world.connect("ann")
    world.advance(1.5)
    assert ann.ask("message", channel="lobby", text="hi", id="m") == {
        "type": "ack", "id": "m", "channel": "lobby", "seq": 1, "ts": NOON_MS + 1500, "duplicate": False,
    }  # fmt: skip


def test_a_duplicate_is_acked_with_the_first_number_and_not_delivered() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    first = ann.ask("message", channel="lobby", text="hi", key="k", id=1)
    ann.ask("message", channel="lobby", text="between")
    world.advance(10)
    bob.hear()
    second = ann.ask("message", channel="lobby", text="hi", key="k", id=2)
    assert second == {**first, "id": 2, "duplicate": True}
    assert bob.hear() == []


def test_the_same_key_twice_in_one_turn_is_stored_once() -> None:
    world = World()
    ann, again = world.connect("ann"), world.connect("ann")
    ann.say("message", channel="lobby", text="hi", key="k", id=1)
    again.say("message", channel="lobby", text="hi", key="k", id=2)
    world.end_turn()
    assert [event["type"] for event in ann.hear()] == ["message", "ack"]
    (message, ack) = again.hear()
    assert (message["seq"], ack["seq"], ack["duplicate"]) == (1, 1, True)


def test_a_store_that_fails_costs_the_senders_an_error_and_the_chat_lives_on() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    world.store.broken = True
    ann.say("message", channel="lobby", text="lost", id=1)
    ann.say("message", channel="lobby", text="lost too")
    world.end_turn()
    errors = ann.hear()
    assert [(event["code"], event["retry"], event.get("id")) for event in errors] == [
        ("store_unavailable", True, 1),
        ("store_unavailable", True, None),
    ]
    assert bob.hear() == []
    assert ann.ask("direct", to="bob", text="still here", id=2)["delivered"] == 1
    world.store.broken = False
    assert ann.ask("message", channel="lobby", text="back", id=3)["seq"] == 1


def test_a_bug_in_the_store_is_internal_to_the_senders_and_reported_upwards() -> None:
    world = World()
    ann = world.connect("ann")
    world.store.wrong = True
    ann.say("message", channel="lobby", text="hi", id=1)
    with pytest.raises(RuntimeError):
        world.end_turn()
    assert [(event["code"], event["id"]) for event in ann.hear()] == [("internal", 1)]
    world.store.wrong = False
    assert ann.ask("message", channel="lobby", text="hi", id=2)["seq"] == 1


def test_a_batch_that_is_full_does_not_wait_for_the_end_of_the_turn() -> None:
    world = World()
    ann = world.connect("ann")
    for _ in range(BATCH_LIMIT + 1):
        ann.say("message", channel="lobby", text="hi")
    assert world.store.batches == [BATCH_LIMIT]
    world.end_turn()
    assert world.store.batches == [BATCH_LIMIT, 1]
    assert len(ann.hear()) == BATCH_LIMIT + 1


def test_the_end_of_the_turn_is_asked_for_once_however_often_a_turn_commits() -> None:
    world = World()
    ann = world.connect("ann")
    for _ in range(3):
        ann.say("message", channel="lobby", text="hi")
        ann.say("history", channel="lobby")
    assert len(world.surroundings.at_end) == 1
    world.end_turn()
    ann.say("message", channel="lobby", text="next turn")
    assert len(world.surroundings.at_end) == 1


def test_messages_to_other_channels_wait_while_one_is_settled_only_if_nothing_waits_there() -> None:
    world = World()
    ann = world.connect("ann")
    ann.join("other")
    ann.say("message", channel="lobby", text="hi")
    ann.say("history", channel="other")
    assert len(world.router._batch) == 1
    ann.say("history", channel="lobby")
    assert len(world.router._batch) == 0


# -- a log that answers later -----------------------------------------------------------------------------------------


def late() -> tuple[World, Client]:
    world = World()
    world.store.late = True
    return world, world.connect("ann")


def test_a_message_is_neither_delivered_nor_acked_before_the_log_has_answered() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    world.store.late = True
    ann.hear()
    ann.say("message", channel="lobby", text="hi", id=1)
    world.end_turn()
    world.advance(1)
    assert ann.hear_type("message") == ann.hear_type("ack") == bob.hear_type("message") == []
    world.answer()
    assert [event["type"] for event in ann.hear()] == ["message", "ack"]
    assert [event["type"] for event in bob.hear()] == ["message"]


def test_what_is_said_while_a_batch_is_out_goes_with_the_next_one() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob", "other")
    world.store.late = True
    for turn in range(3):
        ann.say("message", channel="lobby", text=f"turn {turn}")
        bob.say("message", channel="other", text=f"turn {turn}")
        world.end_turn()
    assert world.store.batches == [2]
    world.answer()
    assert world.store.batches == [2, 4]
    world.answer()
    assert [event["seq"] for event in bob.hear_type("message")] == [1, 2, 3]
    assert world.store.out is None
    world.store.late = False
    assert ann.ask("message", channel="lobby", text="at once", id=1)["seq"] == 4


def test_what_is_said_to_an_answer_goes_with_the_many_that_gathered_before_it_and_each_has_its_own_time() -> None:
    world, ann = late()
    ann.say("message", channel="lobby", text="out")
    world.end_turn()
    world.advance(1)
    for _ in range(ENOUGH):
        ann.say("message", channel="lobby", text="gathered")
    world.surroundings.now += 1
    world.store.answer()
    ann.say("message", channel="lobby", text="said to it")
    world.advance(0)
    world.answer()
    assert world.store.batches == [1, ENOUGH + 1]
    assert [event["ts"] - NOON_MS for event in ann.hear_type("message")] == [0, *[1000] * ENOUGH, 2000]


def test_the_bounded_next_batch_is_followed_by_another() -> None:
    world, ann = late()
    ann.say("message", channel="lobby", text="hi")
    world.end_turn()
    for _ in range(BATCH_LIMIT + 1):
        ann.say("message", channel="lobby", text="hi")
    for _ in range(3):
        world.answer()
    assert world.store.batches == [1, BATCH_LIMIT, 1]
    assert world.router._batch._lanes[0].bytes == 0
    assert ann.peer.context.pending == 0


def test_a_batch_that_fails_later_costs_its_senders_an_error_and_the_next_goes_on() -> None:
    world, ann = late()
    ann.say("message", channel="lobby", text="lost", id=1)
    world.end_turn()
    ann.say("message", channel="lobby", text="kept", id=2)
    world.answer(StoreUnavailable("the disk is full"))
    world.answer()
    events = [(event["type"], event.get("id"), event.get("seq")) for event in ann.hear()]
    assert events == [("error", 1, None), ("message", None, 1), ("ack", 2, 1)]


def test_a_bug_that_shows_later_is_reported_and_the_next_batch_goes_on() -> None:
    world, ann = late()
    ann.say("message", channel="lobby", text="lost", id=1)
    world.end_turn()
    ann.say("message", channel="lobby", text="kept", id=2)
    with pytest.raises(RuntimeError):
        world.answer(RuntimeError("a bug in the store"))
    world.answer()
    assert [event.get("code") or event["type"] for event in ann.hear()] == ["internal", "message", "ack"]


def test_a_store_that_is_too_slow_makes_the_chat_refuse_and_not_swell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "PENDING_LIMIT", 2)
    world, ann = late()
    ann.say("message", channel="lobby", text="out")
    world.end_turn()
    for number in range(3):
        ann.say("message", channel="lobby", text="hi", id=number)
    assert [(event["code"], event["id"]) for event in ann.hear()] == [("store_unavailable", 2)]


def test_a_turn_whose_end_could_not_be_asked_for_does_not_silence_the_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    ann = world.connect("ann")

    def no_memory(_callback: object) -> None:
        raise MemoryError

    with monkeypatch.context() as short:
        short.setattr(world.surroundings, "at_end_of_turn", no_memory)
        with pytest.raises(MemoryError):
            ann.say("message", channel="lobby", text="lost", id=1)
    assert ann.ask("message", channel="lobby", text="heard", id=2)["seq"] == 1


def test_whoever_listens_hears_each_channel_s_messages_of_a_turn_as_one_piece_and_no_duplicates() -> None:
    class Ear:
        def __init__(self) -> None:
            self.heard: list[list[tuple[str, int]]] = []

        def hear(self, messages: list[MessageEvent]) -> None:
            self.heard.append([(message.text, message.seq) for message in messages])

    world, ear = World(), Ear()
    ann, bob = world.connect("ann"), world.connect("bob", "other")
    world.router.channels.listen(world.router.channels.open("lobby"), ear)
    for text in ("one", "two", "two"):
        ann.say("message", channel="lobby", text=text, key=text)
    bob.say("message", channel="other", text="elsewhere")
    assert ear.heard == []
    world.end_turn()
    assert ear.heard == [[("one", 1), ("two", 2)]]
    ann.say("message", channel="lobby", text="two", key="two")
    world.end_turn()
    assert len(ear.heard) == 1


def test_messages_are_counted_by_what_became_of_them() -> None:
    world = World()
    ann = world.connect("ann")
    for key in ("one", "one", "two"):
        ann.say("message", channel="lobby", text="hi", key=key)
    world.end_turn()
    batch = world.router._batch
    assert (batch.stored, batch.duplicates, batch.refused) == (2, 1, 0)
    world.store.broken = True
    ann.say("message", channel="lobby", text="hi")
    world.end_turn()
    assert (batch.stored, batch.duplicates, batch.refused) == (2, 1, 1)


# -- who gets nothing else, and who waits for company ----------------------------------------------------------------


def ways(world: World) -> list[str]:
    """Note by which way each delivery goes."""
    found: list[str] = []
    around = world.surroundings
    at_once, fan_out = around.send_at_once, around.fan_out

    def note_at_once(wires: Any, message: Any, stream: Any = None) -> None:
        found.append("at once")
        at_once(wires, message, stream)

    def note_fan_out(peers: Any, message: Any, stream: Any = None) -> None:
        found.append("fan out")
        fan_out(peers, message, stream)

    around.send_at_once, around.fan_out = note_at_once, note_fan_out  # type: ignore[method-assign]
    return found


def test_channels_that_share_nobody_are_sent_to_at_once_in_one_turn() -> None:
    world = World()
    ann, bob = world.connect("ann", "one"), world.connect("bob", "one")
    eve, joe = world.connect("eve", "two"), world.connect("joe", "two")
    found = ways(world)
    ann.say("message", channel="one", text="1")
    eve.say("message", channel="two", text="2")
    world.end_turn()
    assert found == ["at once", "at once"]
    assert [len(client.hear_type("message")) for client in (ann, bob, eve, joe)] == [1, 1, 1, 1]


def test_whoever_is_in_two_channels_that_have_news_gets_one_send_for_both() -> None:
    world = World()
    ann, bob = world.connect("ann", "one"), world.connect("bob", "one")
    ann.say("join", channel="two")
    bob.say("join", channel="two")
    found = ways(world)
    ann.say("message", channel="one", text="1")
    ann.say("message", channel="two", text="2")
    world.end_turn()
    assert found == ["fan out", "fan out"]
    assert [event["text"] for event in bob.hear_type("message")] == ["1", "2"]


GATHER_S = 0.003


def test_a_message_right_behind_another_goes_with_those_who_come_meanwhile() -> None:
    world = World(gather_s=GATHER_S)
    ann, bob = world.connect("ann"), world.connect("bob")
    ann.say("message", channel="lobby", text="1")
    world.end_turn()
    assert len(bob.hear_type("message")) == 1
    ann.say("message", channel="lobby", text="2")
    world.end_turn()
    ann.say("message", channel="lobby", text="3", id=3)
    world.end_turn()
    assert bob.hear_type("message") == []
    world.advance(GATHER_S)
    assert [event["text"] for event in bob.hear_type("message")] == ["2", "3"]
    assert ann.hear()[-1]["type"] == "ack"
    assert world.store.batches == [1, 2]


def test_whoever_leaves_or_asks_while_messages_wait_is_not_kept_waiting() -> None:
    world = World(gather_s=GATHER_S)
    ann, bob = world.connect("ann"), world.connect("bob")
    ann.say("message", channel="lobby", text="1")
    world.end_turn()
    ann.say("message", channel="lobby", text="2")
    world.end_turn()
    assert [event["text"] for event in bob.ask("history", channel="lobby", id=1)["messages"]] == ["1", "2"]
    ann.say("message", channel="lobby", text="3")
    world.end_turn()
    world.advance(GATHER_S)
    world.end_turn()
    assert [event["text"] for event in bob.hear_type("message")][-1] == "3"
