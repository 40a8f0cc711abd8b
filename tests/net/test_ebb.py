"""Memory is given back when clients have gone, and not more often than that."""

import pytest

from tests.reactor.fakes import fake_reactor, turn
from wsserver.net.ebb import LEAST, PAUSE_S, Ebb


@pytest.fixture
def tide():
    """A function that sets the number of sockets, step by step, and tells how often memory was given back by then."""
    reactor = fake_reactor()
    trims = []
    reactor.world.trim_memory = lambda: trims.append(reactor.now)
    ebb = Ebb(reactor)
    level = 0

    def go_to(count, pause_s=2 * PAUSE_S):
        nonlocal level
        while level != count:
            level += 1 if level < count else -1
            ebb.note(level)
        reactor.world.time += pause_s
        turn(reactor, 2)
        return len(trims)

    yield go_to
    reactor.close()


def test_memory_is_given_back_once_when_half_of_the_clients_have_gone(tide):
    assert tide(2 * LEAST) == 0
    assert tide(LEAST + 1) == 0
    assert tide(LEAST) == 1
    assert tide(LEAST) == 1


def test_each_halving_counts_from_where_the_last_one_ended(tide):
    assert tide(8 * LEAST) == 0
    assert tide(3 * LEAST) == 1
    assert tide(2 * LEAST) == 1
    assert tide(LEAST) == 2
    assert tide(0) == 3
    assert tide(0) == 3


def test_a_few_clients_are_not_worth_while(tide):
    assert tide(LEAST - 1) == 0
    assert tide(0) == 0


def test_those_who_leave_together_are_waited_for(tide):
    assert tide(4 * LEAST) == 0
    assert tide(2 * LEAST, pause_s=PAUSE_S / 2) == 0
    assert tide(0) == 1
    assert tide(0) == 1


def test_clients_who_come_and_go_cost_nothing(tide):
    assert tide(4 * LEAST) == 0
    for _ in range(5):
        assert tide(3 * LEAST) == 0
        assert tide(4 * LEAST) == 0
