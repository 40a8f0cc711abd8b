"""What the tests of the load tester share."""

import pytest

from tests.bench.rig import Rig


@pytest.fixture
def rig():
    """Clients of the load tester whose server is the test."""
    rig = Rig()
    yield rig
    rig.close()
