"""Writes metrics down as Prometheus reads them: its text format 0.0.4, and OpenMetrics 1.0 for who asks for that.

Sixty lines, and not a library: what is written is a table of ours with numbers in it (docs/decisions, 0017).
Formats: prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics specification, 1.0.0.

Read next: `families.py`.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, Final

from wsserver.observe.families import COUNTER, FAMILIES, HISTOGRAM, Family, Snapshot

TEXT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_OPENMETRICS: Final = "application/openmetrics-text"


def prefers_openmetrics(accept: str) -> bool:
    """Tell whether an Accept header (RFC 9110 section 12.5.1) likes OpenMetrics at least as well as plain text.

    `*/*` is no wish: who says nothing better gets text.
    """
    weights = dict(_weigh(part) for part in accept.lower().split(","))
    wanted = weights.get(_OPENMETRICS, 0.0)
    return wanted > 0 and wanted >= weights.get("text/plain", 0.0)


def _weigh(part: str) -> tuple[str, float]:
    """Return a media type and how much it is liked; one that cannot be understood is not."""
    media, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media, float(value)
            except ValueError:
                return media, 0.0
    return media, 1.0


def render(snapshot: Snapshot, openmetrics: bool = False) -> bytes:
    """Return the body of an answer: every family that the snapshot has, in the order of the table."""
    lines: list[str] = []
    for family in FAMILIES.values():
        if family.name in snapshot:
            lines += _write(family, snapshot[family.name], openmetrics)
    if openmetrics:
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines).encode()


def _write(family: Family, value: Any, openmetrics: bool) -> Iterator[str]:
    counter = family.kind == COUNTER
    name = family.name + "_total" if counter else family.name
    titled = family.name if openmetrics else name
    yield f"# HELP {titled} {_escape(family.help)}"
    yield f"# TYPE {titled} {family.kind}"
    if family.kind == HISTOGRAM:
        yield from _write_histogram(family, value)
    elif family.labels:
        for key in sorted(value):
            yield f"{name}{_labels(zip(family.labels, key.split('|'), strict=True))} {value[key]}"
    else:
        yield f"{name} {value}"


def _write_histogram(family: Family, value: Any) -> Iterator[str]:
    """Buckets are written as running totals: each counts all that are not longer than its bound."""
    totals = list(accumulate(value["counts"]))
    for bound, total in zip((*map(str, family.bounds), "+Inf"), totals, strict=True):
        yield f"{family.name}_bucket{_labels([('le', bound)])} {total}"
    yield f"{family.name}_sum {value['sum']}"
    yield f"{family.name}_count {totals[-1]}"


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in pairs) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
