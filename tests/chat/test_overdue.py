"""A batch is out, the log is in trouble: who speaks meanwhile is refused, not kept."""

from typing import Any

from tests.chat.cluster_rig import Sea
from wsserver.chat.log import Done
from wsserver.chat.overdue import LOOK_S


class Frozen:
    """A log that has stopped answering: what it was given it answers when it thaws."""

    def __init__(self, sea: Sea) -> None:
        self._log = sea.nodes[0].log
        self._append = self._log.append
        self.held: list[tuple[Any, Done]] = []
        self._log.append = lambda batch, done: self.held.append((batch, done))  # type: ignore[method-assign]

    def thaw(self) -> None:
        self._log.append, self._log.trouble = self._append, None  # type: ignore[method-assign]
        for batch, done in self.held:
            self._append(batch, done)


def answers(client: Any) -> list[tuple[Any, str]]:
    return [(event["id"], event.get("code", "ack")) for event in client.hear() if event["type"] in ("ack", "error")]


def test_what_gathers_behind_a_batch_is_refused_when_the_log_is_in_trouble_and_what_comes_at_once() -> None:
    sea = Sea()
    ann, bob = (sea.nodes[0].connect(name) for name in ("ann", "bob"))
    log = Frozen(sea)
    ann.say("message", channel="lobby", text="in doubt", id="a1")
    sea.advance(0.1)
    ann.say("message", channel="lobby", text="behind it", id="a2")
    bob.say("message", channel="lobby", text="behind it too", id="b1")
    sea.advance(2 * LOOK_S)
    assert (answers(ann), answers(bob)) == ([], []), "a slow log is waited for"
    sea.nodes[0].log.trouble = "it does not answer"
    sea.advance(LOOK_S)
    assert (answers(ann), answers(bob)) == ([("a2", "store_unavailable")], [("b1", "store_unavailable")])
    bob.say("message", channel="lobby", text="once more", id="b2")
    assert answers(bob) == [("b2", "store_unavailable")]
    assert len(log.held) == 1
    log.thaw()
    sea.advance(0.1)
    assert (answers(ann), answers(bob)) == ([("a1", "ack")], [])
    bob.say("message", channel="lobby", text="and now", id="b3")
    sea.advance(0.1)
    assert answers(bob) == [("b3", "ack")]
    assert [message.text for message in sea.store.after("lobby", 0, 9)] == ["in doubt", "and now"]


def test_trouble_that_passes_before_the_batch_is_answered_for_keeps_nobody_out() -> None:
    sea = Sea()
    ann = sea.nodes[0].connect("ann")
    log = Frozen(sea)
    ann.say("message", channel="lobby", text="in doubt", id=1)
    sea.nodes[0].log.trouble = "it does not answer"
    sea.advance(2 * LOOK_S)
    sea.nodes[0].log.trouble = None
    sea.advance(LOOK_S)
    ann.say("message", channel="lobby", text="gathers again", id=2)
    assert answers(ann) == []
    log.thaw()
    sea.advance(0.5)
    assert answers(ann) == [(1, "ack"), (2, "ack")]


def test_who_waits_to_leave_behind_what_was_refused_leaves_then() -> None:
    sea = Sea()
    ann, bob = (sea.nodes[0].connect(name) for name in ("ann", "bob"))
    log = Frozen(sea)
    ann.say("message", channel="lobby", text="in doubt", id=1)
    sea.advance(0.1)
    bob.say("message", channel="lobby", text="behind it", id=2)
    bob.say("leave", channel="lobby", id=3)
    sea.advance(0.1)
    assert bob.hear() == []
    sea.nodes[0].log.trouble = "it does not answer"
    sea.advance(2 * LOOK_S)
    assert [(event["type"], event["id"]) for event in bob.hear() if "id" in event] == [("error", 2), ("left", 3)]
    log.thaw()
    sea.advance(0.1)


def test_nobody_looks_while_nothing_is_out() -> None:
    sea = Sea()
    ann = sea.nodes[0].connect("ann")
    ann.say("message", channel="lobby", text="soon stored", id=1)
    sea.advance(5 * LOOK_S)
    assert answers(ann) == [(1, "ack")]
    assert sea.nodes[0].router._batch._lanes[0].overdue.__self__._timer is None  # type: ignore[attr-defined]
