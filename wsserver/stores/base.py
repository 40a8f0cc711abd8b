"""What all stores share: their face towards the server, and the rules that must not differ between them.

The face towards the chat is `chat/log.py`; here is what is added for whoever opens and closes a store.

Read next: `memory.py`, the simplest one.
"""

from collections.abc import Callable
from typing import Final, Protocol

from wsserver.chat.log import Log

KEY_WINDOW_S: Final = 300.0
"""For so long the same key by the same user in the same channel is the same message (`docs/protocol.md`, keys)."""

EPOCH_BYTES: Final = 8
"""An epoch is told from the few others of its channel, not guarded against guessing."""

HISTORY: Final = 10_000
"""Messages kept of a channel where nothing else is said: some days of a busy one."""


class Reporter(Protocol):
    """Who is told how a store fares; sentences are parts of one, without a capital or a full stop."""

    def trouble(self, sentence: str) -> None:
        """Something cannot be done just now; it is tried again."""

    def recovered(self) -> None:
        """It can be done again."""

    def lost(self, sentence: str) -> None:
        """It will never be done again by this process, which had better end."""


class Store(Log, Protocol):
    """A log that is opened and closed."""

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now; None when all is well."""

    def close(self) -> None:
        """Write what is not written yet and let go of everything. The store is not used again."""


def new_epoch(random_bytes: Callable[[int], bytes]) -> str:
    """Return a name for a new run of numbers: hexadecimal, so it has no `:` in it."""
    return random_bytes(EPOCH_BYTES).hex()
