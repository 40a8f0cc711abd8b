"""Keeps the cyclic collector from stopping the loop for long: what survived it once it does not look at for an hour.

A full run of the collector looks at every container that there is, in one piece: with 5,000 channels that is a pause of
100 ms, for nothing, since clients and channels are made so that they are freed without it. It runs each time that the
objects have become a quarter more. So after each full run all that is left is frozen (gc.freeze): the next one looks
only at what has come since. Somebody's circle among the frozen ones would stay for ever; so once an hour everything is
thawed, and the run after that looks at all of it.

Read next: `memory.py`, for the other half of what a long-lived process needs.
"""

import gc
from collections.abc import Callable
from typing import Any, Final

THAW_S: Final = 3600.0
"""A pause of a tenth of a second an hour is what a circle of garbage that nobody knew of may cost."""

OLDEST: Final = 2
"""The generation of a full run."""


class Freezer:
    """Freezes what full runs have left, within a `with`; once in a process that serves."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._thawed_at = monotonic()

    def __enter__(self) -> None:
        """Begin, with all that the process has made so far: modules and classes never die."""
        gc.collect()
        gc.freeze()
        gc.callbacks.append(self.on_collection)

    def __exit__(self, *_: object) -> None:
        """End, and let the collector look at everything again."""
        gc.callbacks.remove(self.on_collection)
        gc.unfreeze()

    def on_collection(self, phase: str, about: dict[str, Any]) -> None:
        """Hear of each run of the collector (gc.callbacks)."""
        if phase != "stop" or about["generation"] != OLDEST:
            return
        now = self._monotonic()
        if now - self._thawed_at >= THAW_S:
            self._thawed_at = now
            gc.unfreeze()
        else:
            gc.freeze()
