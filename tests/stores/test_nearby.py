"""A store of this process that answers as one elsewhere would."""

import pytest

from wsserver.chat.log import Publication, StoreUnavailable
from wsserver.stores.memory import MemoryStore
from wsserver.stores.nearby import NearbyLog


class Rig:
    def __init__(self):
        self.soon = []
        self.told = []
        self.store = MemoryStore(lambda count: b"e" * count, lambda: 1.0, lambda _channel: 5)
        self.log = NearbyLog(self.store, self.soon.append, limit=3)

    def turn(self):
        callbacks, self.soon[:] = list(self.soon), []
        for callback in callbacks:
            callback()
        told, self.told[:] = list(self.told), []
        return told


@pytest.fixture
def rig():
    return Rig()


def test_a_batch_is_answered_in_the_next_turn_and_then_it_can_be_read(rig):
    rig.log.append([Publication("a", "ann", text, 1) for text in "xyz"], rig.told.append)
    assert rig.told == []
    [stored] = rig.turn()
    assert [one.message.seq for one in stored] == [1, 2, 3]
    rig.log.glance("a", 2, rig.told.append)
    rig.log.read("a", 1, 2, rig.told.append)
    glance, read = rig.turn()
    assert (glance.head.seq, [message.text for message in glance.messages]) == (3, ["y", "z"])
    assert [message.text for message in read] == ["x", "y"]


def test_a_channel_that_was_never_heard_of_has_a_head(rig):
    rig.log.glance("new", 50, rig.told.append)
    [glance] = rig.turn()
    assert (glance.head.seq, glance.head.oldest, glance.messages) == (0, 1, [])


def test_what_the_store_refuses_is_told_and_not_raised(rig):
    def refuse(*_rest):
        raise StoreUnavailable("no")

    rig.store.head = refuse
    rig.log.glance("a", 5, rig.told.append)
    [error] = rig.turn()
    assert isinstance(error, StoreUnavailable)
    assert rig.log.trouble is None
    assert rig.log.announces


def test_of_too_many_channels_those_go_that_were_not_asked_for_longest(rig):
    for channel in "abcad":  # and a stays
        rig.log.append([Publication(channel, "ann", "x", 1)], rig.told.append)
    for channel in "acd":
        rig.log.glance(channel, 5, rig.told.append)
    assert [glance.head.seq for glance in rig.turn()[5:]] == [2, 1, 1]
    rig.log.glance("b", 5, rig.told.append)
    assert rig.turn()[0].head.seq == 0


def test_nobody_is_called_once_it_is_closed(rig):
    rig.log.glance("a", 5, rig.told.append)
    rig.log.close()
    assert rig.turn() == []
