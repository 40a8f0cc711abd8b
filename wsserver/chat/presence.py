"""Decides who is in a channel and what is to be announced of it, and when. Pure: it is told the time and does nothing.

A user is in a channel while at least one client of that user is, and for `grace_s` after the last one was lost. What
changed is bundled: the first change sets the time of the announcement; who came and went meanwhile is not mentioned,
unless somebody was given a list in which that user stands.

    enter ---> here ---- leave (clean) -----------------> gone
                ^ |
                | +----- lose ---> in grace --- expiry ---> gone
                +------- enter (not announced) ---+

Read next: `announcer.py`, which keeps the time and sends what was decided here.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from msgspec import Struct

BUNDLE_S: Final = 0.25
"""Long enough for the joins of one burst, short enough to look immediate."""

CROWD: Final = 100
CROWD_BUNDLE_S: Final = 5.0
"""Above so many users nobody follows single arrivals, and each would cost as many deliveries as there are clients."""

SLACK_S: Final = 1e-6
"""A timer may come early by a rounding error of the clock; it must not be armed again for the rest."""

KEPT: Final = 128
"""Names that are kept in a list of their own while nobody goes: to join a hundred others takes 1.1 us instead of 1.6.
Some more than anybody asks for by default (`presence.names`)."""

_MIXED: Final = -1
"""In place of a count of lists: some members believe that the user is here, and some that it is not."""


class Names(Struct, gc=False):
    """At most so many names as asked for, and how many more there are."""

    names: list[str]
    more: int


class Change(Struct, gc=False):
    """What is to be announced. `more` counts those who came or went and are not named."""

    joined: list[str]
    left: list[str]
    more: int


class Roster:
    """The users of one channel. Times are seconds on the caller's monotonic clock."""

    __slots__ = ("_announce_at", "_first", "_grace", "_here", "_joined", "_left", "_lists")

    def __init__(self) -> None:
        self._here: dict[str, int] = {}  # user -> how many clients
        self._first: list[str] = []  # the first of them, as far as they were asked for
        self._grace: dict[str, float] = {}  # user without a client -> until when; in order of that time
        self._joined: dict[str, int] = {}  # to be announced, in order -> how many lists were out
        self._left: dict[str, int] = {}
        self._lists = 0  # how many were handed out
        self._announce_at: float | None = None

    @property
    def count(self) -> int:
        """How many users are in the channel; exact, users in grace included."""
        return len(self._here) + len(self._grace)

    def first_names(self, limit: int) -> Names:
        """Return at most `limit` names, and how many more there are; changes of it will be announced."""
        self._lists += 1
        if len(self._first) < min(limit, len(self._here)):
            self._first = list(islice(self._here, limit))
        names = self._first[:limit]
        names += islice(self._grace, limit - len(names))
        return Names(names, len(self._here) + len(self._grace) - len(names))

    def enter(self, user: str, now: float) -> None:
        """A client of `user` joined. It is given the next list."""
        here = self._here
        clients = here.get(user, 0)
        here[user] = clients + 1
        if clients:
            return
        if len(self._first) == len(here) - 1 < KEPT:
            self._first.append(user)
        if self._grace.pop(user, None) is None:
            self._note(user, self._joined, self._left, self._lists + 1, now)

    def leave(self, user: str, now: float) -> None:
        """A client of `user` left, and said so."""
        if self._drop_client(user):
            self._note(user, self._left, self._joined, self._lists, now)

    def lose(self, user: str, now: float, grace_s: float) -> None:
        """A client of `user` was lost: the user stays for `grace_s` more seconds."""
        if self._drop_client(user):
            self._grace[user] = now + grace_s

    @property
    def due_at(self) -> float | None:
        """When `step` has something to do; None: not before something happens."""
        if not self._grace:
            return self._announce_at
        grace_until = next(iter(self._grace.values()))
        return grace_until if self._announce_at is None else min(grace_until, self._announce_at)

    def step(self, now: float, limit: int) -> Change | None:
        """Let users go whose grace is over; return what is to be announced now, at most `limit` names a list."""
        now += SLACK_S
        while self._grace:
            user, until = next(iter(self._grace.items()))
            if until > now:
                break
            del self._grace[user]
            self._note(user, self._left, self._joined, self._lists, now)
        if self._announce_at is None or self._announce_at > now:
            return None
        return self._take(limit)

    def _drop_client(self, user: str) -> bool:
        """Tell whether that was the user's last client here."""
        clients = self._here.get(user, 0) - 1
        if clients < 0:
            return False  # it is going because coming in failed
        if clients:
            self._here[user] = clients
            return False
        del self._here[user]
        self._first = []
        return True

    def _note(self, user: str, same: dict[str, int], other: dict[str, int], lists: int, now: float) -> None:
        """Note that `user` came or went, unless there is nobody to tell, or the two cancel out for everybody.

        They do not for who was given a list between them, but for `user`, whose own is among the first `lists`. From
        then on some believe one thing and some the other, so whatever comes next has to be told.
        """
        seen = other.pop(user, None)
        count = self.count
        if count == 0 or (count == 1 and same is self._joined):
            self._joined.clear()
            self._left.clear()
        elif seen is None:
            same[user] = lists
        elif seen < self._lists:
            same[user] = _MIXED
        if not self._joined and not self._left:
            self._announce_at = None
        elif self._announce_at is None:
            self._announce_at = now + (CROWD_BUNDLE_S if count > CROWD else BUNDLE_S)

    def _take(self, limit: int) -> Change:
        joined = _named(self._joined, len(self._joined), limit)
        left = _named(self._left, len(self._left), limit)
        self._joined.clear()
        self._left.clear()
        self._announce_at = None
        return Change(joined.names, left.names, joined.more + left.more)


def _named(names: Iterable[str], count: int, limit: int) -> Names:
    named = list(islice(names, limit))
    return Names(named, count - len(named))
