"""The switch between a short look and a long one, and the table of figures behind it.

`ATTACKS=long`, which `make attacks` sets, makes every crowd larger and every attack longer, measures latency too, and
writes all figures to reports/attacks.json. The bounds are the same.
"""

import json
import os

import pytest

from tests.house.tree import ROOT

LONG = os.environ.get("ATTACKS") == "long"

collect_ignore = [] if LONG else ["test_latency.py"]
"""Latency on the clock of the wall depends on what else the machine does: measured on demand, judged by people."""

_FIGURES = []


@pytest.fixture
def note():
    """Keep a row of figures for the table: note("memory of one", name=..., peak_each=...)."""

    def keep(table, **row):
        _FIGURES.append({"table": table, **row})

    return keep


@pytest.fixture(scope="session")
def scale():
    """How much larger everything is than in a short look."""
    return 4 if LONG else 1


def pytest_terminal_summary(terminalreporter):
    """Print the figures of a long look, and write them down."""
    if not LONG or not _FIGURES:
        return
    for row in _FIGURES:
        terminalreporter.write_line("  ".join(f"{name}={_for_people(value)}" for name, value in row.items()))
    report = ROOT / "reports" / "attacks.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps(_FIGURES, indent=1) + "\n")
    terminalreporter.write_line(f"written to {report.relative_to(ROOT)}")


def _for_people(value):
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else value
