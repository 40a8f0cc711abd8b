"""No client makes the server hold more than 2 MiB, nor more than 64 KiB before its handshake is done.

Resident memory is coarse, so some of the same kind attack together, and what they cost is divided among them. The
server's sockets buffer as little as the kernel allows: whatever is not read has to wait in the server. Messages are not
limited to a rate.
"""

import pytest

from tests.attacks.catalogue import COMPRESSED, EVERYTHING
from tests.attacks.target import attacked

ATTACKERS = 20
SECONDS = 0.6

PINNED_PER_BYTE = 3
"""Bytes of memory that one byte from the wire may come to hold, besides what an attack is allowed once (`fixed`)."""


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with attacked(tmp_path_factory.mktemp("page")) as one:
        yield one


@pytest.fixture(scope="module")
def packing_target(tmp_path_factory):
    with attacked(tmp_path_factory.mktemp("page"), "--set", "websocket.compression=true") as one:
        yield one


def judge(target, attack, note, scale):
    target.warm(attack)
    figures = target.measure(attack.name, attack, ATTACKERS * scale, SECONDS * scale)
    note("memory of one", bound=attack.bound, **figures.as_row())
    assert figures.peak_each <= attack.bound
    assert figures.held_each <= PINNED_PER_BYTE * figures.sent_each + attack.fixed


@pytest.mark.parametrize("attack", EVERYTHING, ids=lambda attack: attack.name)
def test_an_attacker_costs_no_more_than_its_bound(target, attack, note, scale):
    judge(target, attack, note, scale)


@pytest.mark.parametrize("attack", COMPRESSED, ids=lambda attack: attack.name)
def test_an_attacker_that_compresses_costs_no_more_than_its_bound(packing_target, attack, note, scale):
    judge(packing_target, attack, note, scale)
