"""The picture of a run: latency by percentile, and what was received in each second.

The percentiles stand as in every HDR plot: each step to the right is ten times rarer, so the tail has the room that it
has in people's days.

Read next: `svg.py`.
"""

from math import log10
from typing import Any, Final

from wsserver.bench.coordinator import Findings
from wsserver.bench.svg import Point, lines, picture

_TICKS: Final = ((0.0, "0 %"), (1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %"), (4.0, "99.99 %"))
_STEPS: Final = 20  # points of the curve between two ticks


def draw(findings: Findings, found: dict[str, Any]) -> str:
    """Return the picture as SVG. `found` is the report."""
    title = f"{found['scenario']} on {found['url']}: latency by percentile"
    parts = [lines(title, _percentiles(findings), _TICKS, "ms")]
    timeline = _per_second(findings)
    if len(timeline) > 1:
        last = timeline[-1][0]
        ticks = [(0.0, "0 s"), (last / 2, f"{last / 2:.3g} s"), (last, f"{last:.3g} s")]
        parts.append(lines("received in each second", timeline, ticks, "", 180))
    return picture(parts)


def _percentiles(findings: Findings) -> list[Point]:
    """Return (nines, milliseconds), as far as there are values enough to tell."""
    total = findings.latency.total
    most = min(4.0, log10(total)) if total > 1 else 0.0
    nines = [step / _STEPS for step in range(4 * _STEPS + 1) if step / _STEPS <= most]
    return [(nine, findings.latency.at(100 * (1 - 10**-nine)) / 1000) for nine in nines]


def _per_second(findings: Findings) -> list[Point]:
    points: list[Point] = []
    before_s, before = 0.0, 0
    for at_s, received in findings.timeline:
        points.append((at_s, (received - before) / max(at_s - before_s, 1e-9)))
        before_s, before = at_s, received
    return [(0.0, points[0][1]), *points] if points else []
