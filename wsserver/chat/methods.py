"""The methods that every chat has: `echo`, `time`, `whoami`, `channels`, `stats`.

Read next: `requests.py`, which calls them.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from heapq import nlargest
from operator import itemgetter
from typing import Any, Final

from wsserver.chat.audience import Audience
from wsserver.chat.authority import Rules
from wsserver.chat.broker import Count, ListChannels
from wsserver.chat.channels import Channels
from wsserver.chat.cluster import Cluster
from wsserver.chat.requests import Caller, Later, Requests
from wsserver.chat.topics import Topics
from wsserver.chat.users import Users
from wsserver.clients.router import Surroundings

LISTED: Final = 1000
"""Channels in one answer: 300 KB at worst, which fits into a client's queue."""

MANY: Final = 1000
FRESH_S: Final = 1.0
"""A list of so many channels is made once a second: of 20,000 it takes 25 ms, and any client may ask 50 times a second,
which the other nodes would have to answer too."""

LISTS: Final = 32
"""Clients whose lists are kept, 250 KB each."""


class Methods:
    """What the built-in methods look at."""

    def __init__(
        self,
        surroundings: Surroundings,
        everyone: Audience,
        users: Users,
        channels: Channels,
        topics: Topics,
        cluster: Cluster | None = None,
    ) -> None:
        """`cluster`: the other nodes, where there are any; what is told is told of all."""
        self._cluster = cluster
        self._surroundings = surroundings
        self._everyone = everyone
        self._users = users
        self._channels = channels
        self._topics = topics
        self._started = surroundings.monotonic()
        # the list of channels, where it is long
        self._many = False
        self._counted: list[tuple[str, int]] | None = None
        self._counted_at = 0.0
        self._lists: dict[str, dict[str, Any]] = {}  # by client
        self._asking: list[tuple[Caller, Callable[[Any], None]]] = []

    def register(self, requests: Requests) -> None:
        """Offer them."""
        requests.register("echo", self.echo)
        requests.register("time", self.time)
        requests.register("whoami", self.whoami)
        requests.register("channels", self.channels)
        requests.register("stats", self.stats)

    def echo(self, _caller: Caller, params: Any) -> Any:
        """Return `params`."""
        return params

    def time(self, _caller: Caller, _params: Any) -> dict[str, int]:
        """Return `ts`, milliseconds since 1970."""
        return {"ts": self._surroundings.wall_ms()}

    def whoami(self, caller: Caller, _params: Any) -> dict[str, str | None]:
        """Return the caller's `client`, `user` (None while unnamed) and `address`."""
        return {"client": caller.client, "user": caller.user, "address": caller.address}

    def channels(self, caller: Caller, _params: Any) -> dict[str, Any] | Later:
        """Return `channels`, the fullest first, each with its `count` of users; `more` counts those not listed.

        Of channels that the caller may not join nothing is told.
        """
        cluster = self._cluster
        if self._counted is not None and self._surroundings.monotonic() < self._counted_at + FRESH_S:
            return self._list_for(caller)
        self._counted = None
        if cluster is None:
            return self._note(self.counts(), caller)

        def begin(done: Callable[[Any], None]) -> None:
            if not self._many:
                answered = partial(self._gathered, [(caller, done)])
            elif self._asking:
                self._asking.append((caller, done))
                return  # the others are being asked
            else:
                self._asking = [(caller, done)]
                answered = partial(self._gathered, self._asking)
            cluster.gather(ListChannels(), self.counts(), answered)

        return Later(begin)

    def _gathered(self, asking: list[tuple[Caller, Callable[[Any], None]]], answers: list[Any]) -> None:
        """All who asked meanwhile hear it."""
        if asking is self._asking:
            self._asking = []
        counts = merge_counts(answers)
        for caller, done in asking:
            done(self._note(counts, caller))

    def _note(self, counts: list[tuple[str, int]], caller: Caller) -> dict[str, Any]:
        """Return the list for `caller`; one that is long is kept for a second, for all who ask."""
        self._many = len(counts) >= MANY
        if not self._many:
            return self._list(counts, caller)
        if self._counted is not counts:
            self._counted, self._counted_at = counts, self._surroundings.monotonic()
            self._lists.clear()
        return self._list_for(caller)

    def _list_for(self, caller: Caller) -> dict[str, Any]:
        """Return what a client is told of the list that is kept: the same for a second, however often it asks."""
        assert self._counted is not None
        known = self._lists.get(caller.client)
        if known is None:
            known = self._list(self._counted, caller)
            if len(self._lists) < LISTS:
                self._lists[caller.client] = known
        return known

    def _list(self, counts: list[tuple[str, int]], caller: Caller) -> dict[str, Any]:
        rule_of = self._channels.rule_of
        return list_fullest([count for count in counts if _may_join(caller, count[0], rule_of)])

    def stats(self, _caller: Caller, _params: Any) -> dict[str, float] | Later:
        """Return the numbers of `clients`, `users`, `channels` and topic `subscriptions`, and `uptime` in seconds.

        A user with clients on several nodes counts on each of them. `uptime` is that of this node.
        """
        cluster = self._cluster
        if cluster is None:
            return self.numbers()

        def begin(done: Callable[[Any], None]) -> None:
            cluster.gather(Count(), self.numbers(), lambda answers: done(_add_up(answers)))

        return Later(begin)

    def counts(self) -> list[tuple[str, int]]:
        """Return the channels that have somebody in them, with the number of users, on other nodes too."""
        return [(channel.name, channel.roster.count) for channel in self._channels]

    def numbers(self) -> dict[str, float]:
        """Return the numbers of this node."""
        return {
            "clients": len(self._everyone),
            "users": len(self._users),
            "channels": len(self._channels) if self._cluster is None else self._cluster.neighbours.spoken_for(),
            "subscriptions": len(self._topics),
            "uptime": round(self._surroundings.monotonic() - self._started, 3),
        }


def list_fullest(channels: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Return the fullest of some channels, each with its `count` of users; `more` counts those not listed."""
    fullest = nlargest(LISTED, channels, key=itemgetter(1))
    listed = [{"channel": name, "count": count} for name, count in fullest]
    return {"channels": listed, "more": len(channels) - len(listed)}


def merge_counts(answers: Iterable[Iterable[tuple[str, int]]]) -> list[tuple[str, int]]:
    """Return each channel once, from what several nodes have answered: whoever has it open knows all its users."""
    counts: dict[str, int] = {}
    for answer in answers:
        for name, count in answer:
            counts[name] = max(count, counts.get(name, 0))
    return list(counts.items())


def _add_up(answers: list[dict[str, float]]) -> dict[str, float]:
    here = dict(answers[0])
    for answer in answers[1:]:
        for name in here.keys() - {"uptime"}:
            here[name] += answer.get(name, 0)
    return here


def _may_join(caller: Caller, channel: str, rule_of: Rules) -> bool:
    members = rule_of(channel).join
    return (members is None or caller.user in members) and caller.covers(channel)
