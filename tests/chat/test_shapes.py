"""Answers of other nodes are used only if they are answers."""

from typing import Any

import pytest

from tests.chat.cluster_rig import Sea
from wsserver.chat.broker import Asked, Count, Incomplete, ListChannels, ListConnections, SayToAll
from wsserver.chat.shapes import sensible

CONNECTION: dict[str, Any] = {
    "client": "c1", "user": None, "state": "OPEN", "address": "1.2.3.4:5", "pending": 0, "messages_in": 1,
    "messages_out": 2, "age": 1.5,
}  # fmt: skip
GOOD: list[tuple[Asked, Any]] = [
    (SayToAll("ann", "x", 0), 3),
    (Count(), {"clients": 3, "users": 2, "uptime": 1.25, "something new": 1}),
    (ListChannels(), []),
    (ListConnections("pending", 50), {"connections": [CONNECTION], "more": 7}),
]

DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]

NONSENSE: list[Any] = [
    None, True, -1, 2**53 + 1, 2**64 - 1, 1.5, "3", b"3", [3], ["lobby"], [["lobby", -1]], [[1, "lobby"]], [[[], 1]],
    [["x" * 1025, 1]], {"clients": "many"}, {"clients": None}, {"clients": -1}, {"clients": float("nan")}, {1: 2},
    {"connections": "1", "more": 1}, {"connections": []}, {"connections": [{}], "more": 0},
    {"connections": [{**CONNECTION, "pending": "most"}], "more": 0}, DEEP,
]  # fmt: skip


@pytest.mark.parametrize(("question", "answer"), GOOD, ids=lambda one: type(one).__name__)
def test_what_nodes_answer_is_kept_as_it_is(question: Asked, answer: Any) -> None:
    assert repr(sensible(question, [answer, answer])) == repr([answer, answer])  # an integer stays one


def test_channels_come_from_json_and_msgpack_as_lists() -> None:
    assert sensible(ListChannels(), [[["lobby", 2]], [("den", 1)]]) == [[("lobby", 2)], [("den", 1)]]


@pytest.mark.parametrize("question", [question for question, _ in GOOD], ids=lambda one: type(one).__name__)
def test_nonsense_is_left_out_and_keeps_no_other_answer_from_being_heard(question: Asked) -> None:
    good = next(answer for asked, answer in GOOD if asked == question)
    assert sensible(question, [*NONSENSE, good]) == [good]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_of_another_node_costs_nobody_his_answer(nonsense: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    monkeypatch.setattr(sea.brokers[0], "ask", lambda _question, done: done([nonsense]))
    ann = node.connect("ann")
    ann.hear()
    ann.say("request", method="stats", id=1)
    ann.say("request", method="channels", id=2)
    ann.say("broadcast", text="x", id=3)
    ann.say("direct", to="nobody", text="x", id=4)
    sea.settle()
    answers = {event["id"]: event for event in ann.hear() if "id" in event}
    assert answers[1]["result"]["clients"] == 1
    assert answers[2]["result"]["channels"] == [{"channel": "lobby", "count": 1}]
    assert answers[3]["delivered"] == 1
    assert answers[4]["code"] == "broker_unavailable"  # nobody knows whether he is there


def test_a_list_is_of_those_who_answered() -> None:
    assert sensible(Count(), Incomplete([{"clients": 1}])) == [{"clients": 1}]
