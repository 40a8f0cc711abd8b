"""When what a worker has sent waits for other workers, and for whom nobody waits."""

import pytest

from wsserver.brokers.hub_company import MANY, RECENT_S, SHARE, WAIT_S, HubCompany


def after_a_round(patient: bool = True, **brought: int) -> HubCompany:
    """A company of workers who were there together just now, at time 10."""
    company = HubCompany(patient)
    for worker, count in brought.items():
        company.came(worker, count, 10.0)
    company.went(10.0)
    return company


def test_who_speaks_into_silence_is_heard_without_delay() -> None:
    company = HubCompany(True)
    company.came("a", MANY, 10.0)
    assert company.wait(10.0) == 0.0
    company = after_a_round(a=MANY, b=MANY)
    company.came("a", MANY, 10.001 + RECENT_S)
    assert company.wait(10.001 + RECENT_S) == 0.0


def test_a_few_never_wait() -> None:
    company = after_a_round(a=MANY, b=MANY)
    company.came("a", MANY - 1, 10.001)
    assert company.wait(10.001) == 0.0
    company.came("a", 1, 10.002)
    assert company.wait(10.002) > 0.0


def test_one_waits_for_the_others_who_were_there_and_no_longer_when_they_have_come() -> None:
    company = after_a_round(a=MANY, b=MANY)
    company.came("a", MANY, 10.001)
    assert company.wait(10.001) == pytest.approx(WAIT_S)
    assert company.wait(10.002) == pytest.approx(WAIT_S - 0.001)
    company.came("b", 1, 10.002)
    assert company.wait(10.002) == 0.0


def test_the_moment_has_an_end_and_who_was_missed_is_not_waited_for_again() -> None:
    company = after_a_round(a=MANY, b=MANY)
    company.came("a", MANY, 10.001)
    assert company.wait(10.001 + WAIT_S) == 0.0
    company.went(10.001 + WAIT_S)
    company.came("a", MANY, 10.03)
    assert company.wait(10.03) == 0.0


def test_many_do_not_wait_for_a_few() -> None:
    company = after_a_round(a=MANY, b=MANY // SHARE)
    company.came("a", MANY, 10.001)
    assert company.wait(10.001) > 0.0
    company.came("a", 1, 10.001)
    assert company.wait(10.001) == 0.0


def test_nobody_waits_for_a_worker_that_has_ended() -> None:
    company = after_a_round(a=MANY, b=MANY)
    company.came("a", MANY, 10.001)
    company.gone("b")
    assert company.wait(10.001) == 0.0


def test_where_nobody_is_to_wait_nobody_does() -> None:
    company = after_a_round(False, a=MANY, b=MANY)
    company.came("a", MANY, 10.001)
    assert company.wait(10.001) == 0.0
