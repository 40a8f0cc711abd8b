"""A thousand attackers of all kinds at once: the process stays below 300 MiB, serves, and gives the memory back."""

import resource
import time

import pytest

from tests.attacks.catalogue import EVERYTHING
from tests.attacks.measuring import MIB
from tests.attacks.target import attacked
from tests.scenarios.running import PATIENCE_S

ATTACKERS = 1000
SECONDS = 0.8

BOUND = 300 * MIB
"""Of resident memory, for the whole process."""

BACK = 1.05
"""Memory is back when it is no more than that times what it was. What it was is measured behind rounds of the same,
until one adds little: the interpreter keeps the pages in which it has allocated small objects, and uses them again.
(In MB: 30 cold, then 48, 51, 51.5, 51.5; on a busy machine, where fewer attackers come at once, it takes longer.)"""

LITTLE = 1.02
WARMING = 6
"""So many rounds at most."""


@pytest.fixture
def many_fds():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ATTACKERS + 300
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_attackers_stay_below_300_mib_and_leave_nothing_behind(tmp_path, many_fds, note, scale):
    with attacked(tmp_path) as target:
        cold = target.gauge.resident()
        start = warmed(target, SECONDS * scale)
        for _ in range(scale):
            figures = target.measure("mixed", EVERYTHING, ATTACKERS, SECONDS * scale, rests=True)
            note("memory of many", cold=cold, start=start, **figures.as_row())
            assert figures.peak < BOUND
        assert settled(target, start * BACK) <= start * BACK


def warmed(target, seconds):
    """Return the resident memory once a round of attacks adds little to it."""
    now = before = 0
    for _ in range(WARMING):
        target.measure("warming", EVERYTHING, ATTACKERS, seconds)
        now, before = settled(target, 0), now
        if now <= before * LITTLE:
            break
    return now


def settled(target, wanted):
    """Return the resident memory once it has come down to `wanted` bytes, or stands still."""
    until = time.monotonic() + PATIENCE_S
    last = target.gauge.resident()
    while last > wanted and time.monotonic() < until:
        time.sleep(1.5)  # longer than the server waits before it gives memory back
        now = target.gauge.resident()
        if now >= last:
            break
        last = now
    return last
