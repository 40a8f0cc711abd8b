"""The methods that every chat has: `echo`, `time`, `whoami`, `channels`, `stats`.

Read next: `requests.py`, which calls them.
"""

from collections.abc import Sequence
from heapq import nlargest
from typing import Any, Final

from wsserver.chat.audience import Audience
from wsserver.chat.channels import Channel, Channels
from wsserver.chat.requests import Caller, Requests
from wsserver.chat.topics import Topics
from wsserver.chat.users import Users
from wsserver.clients.router import Surroundings

LISTED: Final = 1000
"""Channels in one answer: 300 KB at worst, which fits into a client's queue."""


class Methods:
    """What the built-in methods look at."""

    def __init__(
        self, surroundings: Surroundings, everyone: Audience, users: Users, channels: Channels, topics: Topics
    ) -> None:
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

    def channels(self, caller: Caller, _params: Any) -> dict[str, Any]:
        """Return `channels`, the fullest first, each with its `count` of users; `more` counts those not listed.

        Of channels that the caller may not join nothing is told.
        """
        open_to_caller = [channel for channel in self._channels if _may_join(caller, channel)]
        return list_fullest(open_to_caller)

    def stats(self, _caller: Caller, _params: Any) -> dict[str, float]:
        """Return the numbers of `clients`, `users`, `channels` and topic `subscriptions`, and `uptime` in seconds."""
        return {
            "clients": len(self._everyone),
            "users": len(self._users),
            "channels": len(self._channels),
            "subscriptions": len(self._topics),
            "uptime": round(self._surroundings.monotonic() - self._started, 3),
        }


def list_fullest(channels: Sequence[Channel]) -> dict[str, Any]:
    """Return `channels`, the fullest first, each with its `count` of users; `more` counts those not listed."""
    fullest = nlargest(LISTED, channels, key=lambda channel: channel.roster.count)
    listed = [{"channel": channel.name, "count": channel.roster.count} for channel in fullest]
    return {"channels": listed, "more": len(channels) - len(listed)}


def _may_join(caller: Caller, channel: Channel) -> bool:
    members = channel.rule.join
    return (members is None or caller.user in members) and caller.covers(channel.name)
