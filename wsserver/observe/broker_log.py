"""Tells the log how the link to the other nodes fares.

Read next: `logs.py`.
"""

from typing import Final

from wsserver.observe import logs

_LOG: Final = logs.get("broker")


class BrokerLog:
    """A `Reporter` (`brokers/redis.py`)."""

    def trouble(self, sentence: str) -> None:
        """Warn."""
        _LOG.error("broker_trouble", "The other nodes cannot be reached; what needs them is refused.", cause=sentence)

    def recovered(self) -> None:
        """Give the all-clear."""
        _LOG.info("broker_recovered", "The other nodes can be reached.")
