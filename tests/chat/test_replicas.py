"""A log that lies elsewhere: what this node knows is answered at once, all else a little later."""

from typing import Any

import pytest

from tests.chat.cluster_rig import Sea
from tests.chat.fakes import Client
from wsserver.chat import replicas as module
from wsserver.chat.log import Head, NotYet, StoreUnavailable
from wsserver.chat.replicas import Replicas


def texts(client: Client) -> list[str]:
    return [event["text"] for event in client.hear_type("message")]


def test_two_members_on_two_nodes_hear_each_other_in_one_order() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    ann.hear()
    for number in range(10):
        ann.say("message", channel="lobby", text=f"a{number}", id=number)
        bob.say("message", channel="lobby", text=f"b{number}", id=number)
        sea.settle()
    sea.settle()
    heard: list[list[dict[str, Any]]] = [client.hear() for client in (ann, bob)]
    orders = [[event["seq"] for event in events if event["type"] == "message"] for events in heard]
    assert orders == [list(range(1, 21))] * 2
    assert [sum(event["type"] == "ack" for event in events) for events in heard] == [10, 10]
    for events in heard:
        acked = {event["seq"] for event in events if event["type"] == "ack"}
        seen: set[int] = set()
        for event in events:
            if event["type"] == "message":
                seen.add(event["seq"])
            elif event["type"] == "ack":
                assert event["seq"] in seen, "an ack came before its message"
        assert len(acked) == 10


def read(sea: Sea, client: Client, **fields: Any) -> dict[str, Any]:
    client.say("history", channel="lobby", **fields)
    sea.advance(0.1)
    answer: dict[str, Any] = client.hear_type("history")[-1]
    return answer


def talk(sea: Sea, client: Client, count: int, size: int = 10) -> None:
    for number in range(count):
        client.say("message", channel="lobby", text="x" * size)
        if number % 100 == 99:
            sea.settle()
    sea.settle()


def seqs(answer: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in answer["messages"]]


def test_a_page_of_the_newest_messages_is_answered_from_the_replica() -> None:
    sea = Sea()
    ann = sea.nodes[0].connect("ann")
    talk(sea, ann, 500)
    asked = len(sea.nodes[0].log.asked)
    assert seqs(read(sea, ann)) == list(range(451, 501))
    assert seqs(read(sea, ann, limit=300)) == list(range(201, 501))
    assert seqs(read(sea, ann, after=490)) == list(range(491, 501))
    assert len(sea.nodes[0].log.asked) == asked


def test_an_older_page_is_read_elsewhere_and_put_together_with_what_is_here() -> None:
    sea = Sea()
    ann = sea.nodes[0].connect("ann")
    talk(sea, ann, 1000)
    page = read(sea, ann, before=11)
    assert (seqs(page), page["more"]) == (list(range(1, 11)), False)
    start = sea.nodes[0].copy().replica.tail_start
    assert seqs(read(sea, ann, after=start - 6, limit=10)) == list(range(start - 5, start + 5))
    assert sea.nodes[0].log.asked[-1] == ("read", "lobby", start - 5, start - 1)


def test_who_comes_back_after_long_is_given_all_that_it_missed() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    epoch = sea.store.head("lobby").epoch
    talk(sea, ann, 1000, 500)
    bob.hear()
    bob.say("join", channel="lobby", since=5, epoch=epoch)
    sea.advance(3)
    events = bob.hear()
    joined = next(event for event in events if event["type"] == "joined")
    assert joined["recovered"] is True
    heard = seqs(joined) + [event["seq"] for event in events if event["type"] == "message"]
    assert heard == list(range(6, 1001))
    sea.advance(5)
    assert not sea.nodes[1].copy().pages
    assert len(sea.nodes[1].copy().replica.tail) <= 332


def test_pages_of_a_channel_that_never_rests_come_all_the_same() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    talk(sea, ann, 1000)
    bob.hear()
    bob.say("history", channel="lobby", limit=300, id=1, before=800)
    for _ in range(30):
        ann.say("message", channel="lobby", text="on and on")
        sea.advance(0.001)
    (answer,) = bob.hear_type("history")
    assert seqs(answer) == list(range(500, 800))


