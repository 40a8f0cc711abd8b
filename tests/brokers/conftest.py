"""A Redis for all tests of this folder, emptied before each; rigs that are taken down again."""

import pytest

from tests.brokers.fake_redis import FakeRedis
from tests.brokers.redis_rig import Rig
from tests.engines.redis import Redis


@pytest.fixture(scope="session")
def shared_redis():
    with Redis() as server:
        yield server


@pytest.fixture
def redis(shared_redis):
    shared_redis.ask("FLUSHALL")
    return shared_redis


@pytest.fixture
def own_redis():
    """One that the test may stop and start."""
    with Redis() as server:
        yield server


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def fake():
    """A Redis that says what the test wants."""
    server = FakeRedis()
    yield server
    server.close()
