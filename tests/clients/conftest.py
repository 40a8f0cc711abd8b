"""Houses that are closed behind each test, and whose clients crash only where the test says so."""

import pytest

from tests.clients.rig import House


@pytest.fixture
def make_house():
    houses = []

    def make(**named):
        houses.append(House(**named))
        return houses[-1]

    yield make
    for house in houses:
        house.close()
        assert house.errors == []
        assert house.registry.clients == set()
        assert house.registry.sockets == 0


@pytest.fixture
def house(make_house):
    return make_house()


@pytest.fixture
def expect_errors():
    """Take the errors that a house has reported: expect_errors(house) -> list."""

    def take(house):
        errors, house.errors[:] = list(house.errors), []
        return errors

    return take
