"""A store that takes its time: nobody's next word overtakes what he said before, and nobody waits for others."""

from random import Random
from typing import Any

import pytest

from tests.chat.fakes import Client, World
from wsserver.chat import waiting as waiting_module
from wsserver.chat.log import StoreUnavailable
from wsserver.websocket.codes import BINARY


def late() -> tuple[World, Client, Client]:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    ann.hear()
    world.store.late = True
    return world, ann, bob


def types(client: Client) -> list[str]:
    return [event["type"] for event in client.hear()]


def arrive(world: World, outcome: Exception | None = None) -> None:
    """The batch that is out has arrived; whoever waited for it goes on."""
    world.store.answer(outcome)
    world.advance(0)


def test_who_leaves_behind_a_message_hears_it_first() -> None:
    world, ann, _ = late()
    ann.say("message", channel="lobby", text="bye", id=1)
    ann.say("leave", channel="lobby", id=2)
    world.end_turn()
    assert types(ann) == []
    arrive(world)
    assert types(ann) == ["message", "ack", "left"]
    assert len(world.router._waiting) == 0


def test_all_that_comes_behind_keeps_its_order() -> None:
    world, ann, _ = late()
    ann.say("message", channel="lobby", text="1", id=1)
    ann.say("history", channel="lobby", id=2)
    ann.say("ping", id=3)
    ann.say("message", channel="lobby", text="2", id=4)
    ann.say("leave", channel="lobby", id=5)
    ann.raw(b"no json")
    world.end_turn()
    assert types(ann) == []
    arrive(world)
    events = ann.hear()
    assert [event["type"] for event in events] == ["message", "ack", "history", "pong"]
    assert [message["text"] for message in events[2]["messages"]] == ["1"]
    arrive(world)
    assert types(ann) == ["message", "ack", "left", "error"]


def test_a_binary_message_does_not_overtake_the_text_of_its_sender() -> None:
    world, ann, bob = late()
    frame = ann.join("lobby")["cid"].to_bytes(4, "big")
    ann.say("message", channel="lobby", text="first")
    ann.raw(frame, BINARY)
    world.end_turn()
    arrive(world)
    assert [opcode for opcode, _ in bob.peer.sent] == [1, 2]


def test_nobody_waits_for_what_others_say() -> None:
    world, ann, bob = late()
    ann.say("message", channel="lobby", text="on its way")
    world.end_turn()
    cat = world.connect()
    joined = cat.join("lobby", "cat")
    assert (joined["type"], joined["seq"], joined["messages"]) == ("joined", 0, [])
    assert bob.ask("leave", channel="lobby")["type"] == "left"
    arrive(world)
    assert [event["seq"] for event in cat.hear_type("message")] == [1]
    assert bob.hear_type("message") == []


def test_who_joins_while_a_batch_is_out_reads_and_hears_every_message_once() -> None:
    world, ann, _ = late()
    for turn in range(3):
        ann.say("message", channel="lobby", text=str(turn))
        world.end_turn()
    reader = world.connect()
    read = [message["seq"] for message in reader.join("lobby")["messages"]]
    arrive(world)
    other = world.connect()
    read_later = [message["seq"] for message in other.join("lobby")["messages"]]
    arrive(world)
    heard, heard_later = ([event["seq"] for event in one.hear_type("message")] for one in (reader, other))
    assert read + heard == read_later + heard_later == [1, 2, 3]
    assert (read, read_later) == ([], [1])


def test_the_end_of_a_connection_waits_behind_what_was_said() -> None:
    world, ann, bob = late()
    ann.say("message", channel="lobby", text="1")
    ann.say("leave", channel="lobby")
    ann.say("join", channel="other")
    ann.say("message", channel="other", text="2")
    ann.gone(1000)
    assert ann.peer.context is not None
    arrive(world)
    assert ann.peer.context is None
    arrive(world)
    assert world.store.head("other").seq == 1
    assert [event["text"] for event in bob.hear_type("message")] == ["1"]


