"""What one process of a run has counted, and the sum of several.

Read next: `crew.py`, which counts; `report.py`, which tells.
"""

from collections.abc import Iterable

import msgspec


class Tally(msgspec.Struct):
    """Counts of one run. Nothing that went wrong is left out: what has no field of its own has a key in a dict."""

    opened: int = 0
    """Connections that came to be, and joined what they join."""
    refused: dict[str, int] = {}
    """Connections that did not, by reason."""
    closed: dict[str, int] = {}
    """Connections that ended before we ended them, by close code or reason."""
    slow_closed: dict[str, int] = {}
    """The same of those that do not read: that is what they are there for."""
    connect_s: float = 0.0
    """From the first dial until all were open, or refused."""
    sent: int = 0
    received: int = 0
    """Messages that came back, after the end too."""
    in_time: int = 0
    """Of these, those that came before the end."""
    bytes_in_time: int = 0
    """Their payload."""
    lost: int = 0
    """Messages that should have come and did not."""
    wrong: int = 0
    """Messages that nobody sent, or that came back changed."""
    gaps: int = 0
    """Places where a channel's numbers do not follow one another."""
    errors: dict[str, int] = {}
    """Answers that were errors, by code."""
    unsent: int = 0
    """Messages that were due in an open loop and that the load tester itself did not get to send."""

    def add(self, other: "Tally") -> None:
        """Add what another process has counted; of times the longest counts."""
        for name in self.__struct_fields__:
            mine, its = getattr(self, name), getattr(other, name)
            if isinstance(mine, dict):
                for key, count in its.items():
                    mine[key] = mine.get(key, 0) + count
            else:
                setattr(self, name, max(mine, its) if name == "connect_s" else mine + its)

    @property
    def faults(self) -> list[str]:
        """What went wrong, in words; empty: nothing did."""
        found = [f"{count:,} connections refused ({why})" for why, count in self.refused.items()]
        found += [f"{count:,} connections closed by the server ({why})" for why, count in self.closed.items()]
        found += [f"{count:,} errors {code}" for code, count in self.errors.items()]
        if self.lost:
            found.append(f"{self.lost:,} messages lost")
        if self.wrong:
            found.append(f"{self.wrong:,} messages that nobody sent")
        if self.gaps:
            found.append(f"{self.gaps:,} gaps in the numbers of a channel")
        return found


def summed(tallies: Iterable[Tally]) -> Tally:
    """Return the sum."""
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total
