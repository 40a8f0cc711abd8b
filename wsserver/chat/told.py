"""What this node has announced lately: said again when its link is back, for nobody may have heard it.

A link that breaks on our side alone is not noticed by the others: they have missed nothing that they know of. So the
newest message of each channel is announced once more; whoever has it drops it, whoever has not sees what is missing
before it. Only for logs that do not announce by themselves.

Read next: `replicas.py`, which announces; `broker.py`.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Final

from wsserver.chat.broker import Broker
from wsserver.chat.vocabulary import MessageEvent
from wsserver.clients.router import Surroundings

DOUBT_S: Final = 15.0
"""A broken link is noticed within ten seconds; what was said into it before is kept in mind for so long."""

TOLD: Final = 10_000
TOLD_CHARS: Final = 16 * 1024 * 1024
"""Channels, and characters of their messages: as much as may wait for the log. What is over is heard of later."""

AT_ONCE: Final = 50
TICK_S: Final = 0.005
"""So many are said again in one turn, and so long after the last ones."""


class Told:
    """The newest message of each channel in which this node said something lately."""

    def __init__(self, surroundings: Surroundings, broker: Broker) -> None:
        self._surroundings = surroundings
        self._broker = broker
        self._recent: OrderedDict[str, tuple[float, str, MessageEvent]] = OrderedDict()  # the longest ago first
        self._size = 0

    def __len__(self) -> int:
        return len(self._recent)

    def announce(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Tell the other nodes (`Broker.announce`), and keep it in mind."""
        self._broker.announce(channel, epoch, messages)
        now = self._surroundings.monotonic()
        self._forget(channel)
        self._recent[channel] = (now, epoch, messages[-1])
        self._size += len(messages[-1].text)
        while len(self._recent) > TOLD or self._size > TOLD_CHARS:
            self._forget(next(iter(self._recent)))
        if self._broker.trouble is None:
            self._prune(now)

    def tell_again(self) -> None:
        """The link is back."""
        self._repeat(list(self._recent))

    def _repeat(self, channels: list[str]) -> None:
        for channel in channels[:AT_ONCE]:
            known = self._recent.get(channel)
            if known is not None:
                self._broker.announce(channel, known[1], [known[2]])
        if len(channels) > AT_ONCE:
            self._surroundings.call_later(TICK_S, partial(self._repeat, channels[AT_ONCE:]))

    def _prune(self, now: float) -> None:
        while self._recent:
            channel, (since, _, _) = next(iter(self._recent.items()))
            if since + DOUBT_S > now:
                return
            self._forget(channel)

    def _forget(self, channel: str) -> None:
        known = self._recent.pop(channel, None)
        if known is not None:
            self._size -= len(known[2].text)
