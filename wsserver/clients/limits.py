"""The numbers that bound one client, and the arithmetic of rates. Pure: decides, does nothing.

Where a number comes from stands in `configuration/settings.py` (and in what `wsserver config` prints).

Read next: `client.py`.
"""

from dataclasses import dataclass
from typing import Final

LIMITED_FOR_S: Final = 10.0
"""A client that stays above its rate for so long is closed with 4029."""

PING_RATE: Final = 10.0
PING_BURST: Final = 20.0
"""Pings and pongs a second, and at once. The conformance suite sends ten at once; measuring latency takes one."""

ADMIT: Final = "admit"
LIMIT: Final = "limit"
CLOSE: Final = "close"


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Sizes are bytes, times seconds, rates messages a second; 0 turns a rate off."""

    max_message: int = 64 * 1024
    max_fragments: int = 1024
    handshake_timeout_s: float = 10.0
    keepalive_timeout_s: float = 15.0
    max_requests: int = 100
    ping_interval_s: float = 25.0
    pong_timeout_s: float = 20.0
    close_timeout_s: float = 5.0
    rate: float = 50.0
    inflate_rate: float = 4.0 * 1024 * 1024
    """Bytes a second that one client's compressed messages may come to; 0: any number."""
    queue: int = 1024 * 1024
    queue_policy: str = "close"


class Rate:
    """A token bucket written as one number a client (the generic cell rate algorithm).

    That number is the time at which the bucket would be full again: each message moves it `interval_s` into the future,
    and a message that would move it more than `tolerance_s` ahead of now is above the rate. One for all clients; what
    each of them carries is a float.
    """

    __slots__ = ("interval_s", "tolerance_s")

    def __init__(self, per_second: float, burst: float) -> None:
        """`per_second` messages in the long run, `burst` at once; both above 0."""
        self.interval_s = 1.0 / per_second
        self.tolerance_s = burst * self.interval_s

    def charge(self, full_at: float, now: float) -> float:
        """Return the new time at which the bucket is full; above `now + tolerance_s` the message is too many."""
        return (full_at if full_at > now else now) + self.interval_s

    def allows(self, full_at: float, now: float) -> bool:
        """Tell whether a bucket with that time is within the rate (the slack is for rounding)."""
        return full_at <= now + self.tolerance_s + 1e-9


class Meter:
    """Judges the messages of one client against the rate, and notices when it never stops being above it."""

    __slots__ = ("_full_at", "_limited_since", "_rate")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._full_at = 0.0
        self._limited_since = 0.0  # since when it is above the rate without having rested; 0: it is not

    def judge(self, now: float) -> str:
        """Judge one message at `now` (seconds, monotonic): ADMIT, LIMIT, or CLOSE after LIMITED_FOR_S of that."""
        if self._full_at <= now:
            self._limited_since = 0.0  # it rested until its bucket was full
        full_at = self._rate.charge(self._full_at, now)
        if self._rate.allows(full_at, now):
            self._full_at = full_at
            return ADMIT
        if not self._limited_since:
            self._limited_since = now
        return LIMIT if now - self._limited_since < LIMITED_FOR_S else CLOSE
