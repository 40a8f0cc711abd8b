"""The model of docs/scaling.md computes what its sentences say, and grows the way that loads do."""

import subprocess
import sys
from dataclasses import replace

import pytest

from docs import scaling_model
from docs.scaling_model import FIGURES, SHAPES, Load, Plan, breaks_at, cost, driver, number, page, plan
from tests.house.tree import ROOT

ROOMS = Load()
HALLS = Load(per_channel=1_000, rate=1.0)


def share(load, name):
    return next(limit.share for limit in plan(load).limits() if limit.name == name)


def test_a_load_counts_channels_messages_and_deliveries():
    assert ROOMS.channels == 100_000
    assert ROOMS.messages == 10_000
    assert ROOMS.deliveries == 100_000
    assert ROOMS.joins == pytest.approx(555.6, rel=1e-3)


def test_a_channel_has_no_more_members_than_there_are_clients():
    few = Load(clients=50, per_channel=1_000)
    assert (few.channels, few.members) == (1, 50)
    assert few.deliveries == 50 * few.rate


def test_arrivals_in_a_crowd_are_told_in_bundles_so_that_they_do_not_grow_with_its_square():
    assert Load(per_channel=10).announcements == pytest.approx(2 * ROOMS.joins * 10)
    crowd = Load(per_channel=1_000_000)
    assert crowd.announcements == pytest.approx(0.2 * 1_000_000)


@pytest.mark.parametrize(
    ("members", "processes", "least", "most"), [(10, 1, 1, 1), (10, 1000, 9.9, 10), (10_000, 7, 7, 7)]
)
def test_a_channel_is_on_no_more_processes_than_it_has_members_or_than_there_are(members, processes, least, most):
    found = Plan(replace(ROOMS, per_channel=members), processes)
    assert least - 1e-9 <= found.spread <= most + 1e-9


def test_one_process_needs_no_redis_and_hears_nobody():
    alone = plan(Load(clients=1_000))
    assert (alone.processes, alone.machines, alone.elsewhere) == (1, 1, 0)
    assert not any("Redis" in limit.name for limit in alone.limits())


def test_several_machines_have_one_to_spare():
    assert plan(ROOMS).machines * ROOMS.cores >= plan(ROOMS).processes + ROOMS.cores


@pytest.mark.parametrize("load", [*SHAPES.values(), Load(rate=50.0), Load(clients=3), Load(files=1_000)])
def test_no_process_of_a_plan_is_too_full_and_with_one_less_some_would_be(load):
    found = plan(load)
    assert found.node_us <= found.processes * scaling_model.BUSY * 1e6 * (1 + 1e-9)
    assert load.clients <= found.processes * (load.files - 256)
    if found.processes > 1:
        one_less = Plan(load, found.processes - 1)
        assert any(by(one_less) > one_less.processes for by in scaling_model.DRIVERS.values())


def test_what_decides_is_named():
    assert driver(plan(Load(files=2_000))) == "file descriptors"
    assert driver(plan(replace(HALLS, rate=20.0))) == "CPU"


def test_more_of_anything_takes_no_less():
    for changes in ({"clients": 2_000_000}, {"rate": 0.2}, {"session": 900.0}):
        more, found = plan(replace(ROOMS, **changes)), plan(ROOMS)
        assert (more.node_us, more.processes) >= (found.node_us, found.processes), changes
    assert plan(replace(ROOMS, rate=0.2)).redis_us > plan(ROOMS).redis_us
    assert plan(replace(ROOMS, rate=0.2)).pg_us > plan(ROOMS).pg_us


def test_costs_come_from_the_table_alone(monkeypatch):
    before = plan(HALLS).node_us
    dear = replace(FIGURES["deliver"], value=cost("deliver") * 2)
    monkeypatch.setitem(scaling_model.FIGURES, "deliver", dear)
    assert plan(HALLS).node_us > 1.5 * before


def test_limits_come_with_the_fullest_first_and_each_with_what_to_do():
    for load in SHAPES.values():
        limits = plan(load).limits()
        assert [limit.share for limit in limits] == sorted((limit.share for limit in limits), reverse=True)
        assert all(limit.remedy and limit.share >= 0 for limit in limits)


def test_a_limit_is_full_where_it_is_said_to_be_and_not_much_before():
    at = breaks_at(ROOMS, "Redis's CPU")
    assert share(replace(ROOMS, clients=at), "Redis's CPU") >= 1
    assert share(replace(ROOMS, clients=int(at * 0.9)), "Redis's CPU") < 1


def test_what_grows_with_the_nodes_is_never_full():
    assert breaks_at(ROOMS, "memory") is None


def test_a_busy_channel_waits_for_its_own_row_however_many_nodes_there_are():
    busy = Load(clients=100_000, per_channel=100_000, rate=2_000.0)
    assert share(busy, "the row of one channel") > 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_790_432, "1,790,000"), (216.4, "216"), (12.34, "12"), (7.649, "7.6"), (0.2441, "0.24"), (0, "0")],
)
def test_numbers_are_shown_as_people_read_them(value, text):
    assert number(value) == text


def test_figures_carry_their_day_and_where_they_come_from():
    for name, figure in FIGURES.items():
        assert figure.value > 0 and figure.unit and figure.what and figure.how, name
        assert figure.date[:2] == "20" and len(figure.date) == 10, name
    shown = page()
    assert all(figure.what in shown for figure in FIGURES.values())


def test_the_command_prints_the_tables_and_refuses_what_makes_no_sense():
    command = [sys.executable, "docs/scaling_model.py", "--clients", "50000", "--per-channel", "500"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "| clients | 50,000 |" in shown and "| PostgreSQL's CPU |" in shown
    for wrong in (["--clients", "0"], ["--files", "256"]):
        refused = subprocess.run([*command, *wrong], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (refused.returncode, "above 0" in refused.stderr) == (2, True)
