"""The methods that every chat has: `echo`, `time`, `whoami`, `channels`, `stats`.

Read next: `requests.py`, which calls them.
"""

from collections.abc import Callable, Iterable, Sequence
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
        rule_of, cluster = self._channels.rule_of, self._cluster
        if cluster is None:
            return list_fullest([count for count in self.counts() if _may_join(caller, count[0], rule_of)])

        def begin(done: Callable[[Any], None]) -> None:
            cluster.gather(ListChannels(), self.counts(), lambda answers: done(
                list_fullest([count for count in merge_counts(answers) if _may_join(caller, count[0], rule_of)])
            ))  # fmt: skip

        return Later(begin)

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
