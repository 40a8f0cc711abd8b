"""The face of a log that lies elsewhere."""

import inspect

from tests.chat.cluster_rig import FakeRemoteLog, Sea
from wsserver.chat.log import Outcome, Publication
from wsserver.chat.remote_log import Glance, RemoteLog


def test_the_log_of_the_tests_has_the_face_that_the_chat_asks_for() -> None:
    for name, method in inspect.getmembers(RemoteLog, inspect.isfunction):
        if not name.startswith("_"):
            assert list(inspect.signature(getattr(FakeRemoteLog, name)).parameters) == list(
                inspect.signature(method).parameters
            )


def test_every_answer_comes_later_and_of_one_moment() -> None:
    sea = Sea(1)
    log: RemoteLog = sea.nodes[0].log
    outcomes: list[Outcome] = []
    glances: list[Glance | Exception] = []
    log.append([Publication("lobby", "ann", text, 1) for text in ("a", "b")], outcomes.append)
    assert outcomes == []
    sea.settle()
    log.glance("lobby", 1, glances.append)
    assert glances == []
    sea.settle()
    (glance,) = glances
    assert isinstance(glance, Glance)
    assert (glance.head.seq, [message.text for message in glance.messages]) == (2, ["b"])