def test_history_ends_where_the_log_has_dropped_the_rest() -> None:
    sea = Sea(history=600)
    ann = sea.nodes[0].connect("ann")
    talk(sea, ann, 1000)
    page = read(sea, ann, before=500)
    assert seqs(page) == list(range(450, 500))
    log = sea.store._channels["lobby"]
    log.drop(481 - log.first)
    sea.advance(5)
    page = read(sea, ann, before=485, limit=60)
    assert (seqs(page), page["more"]) == ([481, 482, 483, 484], False)
    assert sea.nodes[0].copy().replica.oldest == 481


def test_a_page_that_cannot_be_read_is_refused() -> None:
    sea = Sea()
    ann = sea.nodes[0].connect("ann")
    talk(sea, ann, 1000)
    ann.hear()
    sea.nodes[0].log.trouble = "down"
    ann.say("history", channel="lobby", before=100, id=1)
    sea.settle()
    (error,) = ann.hear_type("error")
    assert (error["code"], error["id"]) == ("store_unavailable", 1)
    assert seqs(read(sea, ann)) == list(range(951, 1001)), "what is here needs nobody"


def test_only_so_many_pages_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READING", 3)
    sea = Sea()
    ann = sea.nodes[0].connect("ann")
    talk(sea, ann, 1000)
    others = [sea.nodes[0].connect(f"u{number}") for number in range(5)]
    for number, other in enumerate(others):
        other.hear()
        other.say("history", channel="lobby", before=100 + number * 50, limit=10, id=1)
    sea.settle()
    assert [other.hear()[0]["type"] for other in others] == ["history"] * 3 + ["error"] * 2
    sea.advance(3)
    others[4].hear()
    others[4].say("history", channel="lobby", before=300, limit=10, id=1)
    sea.settle()
    assert others[4].hear()[0]["type"] == "history"


def test_a_key_that_was_used_on_another_node_is_a_duplicate_here() -> None:
    sea = Sea()
    anns = [node.connect("ann") for node in sea.nodes]
    for ann in anns:
        ann.hear()
        ann.say("message", channel="lobby", text="once", key="k", id=1)
        sea.settle()
    acks = [event for ann in anns for event in ann.hear() if event["type"] == "ack"]
    assert [(ack["seq"], ack["duplicate"]) for ack in acks] == [(1, False), (1, True)]


def test_what_the_server_says_in_a_channel_that_is_not_open_here_is_stored_and_heard_elsewhere() -> None:
    sea = Sea()
    bob = sea.nodes[1].connect("bob")
    outcomes: list[Any] = []
    sea.nodes[0].router.posting.post("lobby", "server", "hello", None, outcomes.append)
    sea.settle()
    assert (outcomes[0].seq, outcomes[0].delivered) == (1, 0)
    assert texts(bob) == ["hello"]
    assert len(sea.nodes[0].replicas.copies) == 0


def test_channels_of_different_logs_are_appended_to_each_for_itself() -> None:
    sea = Sea()
    first, second = sea.nodes[0].log, sea.nodes[1].log
    replicas = Replicas(lambda channel: second if channel == "b" else first, sea.brokers[0], lambda _: 10)
    assert replicas.part_of("a") is replicas.part_of("c")
    assert replicas.part_of("a") is not replicas.part_of("b")
    assert replicas.part_of("b").remote is second  # type: ignore[attr-defined]


def test_a_channel_that_the_chat_forgets_is_let_go() -> None:
    sea = Sea()
    sea.nodes[0].connect("ann")
    sea.nodes[0].replicas.release("lobby")
    sea.nodes[0].replicas.release("never heard of")
    assert sea.brokers[0].channels == set()


def test_a_refusal_is_told_to_who_asks_within_a_second() -> None:
    sea = Sea(1)
    sea.nodes[0].log.trouble = "down"
    replicas = sea.nodes[0].replicas
    with pytest.raises(NotYet):
        replicas.head("lobby")
    sea.settle()
    with pytest.raises(StoreUnavailable, match="down"):
        replicas.head("lobby")


def test_the_first_question_about_a_channel_is_answered_when_it_is_open() -> None:
    sea = Sea(1)
    replicas = sea.nodes[0].replicas
    woken: list[str] = []
    with pytest.raises(NotYet) as not_yet:
        replicas.head("lobby")
    not_yet.value.when_ready(lambda: woken.append("head"))
    assert woken == []
    sea.settle()
    assert woken == ["head"]
    assert replicas.head("lobby") == Head(sea.store.head("lobby").epoch, 0, 1)
