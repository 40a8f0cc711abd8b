"""Pictures without a library: a line plot and a bar chart, written as SVG 1.1 by hand.

Light and dark backgrounds are both served: text takes the colour of the page it stands on where there is one.

Read next: `plot.py`, which says what is drawn.
"""

from collections.abc import Sequence
from html import escape
from typing import Final

WIDTH: Final = 760
LEFT: Final = 70
RIGHT: Final = 30
COLOURS: Final = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#65a30d")
_STYLE: Final = (
    "<style>text{font:12px system-ui,sans-serif;fill:#444}.t{font-size:14px;font-weight:600}.g{stroke:#8884;fill:none}"
    "@media(prefers-color-scheme:dark){text{fill:#bbb}}</style>"
)

Point = tuple[float, float]


def picture(parts: Sequence[tuple[int, str]]) -> str:
    """Return one SVG with parts (height, elements) below each other."""
    height, body = 0, []
    for tall, elements in parts:
        body.append(f'<g transform="translate(0 {height})">{elements}</g>')
        height += tall
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{_STYLE}{"".join(body)}</svg>\n'


def lines(
    title: str,
    points: Sequence[Point],
    x_ticks: Sequence[tuple[float, str]],
    unit: str,
    height: int = 240,
) -> tuple[int, str]:
    """Return a part: one line through `points`, x from the first to the last tick, y from 0."""
    top, bottom = 34, height - 34
    most = _round_up(max((y for _, y in points), default=0.0))
    first, last = x_ticks[0][0], x_ticks[-1][0]
    wide = (WIDTH - LEFT - RIGHT) / ((last - first) or 1)

    def at(x: float, y: float) -> str:
        return f"{LEFT + (x - first) * wide:.1f},{bottom - (bottom - top) * y / most:.1f}"

    parts = [_text(LEFT, 18, title, "start", "t")]
    for step in range(5):
        y = most * step / 4
        parts.append(f'<path class="g" d="M{at(first, y)} L{at(last, y)}"/>')
        parts.append(_text(LEFT - 8, bottom - (bottom - top) * step / 4 + 4, f"{y:,.10g}", "end"))
    for x, name in x_ticks:
        parts.append(_text(LEFT + (x - first) * wide, bottom + 18, name, "middle"))
    parts.append(_text(8, 18, unit, "start"))
    path = " ".join(at(x, min(y, most)) for x, y in points)
    parts.append(f'<polyline fill="none" stroke="{COLOURS[0]}" stroke-width="2" points="{path}"/>')
    return height, "".join(parts)


def bars(title: str, rows: Sequence[tuple[str, float]], unit: str) -> tuple[int, str]:
    """Return a part: one horizontal bar for each (name, value)."""
    left, step = 190, 22
    most = max((value for _, value in rows), default=0.0) or 1.0
    parts = [_text(LEFT, 18, f"{title} ({unit})", "start", "t")]
    for index, (name, value) in enumerate(rows):
        y = 30 + index * step
        wide = (WIDTH - left - 80) * value / most
        colour = COLOURS[index % len(COLOURS)]
        parts.append(_text(left - 8, y + 12, name, "end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{wide:.1f}" height="{step - 6}" rx="2" fill="{colour}"/>')
        parts.append(_text(left + wide + 6, y + 12, f"{value:.2f}", "start"))
    return 30 + len(rows) * step + 16, "".join(parts)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{name}>{escape(text)}</text>'


def _round_up(value: float) -> float:
    """Return a round number that is at least `value`."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * step for step in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if power * step >= value)
