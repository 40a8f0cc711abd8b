import pytest

from tests.reactor.fakes import FakePoller
from wsserver.bench.poller import PunctualPoller


@pytest.mark.parametrize(
    ("asked", "slept"), [(None, None), (0, 0), (0.0004, 0), (0.0019, 0.001), (0.25, 0.25), (1.2345, 1.234)]
)
def test_it_sleeps_whole_milliseconds_and_never_past_the_time(asked, slept):
    poller = FakePoller()
    assert PunctualPoller(poller).poll(asked) == []
    assert poller.slept == [slept]


def test_everything_else_is_the_wrapped_pollers():
    poller = FakePoller()
    poller.batches.append([(7, 1)])
    punctual = PunctualPoller(poller)
    punctual.register(7, 1)
    punctual.modify(7, 5)
    assert poller.interest == {7: 5}
    assert punctual.poll(0) == [(7, 1)]
    punctual.unregister(7)
    punctual.close()
    assert poller.interest == {}
