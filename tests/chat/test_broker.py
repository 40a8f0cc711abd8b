"""The face of a broker, and what is said over one."""

import inspect

import msgspec
import pytest

from tests.chat.cluster_rig import FakeBroker, Sea
from wsserver.chat.broker import (
    Asked,
    Broker,
    Count,
    CountHearers,
    Kick,
    ListChannels,
    ListConnections,
    Node,
    SayOnTopic,
    SayToAll,
    SayToOne,
    SayToSome,
)
from wsserver.chat.cluster import Cluster

QUESTIONS = [
    SayToAll("ann", "hi", 1),
    SayToOne("ann", "bob", "hi", 1),
    SayToSome("ann", ["bob"], "hi", 1),
    SayOnTopic("ann", "news", {"a": [None, 1.5]}, 1),
    CountHearers("lobby"),
    Kick("ann", "bye"),
    Count(),
    ListChannels(),
    ListConnections("age", 5),
]


def face_of(method: object) -> list[str]:
    assert callable(method)
    return list(inspect.signature(method).parameters)


@pytest.mark.parametrize(("protocol", "implementation"), [(Broker, FakeBroker), (Node, Cluster)])
def test_the_broker_of_the_tests_and_the_node_of_the_chat_have_the_faces_that_are_asked_for(
    protocol: type, implementation: type
) -> None:
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            assert face_of(getattr(implementation, name)) == face_of(method)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
def test_every_question_survives_the_way_to_another_process(question: Asked) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(question), type=Asked) == question


def test_there_is_no_question_that_is_not_tested_here() -> None:
    assert {type(question) for question in QUESTIONS} == set(Asked.__args__)


def test_every_question_that_the_chat_asks_is_answered_by_it() -> None:
    cluster = Sea(1).nodes[0].router.cluster
    assert cluster is not None
    of_the_services = {ListConnections}
    assert set(cluster._answers) == set(Asked.__args__) - of_the_services
