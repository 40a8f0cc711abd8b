"""A log that lies elsewhere: what this node knows is answered at once, all else a little later."""

from typing import Any

import pytest

from tests.chat.cluster_rig import Sea
from tests.chat.fakes import Client
from wsserver.chat.log import Head, NotYet


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
