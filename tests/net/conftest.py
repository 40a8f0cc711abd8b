"""Rigs that are taken down again, and errors that nobody expected."""

import pytest

from tests.net.rig import Rig


@pytest.fixture
def make_rig():
    rigs = []

    def make(*args, **named):
        rigs.append(Rig(*args, **named))
        return rigs[-1]

    yield make
    for rig in rigs:
        assert rig.errors == []
        for each in (rig, *rig.others):
            each.transport.close()
        rig.turn()
        rig.reactor.close()
        for each in (rig, *rig.others):
            each.peer.close()


@pytest.fixture
def rig(make_rig):
    return make_rig()
