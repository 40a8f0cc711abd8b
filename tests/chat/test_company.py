"""When a batch waits for company, and when it has learned that none comes."""

import pytest

from tests.chat.cluster_rig import Sea
from tests.chat.fakes import World
from wsserver.chat.company import ENOUGH, MANY, SKIP_MOST, Company

WAIT_S = 0.003


def test_who_speaks_into_silence_is_heard_without_delay() -> None:
    company = Company(WAIT_S)
    assert company.wait(1, 10.0) == 0.0
    company.went(1, 10.0)
    assert company.wait(1, 10.0 + 2 * WAIT_S) == 0.0


def test_a_message_right_behind_another_waits_for_the_rest_of_the_time() -> None:
    company = Company(WAIT_S)
    company.went(1, 10.0)
    assert company.wait(1, 10.001) == pytest.approx(0.002)


def test_many_messages_are_company_enough() -> None:
    company = Company(WAIT_S)
    company.went(1, 10.0)
    assert company.wait(ENOUGH, 10.0) == 0.0
    assert company.wait(ENOUGH - 1, 10.0) > 0.0


def test_without_a_time_to_wait_nobody_does() -> None:
    company = Company(0.0)
    company.went(1, 10.0)
    assert company.wait(1, 10.0) == 0.0


def waits(company: Company, batches: int) -> int:
    """How often it waits in vain when so many messages come, each right after the one before has gone."""
    now, waited = 10.0, 0
    company.went(1, now)
    for _ in range(batches):
        wait_s = company.wait(1, now)
        waited += wait_s > 0
        now += wait_s
        company.went(1, now)
    return waited


def test_who_waits_in_vain_does_so_ever_less() -> None:
    batches = 10 * SKIP_MOST
    assert waits(Company(WAIT_S), batches) <= 9 + batches // SKIP_MOST


def test_one_time_that_was_not_in_vain_and_waiting_pays_again() -> None:
    company = Company(WAIT_S)
    waits(company, SKIP_MOST)
    now = 20.0
    for _ in range(2 * SKIP_MOST):
        company.went(1, now)
        if company.wait(1, now):
            company.went(2, now + WAIT_S)
            break
    assert company.wait(1, now + WAIT_S) > 0.0
    company.went(2, now + WAIT_S)
    assert company.wait(1, now + WAIT_S) > 0.0


def test_few_that_gathered_while_a_batch_was_out_wait_for_company_like_any() -> None:
    world = World(gather_s=WAIT_S)
    ann = world.connect("ann")
    world.store.late = True
    ann.say("message", channel="lobby", text="out")
    world.end_turn()
    ann.say("message", channel="lobby", text="meanwhile")
    world.store.answer()
    assert world.store.batches == [1]
    ann.say("message", channel="lobby", text="company")
    world.advance(WAIT_S)
    assert world.store.batches == [1, 2]


def test_where_the_log_lies_elsewhere_messages_wait_twice_as_long() -> None:
    sea = Sea(1, gather_s=WAIT_S)
    ann = sea.nodes[0].connect("ann")

    def say(text: str) -> int:
        """Say it, and return how many messages the log has a little later."""
        ann.say("message", channel="lobby", text=text)
        sea.advance(WAIT_S * 0.7)
        return sea.store.head("lobby").seq

    assert [say(text) for text in "1234"] == [1, 1, 1, 3]


def test_who_waits_for_company_waits_no_longer_when_very_many_have_come() -> None:
    world = World(gather_s=WAIT_S)
    ann = world.connect("ann")
    for count in (1, 1, MANY - 2):
        for _ in range(count):
            ann.say("message", channel="lobby", text="hi")
        world.end_turn()
    assert world.store.batches == [1]
    ann.say("message", channel="lobby", text="the last straw")
    world.end_turn()
    assert world.store.batches == [1, MANY]
    ann.say("message", channel="lobby", text="waits anew")
    world.end_turn()
    assert world.store.batches == [1, MANY]
    world.advance(WAIT_S)
    assert world.store.batches == [1, MANY, 1]


def test_few_that_gathered_while_many_were_out_go_with_what_is_said_to_those() -> None:
    world = World()
    ann = world.connect("ann")
    world.store.late = True
    for _ in range(ENOUGH):
        ann.say("message", channel="lobby", text="out")
    world.end_turn()
    ann.say("message", channel="lobby", text="meanwhile")
    world.store.answer()
    ann.say("message", channel="lobby", text="said to it")
    world.advance(0)
    assert world.store.batches == [ENOUGH, 2]
