"""Tells the log how the store fares.

Read next: `logs.py`.
"""

from collections.abc import Callable
from typing import Final

from wsserver.observe import logs

_LOG: Final = logs.get("store")


class StoreLog:
    """A `Reporter` (`stores/base.py`)."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        """`on_lost` is called when the store will not come back in this process."""
        self._on_lost = on_lost
        self.on_recovered: Callable[[], object] = lambda: None
        """Is called when the store works again."""

    def trouble(self, sentence: str) -> None:
        """Warn."""
        _LOG.error("store_trouble", "The store is in trouble; what cannot be stored is refused.", cause=sentence)

    def recovered(self) -> None:
        """Give the all-clear."""
        _LOG.info("store_recovered", "The store works again.")
        self.on_recovered()

    def lost(self, sentence: str) -> None:
        """Say why the server ends."""
        _LOG.error("store_lost", "The store is lost to this process; the server stops.", cause=sentence)
        self._on_lost()
