"""Two people in a room of a running server: Mallory, who is up to no good, and Ann, who must not notice.

Read next: `test_f_json.py` and `test_f_messages.py`; their fixtures are from here.
"""

import itertools
import json

import pytest

from tests.scenarios.talking import Talker

ROOMS = (f"room-{number}" for number in itertools.count(1))


LET_TALK = ("--set", "limits.rate=0", "--set", "presence.leave_grace=0s")
"""Without a rate: what is attacked is not how much is sent."""


@pytest.fixture
def room():
    return next(ROOMS)


@pytest.fixture
def people(server, connect, room):
    """Mallory and Ann in `room`. Behind the test Ann and a newcomer are served, and the log grew by a line at most."""
    lines = server.log.count("\n")
    mallory, ann = connect(server, "mallory", room), connect(server, "ann", room)
    yield mallory, ann
    assert ann.ask("request", method="whoami")["result"]["user"] == "ann"
    newcomer = Talker(server.ws())
    assert newcomer.join(next(ROOMS), "new")["count"] == 1
    newcomer.close()
    assert server.log.count("\n") - lines <= 1, server.log


def refused(talker, raw):
    """Send `raw` and return the code of the error; a good message follows, so that nothing adds up."""
    talker.socket.send(raw)
    code = talker.hear("error")["code"]
    assert talker.ask("ping")["type"] == "pong"
    return code


def strict(raw):
    """Read JSON as a browser does: no NaN, no Infinity, and nothing that is no Unicode."""

    def never(constant):
        raise AssertionError(f"{constant} is no JSON")

    value = json.loads(raw, parse_constant=never)
    json.dumps(value, ensure_ascii=False).encode()
    return value
