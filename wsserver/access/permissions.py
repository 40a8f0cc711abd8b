"""What the operator says about channels: options by patterns, the most specific one first.

    [channels."*"]       queue_policy = "drop-oldest"       a pattern is a name, or the beginning of one and `*`
    [channels."news:*"]  send = ["ann"]                     news:sport: ann sends, nothing is kept, oldest go first
    [channels."news:sport"]  history = 0                    of the others, news:art keeps as much as any channel

Each option is taken from the most specific pattern that says anything about it: the name itself, then the longest
beginning. So a rule for one channel adds to the rule for its kind, and cannot open by accident what that one closed.

What a token covers is not asked here. Read next: `chat/authority.py`, for what the chat wants to know.
"""

from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from wsserver.chat.authority import NO_RULE, ChannelRule

EVERYBODY: Final = "*"

_T = TypeVar("_T")


class Options(Protocol):
    """What may be said about the channels of one pattern; None: nothing is said."""

    @property
    def history(self) -> int | None:
        """Messages kept."""

    @property
    def queue_policy(self) -> str | None:
        """What happens to its messages in a full queue."""

    @property
    def join(self) -> tuple[str, ...] | None:
        """Users who may join, or `*`."""

    @property
    def send(self) -> tuple[str, ...] | None:
        """Users who may send, or `*`."""


class Permissions:
    """All patterns of one server."""

    def __init__(self, patterns: Mapping[str, Options], history: int) -> None:
        """`history` is what a channel keeps of which no pattern says more."""
        self._history = history
        self._exact = {pattern: options for pattern, options in patterns.items() if not pattern.endswith("*")}
        prefixes = sorted((pattern[:-1] for pattern in patterns if pattern.endswith("*")), key=len, reverse=True)
        self._prefixes = [(prefix, patterns[prefix + "*"]) for prefix in prefixes]

    def rule_of(self, channel: str) -> ChannelRule:
        """Return what the chat wants to know of a channel."""
        options = self._options_of(channel)
        if not options:
            return NO_RULE
        return ChannelRule(
            _users(_first([option.join for option in options])),
            _users(_first([option.send for option in options])),
            _first([option.queue_policy for option in options]),
        )

    def history_of(self, channel: str) -> int:
        """Return how many messages a channel keeps."""
        if not self._exact and not self._prefixes:  # asked for often, and mostly nothing was said
            return self._history
        history = _first([option.history for option in self._options_of(channel)])
        return self._history if history is None else history

    def _options_of(self, channel: str) -> list[Options]:
        """Return what the patterns that cover `channel` say, the most specific one first."""
        found = [self._exact[channel]] if channel in self._exact else []
        return found + [options for prefix, options in self._prefixes if channel.startswith(prefix)]


def _first(said: list[_T | None]) -> _T | None:
    return next((word for word in said if word is not None), None)


def _users(names: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if names is None or EVERYBODY in names else frozenset(names)
