"""The channels that the hub has heard of: which part of the store holds each, and the number it has on this machine.

A number is given once and never again, and it is the same for all workers, so that clients of two workers mean the same
channel by it. What nobody has open is forgotten when there is no room, the longest known first.

Read next: `hub_log.py`, `hub.py`.
"""

from collections.abc import Callable
from typing import Final

from wsserver.chat.log import Log

KNOWN_LIMIT: Final = 200_000
"""Twice the channels that one worker has at a time; some 150 bytes each."""

FORGET_SHARE: Final = 8
"""An eighth is forgotten at once, so that looking for what may go is rare."""


class HubChannels:
    """By name. `store` may be None: then there are numbers only."""

    def __init__(self, store: Log | None, is_open: Callable[[str], bool], limit: int = KNOWN_LIMIT) -> None:
        """`is_open(channel)`: a worker wants to hear of it."""
        self._store = store
        self._is_open = is_open
        self._limit = limit
        self._parts: dict[str, Log] = {}
        self._numbers: dict[str, int] = {}
        self._last = 0
        self._crowded = limit  # so many are known when it is worth looking for what may be forgotten

    def __len__(self) -> int:
        return len(self._parts) + len(self._numbers)

    def part_of(self, channel: str) -> Log:
        """Return the part of the store that holds `channel`."""
        part = self._parts.get(channel)
        if part is None:
            assert self._store is not None, "there is no store"
            self._make_room()
            part = self._parts[channel] = self._store.part_of(channel)
        return part

    def number_of(self, channel: str) -> int:
        """Return what binary frames call `channel`."""
        number = self._numbers.get(channel)
        if number is None:
            self._make_room()
            self._last = number = self._numbers[channel] = self._last + 1
        return number

    def _make_room(self) -> None:
        """Forget what nobody has open. Where that is too little so many are open, which is the chat's to limit."""
        for known in (self._parts, self._numbers):
            if len(known) >= self._crowded:
                quiet = [channel for channel in known if not self._is_open(channel)]
                for channel in quiet[: self._limit // FORGET_SHARE]:
                    del known[channel]
                    if known is self._parts and self._store is not None:
                        self._store.release(channel)
                self._crowded = max(self._limit, len(known) + self._limit // FORGET_SHARE)
