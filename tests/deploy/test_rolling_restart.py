"""Both nodes are restarted, one after the other, while twenty people talk: nobody loses anything."""

import sys
import time

import pytest

from tests.deploy.rolling import Rolling, Traveller, delays_s
from tests.scenarios.members import judge
from tests.scenarios.nodes import until

PEOPLE, TALKING, PACE_S = 20, 10, 0.1
"""A hundred messages a second, each heard by twenty."""

P99_S = 3.0
"""Nobody should wait for more than a second; a busy machine may take longer."""


@pytest.fixture
def site(certificate, redis, postgres):
    rolling = Rolling(certificate, redis, postgres)
    yield rolling
    rolling.stop()


@pytest.fixture
def people(site):
    members = []
    for number in range(PEOPLE):
        talks = 10_000 if number < TALKING else 0
        members.append(Traveller(site, "lobby", f"user-{number}", talks, pace_s=PACE_S).start())
    yield members
    for member in members:
        member.leave()


def test_nothing_is_lost_or_doubled_and_nobody_waits_for_long(site, people):
    codes = []
    for number in (0, 1):
        time.sleep(1.0)
        codes.append(site.restart(number))
    time.sleep(1.0)
    for member in people:
        member.stop()
    until(lambda: all(member.is_done for member in people))
    last = max(seq for member in people for seq in member.acked.values())
    until(lambda: all(member.seq >= last for member in people))

    assert codes == [0, 0]
    stored = site.stored("lobby")
    judge(people, stored)
    for member in people:
        assert [seq for seq, _, _ in member.stretches[0][1]][-1] == len(stored)
        assert len(member.stretches) == 1, "whoever came back went on where he was"
        assert (member.errors, member.turned_away) == ({}, []), "nobody has to understand anything"
    moves = sum(member.lost_connections for member in people)
    assert moves >= PEOPLE, "everybody was on one of them"
    assert sum(member.told for member in people) >= PEOPLE, "and was told so in time"
    delays = delays_s(people)
    p50, p99 = (delays[int(len(delays) * share)] for share in (0.5, 0.99))
    sys.stdout.write(
        f"\n{len(stored)} messages, {len(delays)} deliveries, {moves} moves: "
        f"p50 {p50:.3f} s, p99 {p99:.3f} s, the longest {delays[-1]:.3f} s\n"
    )
    assert p99 < P99_S
