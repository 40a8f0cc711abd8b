"""Is anybody still there? The judgement behind pings, and nothing else. Pure: decides, does nothing.

A client that talks is never pinged: whatever comes from it moves `last_seen`, which is one assignment per read, and is
looked at when the client's deadline has passed. A silent client gets a ping; when nothing at all has come for
`pong_timeout_s` after that, it is lost to us. An idle one that answers is looked at once an interval: its pong sets the
next deadline.

    ...last byte ---- ping_interval_s ----> ping ---- pong_timeout_s ----> missed
                          (any byte starts over)

Read next: `conversation.py`, which asks; `reactor/wheel.py`, which keeps the deadlines.
"""

from typing import Final, NamedTuple

LATE_S: Final = 1.0
"""A verdict that comes this late says that *we* were away (a stopped process, a sleeping laptop): ask again first."""

WAIT: Final = "wait"
PING: Final = "ping"
MISSED: Final = "missed"


class Judgement(NamedTuple):
    """What to do now, and when to ask again (seconds on the monotonic clock)."""

    action: str
    next_due: float


def judge(now: float, last_seen: float, pinged_at: float, interval_s: float, timeout_s: float) -> Judgement:
    """Judge a client. `pinged_at` is when the unanswered ping was sent, 0 without one."""
    if pinged_at and last_seen < pinged_at:
        verdict_due = pinged_at + timeout_s
        if now < verdict_due:
            return Judgement(WAIT, verdict_due)
        if now < verdict_due + LATE_S:
            return Judgement(MISSED, now)
        return Judgement(PING, now + timeout_s)
    ping_due = last_seen + interval_s
    if now < ping_due:
        return Judgement(WAIT, ping_due)
    return Judgement(PING, now + min(interval_s, timeout_s))  # one that answers at once is asked again in time
