"""What the chat asks about rights: who has signed for whom, and what may be done in a channel.

The consumer owns the interface; `access/` implements it. Nothing here knows what a token looks like. In open mode
there is no authority: names are taken on trust, and no session has a grant.

Read next: `gate.py`, which asks for tokens; `rooms.py` and `posting.py`, which ask for rules.
"""

from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct

from wsserver.chat.names import pattern_covers
from wsserver.websocket.codes import UNAUTHENTICATED


class BadToken(Exception):
    """A token that opens nothing. `reason` goes into the Close frame (at most 123 bytes) and into the log."""

    def __init__(self, reason: str, code: int = UNAUTHENTICATED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class Grant(Struct, frozen=True, gc=False):
    """What a good token says: this is `user`, until `expires_ms` (milliseconds since 1970, that instant excluded)."""

    user: str
    expires_ms: int
    channels: tuple[str, ...] | None = None
    """Patterns of the channels it may join and send to; None: all."""

    def covers(self, channel: str) -> bool:
        """Tell whether the token reaches as far as `channel`."""
        return self.channels is None or any(pattern_covers(pattern, channel) for pattern in self.channels)


class Authority(Protocol):
    """Judges tokens."""

    def judge(self, token: str, address: str) -> Grant:
        """Return what `token`, shown by a client at `address`, grants now. Raises BadToken."""


class ChannelRule(Struct, frozen=True, gc=False):
    """What the operator says about one channel."""

    join: frozenset[str] | None = None
    """The users who may join; None: everybody."""
    send: frozenset[str] | None = None
    """The members who may send; None: all."""
    queue_policy: str | None = None
    """One of `outbox.QUEUE_POLICIES` for its messages in a member's full queue; None: that of the server."""


NO_RULE: Final = ChannelRule()

Rules = Callable[[str], ChannelRule]
"""Returns the rule of a channel, by its name."""


def no_rules(_channel: str) -> ChannelRule:
    """Let everybody do everything everywhere."""
    return NO_RULE