def test_a_connection_that_ends_with_a_message_on_its_way_leaves_at_once_and_its_message_lives() -> None:
    world, ann, bob = late()
    ann.say("message", channel="lobby", text="last words")
    ann.gone()
    assert ann.peer.context is None
    arrive(world)
    assert [event["text"] for event in bob.hear_type("message")] == ["last words"]


def test_when_the_batch_fails_the_waiting_go_on_all_the_same() -> None:
    world, ann, _ = late()
    ann.say("message", channel="lobby", text="lost", id=1)
    ann.say("leave", channel="lobby", id=2)
    world.end_turn()
    arrive(world, StoreUnavailable("the disk is full"))
    events = ann.hear()
    assert [(event["type"], event["id"]) for event in events] == [("error", 1), ("left", 2)]
    assert events[0]["code"] == "store_unavailable"


@pytest.mark.parametrize(("name", "limit"), [("WAITING_LIMIT", 2), ("WAITING_BYTES", 100)])
def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch, name: str, limit: int) -> None:
    monkeypatch.setattr(waiting_module, name, limit)
    world, ann, _ = late()
    ann.say("message", channel="lobby", text="on its way")
    ann.say("leave", channel="lobby", id=1)
    ann.say("ping", id=2)
    ann.say("request", method="echo", params="x" * 100, id=3)
    assert [(event["code"], event["id"]) for event in ann.hear()] == [("store_unavailable", 3)]
    world.end_turn()
    arrive(world)
    assert types(ann) == ["message", "left", "pong"]
    assert (len(world.router._waiting), world.router._waiting._bytes) == (0, 0)


def test_a_crash_costs_the_one_it_happened_to_and_the_others_go_on() -> None:
    world, ann, bob = late()
    for client in (ann, bob):
        client.say("message", channel="lobby", text="hi")
        client.say("leave", channel="lobby")
    bob.say("ping")
    world.end_turn()
    world.store.answer()
    ann.peer.send = None  # type: ignore[method-assign, assignment]
    with pytest.raises(TypeError):
        world.advance(0)
    assert ann.peer.closed == (1011, "")
    world.advance(0)
    arrive(world)
    assert types(bob) == ["message", "message", "left", "pong"]
    ann.gone()
    assert ann.peer.context is None


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_every_question_has_one_answer_in_its_order_and_every_member_hears_all_in_order(
    seed: int,
) -> None:
    luck = Random(seed)
    world = World()
    clients = [world.connect(f"user {number}") for number in range(4)]
    asked: dict[Client, list[int]] = {client: [] for client in clients}
    for number in range(400):
        client = luck.choice(clients)
        word = luck.choice(["message"] * 6 + ["leave", "join", "history", "turn", "answer", "answer", "late", "fail"])
        if word == "turn":
            world.end_turn()
        elif word == "late":
            world.store.late = not world.store.late
        elif word in ("answer", "fail"):
            if world.store.out is not None:
                arrive(world, StoreUnavailable("full") if word == "fail" and luck.random() < 0.3 else None)
        else:
            client.say(word, channel="lobby", id=number, **({"text": str(number)} if word == "message" else {}))
            asked[client].append(number)
    for _ in range(100):
        world.end_turn()
        if world.store.out is not None:
            world.store.answer()
        world.advance(0.001)
    for client in clients:
        heard = client.hear()
        answers = [event["id"] for event in heard if "id" in event]
        assert sorted(answers) == asked[client]
        judge_order(heard)
    assert len(world.router._waiting) == 0
    assert [client.peer.context.pending for client in clients] == [0] * 4


def judge_order(heard: list[dict[str, Any]]) -> None:
    """A member hears every number once, in order, from what `joined` said on; nothing before an ack is missing."""
    seq: int | None = 0
    for event in heard:
        if event["type"] == "joined":
            seq = event["seq"]
        elif event["type"] == "left":
            seq = None
        elif event["type"] == "message":
            assert seq is not None, "who has left hears nothing"
            assert event["seq"] == seq + 1
            seq += 1
        elif event["type"] == "ack":
            assert seq is None or event["seq"] <= seq, "delivered, then acknowledged"
        elif event["type"] == "history" and seq is not None:
            assert event["messages"][-1]["seq"] == seq if event["messages"] else seq == 0
