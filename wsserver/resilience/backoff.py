"""How long to wait before something that failed is tried again: longer each time, and never the same for everybody.

The pause doubles from `first_s` up to `most_s`. Each one is drawn between half of that and the whole: a hundred nodes
that lost one database at one moment do not come back to it in one moment ("equal jitter" of Brooker, "Exponential
Backoff and Jitter", 2015). Half is kept so that no pause comes out as nothing.

It reads no clock and waits for nobody. Read next: `breaker.py`.
"""

from collections.abc import Callable


class Backoff:
    """The next pause of one thing that is tried again and again, drawn by the `uniform(low, high)` that is given."""

    __slots__ = ("_first_s", "_most_s", "_reach_s", "_uniform")

    def __init__(self, first_s: float, most_s: float, uniform: Callable[[float, float], float]) -> None:
        assert 0 < first_s <= most_s
        self._first_s = first_s
        self._most_s = most_s
        self._uniform = uniform
        self._reach_s = first_s

    def next(self) -> float:
        """Return how many seconds to wait now, at most `most_s`; the next answer comes from twice that range."""
        reach_s = self._reach_s
        self._reach_s = min(reach_s * 2, self._most_s)
        return self._uniform(reach_s / 2, reach_s)

    def reset(self) -> None:
        """It worked: the next pause is a short one again."""
        self._reach_s = self._first_s
