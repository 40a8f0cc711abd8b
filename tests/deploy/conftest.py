"""A certificate for all, and two nodes behind each of the balancers."""

import pytest

from tests.deploy.balanced import HURRIED, Balanced
from tests.deploy.shipped import make_certificate
from tests.scenarios.conftest import open_socket, postgres, redis, start

__all__ = ["open_socket", "postgres", "redis", "start"]

BALANCERS = ("nginx", "haproxy", "haproxy-tcp")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=BALANCERS)
def site(request, certificate):
    """A site that tests leave as they found it."""
    balanced = Balanced(request.param, certificate, **HURRIED)
    yield balanced
    balanced.stop()


@pytest.fixture
def make_site(certificate):
    """Make a site of the test's own: make_site("nginx")."""
    made = []

    def make(kind, **settings):
        made.append(Balanced(kind, certificate, **settings))
        return made[-1]

    yield make
    for one in made:
        one.stop()
