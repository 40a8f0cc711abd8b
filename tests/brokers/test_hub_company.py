"""When what a worker has sent waits for other workers, and for whom nobody waits."""

import pytest

from wsserver.brokers.hub_company import MANY, MANY_RECENT_S, MANY_WAIT_S, SHARE, HubCompany

WAIT_S = 0.003


def after_a_round(wait_s: float = WAIT_S, **brought: int) -> HubCompany:
    """A company of workers who were there together just now, at time 10."""
    company = HubCompany(wait_s)
    for worker, count in brought.items():
        company.came(worker, count, 10.0)
    company.went(10.0)
    return company


def test_who_speaks_into_silence_is_heard_without_delay() -> None:
    company = HubCompany(WAIT_S)
    company.came("a", 1, 10.0)
    assert company.wait(10.0) == 0.0
    company = after_a_round(a=1, b=1)
    company.came("a", 1, 10.0 + 3 * WAIT_S)
    assert company.wait(10.0 + 3 * WAIT_S) == 0.0


def test_one_waits_for_the_others_who_were_there_and_no_longer_when_they_have_come() -> None:
    company = after_a_round(a=1, b=1)
    company.came("a", 1, 10.001)
    assert company.wait(10.001) == pytest.approx(WAIT_S)
    assert company.wait(10.002) == pytest.approx(WAIT_S - 0.001)
    company.came("b", 1, 10.002)
    assert company.wait(10.002) == 0.0


def test_the_moment_has_an_end_and_who_was_missed_is_not_waited_for_again() -> None:
    company = after_a_round(a=1, b=1)
    company.came("a", 1, 10.001)
    assert company.wait(10.001 + WAIT_S) == 0.0
    company.went(10.004)
    company.came("a", 1, 10.005)
    assert company.wait(10.005) == 0.0


def test_many_may_wait_longer_and_remember_longer() -> None:
    company = after_a_round(a=MANY, b=MANY)
    company.came("a", MANY, 10.0 + MANY_RECENT_S)
    assert company.wait(10.0 + MANY_RECENT_S) == pytest.approx(MANY_WAIT_S)
    company = after_a_round(a=MANY, b=MANY)
    company.came("a", MANY, 10.001 + MANY_RECENT_S)
    assert company.wait(10.001 + MANY_RECENT_S) == 0.0


def test_many_do_not_wait_for_a_few() -> None:
    company = after_a_round(a=MANY, b=1)
    company.came("a", SHARE, 10.001)
    assert company.wait(10.001) > 0.0
    company.came("a", 1, 10.001)
    assert company.wait(10.001) == 0.0


def test_nobody_waits_for_a_worker_that_has_ended() -> None:
    company = after_a_round(a=1, b=1)
    company.came("a", 1, 10.001)
    company.gone("b")
    assert company.wait(10.001) == 0.0


def test_without_a_time_to_wait_nobody_does() -> None:
    company = after_a_round(0.0, a=MANY, b=MANY)
    company.came("a", MANY, 10.001)
    assert company.wait(10.001) == 0.0
