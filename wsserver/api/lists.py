"""What other programs may look at: channels, who is in one, what was said there, and the connections of this server.

Read next: `service.py`, for the paths.
"""

from collections.abc import Callable
from functools import partial
from heapq import nlargest
from operator import itemgetter
from typing import Any, Final

from wsserver.api.answers import bad_field
from wsserver.api.query import Query
from wsserver.chat.broker import ListChannels, ListConnections
from wsserver.chat.channels import Channels
from wsserver.chat.cluster import Cluster
from wsserver.chat.history import PAGE_LIMIT, read_page
from wsserver.chat.log import Log
from wsserver.chat.methods import LISTED, list_fullest, merge_counts
from wsserver.chat.names import judge_channel
from wsserver.chat.requests import Later
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import History
from wsserver.clients.client import Client
from wsserver.clients.registry import Registry

HISTORY: Final = 50
"""Messages in one page if nothing is said, as for clients."""

CONNECTIONS: Final = 50
"""Connections in one list if nothing is said: a screenful."""

_SORTS: Final[dict[str, Callable[[Client], float]]] = {
    "pending": lambda client: client.transport.queued,
    "age": lambda client: -client.created_at,
    "messages_in": lambda client: client.messages_in,
    "messages_out": lambda client: messages_out(client),
}
"""The largest come first."""


class Lists:
    """Reads and changes nothing."""

    def __init__(
        self, channels: Channels, log: Log, names: int, registry: Registry, cluster: Cluster | None = None
    ) -> None:
        """At most `names` users are named in one list. `cluster`: the other nodes, where there are any."""
        self._cluster = cluster
        self._channels = channels
        self._log = log
        self._names = names
        self._registry = registry

    def channels(self) -> dict[str, Any] | Later:
        """Return the channels that have somebody in them, the fullest first."""
        counts = [(channel.name, channel.roster.count) for channel in self._channels]
        if self._cluster is None:
            return list_fullest(counts)
        gather = partial(self._cluster.gather, ListChannels(), counts)
        return Later(lambda done: gather(lambda answers: done(list_fullest(merge_counts(answers)))))

    def presence(self, name: str) -> dict[str, Any]:
        """Return who is in a channel. One that nobody ever named is empty.

        Raises ChatError `bad_channel`, and StoreUnavailable.
        """
        judge_channel(name)
        if self._cluster is not None:
            self._log.head(name)  # who is there elsewhere is known from the moment in which that is
        channel = self._channels.find(name)
        if channel is None:
            return {"channel": name, "users": [], "count": 0, "more": 0}
        users = channel.roster.first_names(self._names)
        return {"channel": name, "users": users.names, "count": channel.roster.count, "more": users.more}

    def history(self, name: str, query: Query) -> dict[str, Any]:
        """Return a page of a channel's log, the oldest message first. Raises ChatError, ApiError, StoreUnavailable."""
        judge_channel(name)
        limit = query.count("limit", HISTORY, PAGE_LIMIT)
        wanted = History(channel=name, before=query.integer("before"), after=query.integer("after"), limit=limit)
        page = read_page(self._log, wanted)
        return {"channel": name, "epoch": page.head.epoch, "messages": page.messages, "more": page.more}

    def connections(self, query: Query) -> dict[str, Any] | Later:
        """Return connections, those first that are largest in what they are sorted by. Raises ApiError."""
        sort = query.text("sort") or "pending"
        if sort not in _SORTS:
            raise bad_field("sort", f"must be one of {', '.join(_SORTS)}")
        limit = query.count("limit", CONNECTIONS, LISTED)
        asked = ListConnections(sort, limit)
        if self._cluster is None:
            return self.connections_here(asked)
        gather = partial(self._cluster.gather, asked, self.connections_here(asked))
        return Later(lambda done: gather(lambda answers: done(_merge(asked, answers))))

    def connections_here(self, asked: ListConnections) -> dict[str, Any]:
        """Return those of this node. Who asks may be another one, whose wishes nobody has judged."""
        clients = self._registry.clients
        now = self._registry.monotonic()
        key, limit = _SORTS.get(asked.sort, _SORTS["pending"]), min(asked.limit, LISTED)
        listed = [_describe(client, now) for client in nlargest(limit, clients, key=key)]
        return {"connections": listed, "more": len(clients) - len(listed)}


def _merge(asked: ListConnections, answers: list[Any]) -> dict[str, Any]:
    """Return the largest of what several nodes list."""
    listed = [connection for answer in answers for connection in answer["connections"]]
    count = len(listed) + sum(answer["more"] for answer in answers)
    largest = nlargest(asked.limit, listed, key=itemgetter(asked.sort))
    return {"connections": largest, "more": count - len(largest)}


def _describe(client: Client, now: float) -> dict[str, Any]:
    """Return what is told of a connection; `client` is None until it is a WebSocket."""
    session = client.context
    return {
        "client": client.id or None,
        "user": session.user if isinstance(session, Session) else None,
        "state": client.state.name,
        "address": client.address,
        "pending": client.transport.queued,
        "messages_in": client.messages_in,
        "messages_out": messages_out(client),
        "age": round(now - client.created_at, 3),
    }


def messages_out(client: Client) -> int:
    """Return how many messages a client was sent, those included that went to a whole crowd at once."""
    session = client.context
    if not isinstance(session, Session):
        return client.messages_out
    return client.messages_out + sum(channel.audience.told_to(session) for channel in session.channels.values())
