"""Tells the log when a breaker opens and closes: once each, however many were refused meanwhile.

Read next: `resilience/guard.py`, which calls it; `logs.py`.
"""

from typing import Final

from wsserver.observe import logs
from wsserver.resilience.breaker import State

_LOG: Final = logs.get("breaker")


class BreakerLog:
    """A `Report` (`resilience/guard.py`) for one part of the server."""

    def __init__(self, part: str) -> None:
        """`part`: "store" or "broker"."""
        self._part = part

    def __call__(self, before: State, now: State, cause: str) -> None:
        """Write down a change; that it was tried in vain once more is for those who look for a fault."""
        part = self._part
        if now is State.CLOSED:
            _LOG.info("breaker_closed", f"The {part} answers again.", part=part)
        elif before is State.CLOSED:
            _LOG.error(
                "breaker_open", f"The {part} does not answer; it is left alone for a while.", part=part, cause=cause
            )
        else:
            _LOG.debug("breaker_trial", f"The {part} is tried.", part=part, state=now.name.lower(), cause=cause)
