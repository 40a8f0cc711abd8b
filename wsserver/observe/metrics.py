"""What a process knows about itself, gathered when somebody asks and at no other time.

Nothing is counted for a metric while messages flow: clients carry their own counts, the kernel has those of bytes, and
what is left is added to when a client ends, once a batch, or once a turn. So a scrape has to walk over all clients,
2 us for each; it does that in steps, which take turns with everybody's messages.

Read next: `families.py`, what there is; `process.py`; `scrape.py`, who asks.
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wsserver import __version__
from wsserver.api.lists import messages_out
from wsserver.chat.router import ChatRouter
from wsserver.clients.client import Client
from wsserver.clients.registry import Registry
from wsserver.clients.states import State
from wsserver.clients.tally import OTHER
from wsserver.net.traffic import UNKNOWN, traffic_of
from wsserver.observe.families import Snapshot, of_histogram, of_workers
from wsserver.observe.process import of_process
from wsserver.reactor.histogram import LATENCY_BOUNDS_S, Histogram
from wsserver.resilience.breaker import State as BreakerState
from wsserver.resilience.guard import Guard
from wsserver.websocket.codes import CLOSE_CODES, SLOW_CONSUMER

STEP: Final = 64
"""Clients looked at in one step: 0.1 ms. A turn has 2 ms for steps."""

PARTS: Final = ("store", "broker")


@dataclass(slots=True)
class Sources:
    """Where the numbers are. The composition root fills it in."""

    registry: Registry
    chat: ChatRouter
    commits: Callable[[], Histogram | None] = lambda: None
    """How long the store's batches took; None where there is nothing to commit to."""
    troubles: Mapping[str, Callable[[], str | None]] = field(default_factory=dict)
    """Of "store" and "broker": what is wrong with it. It counts as an open breaker."""
    guards: Mapping[str, Guard] = field(default_factory=dict)
    """Of the same, who lets pass what is asked of them."""
    refused: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    """Of the same, how many questions an open breaker refused."""
    broker: Callable[[], Mapping[str, int]] = dict
    """What went to and fro, by `families.BROKER_WHATS`."""
    cache: Callable[[], Mapping[str, int]] = dict
    """How often it had what was asked for, by `families.CACHE_RESULTS`."""


class Metrics:
    """Makes snapshots of one process."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._started = sources.registry.monotonic()

    def snapshot(self) -> Snapshot:
        """Return all numbers, at once. With 10,000 clients that takes 20 ms; `steps` does not hold others up."""
        for taken in self.steps():
            snapshot = taken
        return snapshot

    def steps(self) -> Iterator[Snapshot]:
        """Yield after each step what is there so far; the last of these is the snapshot.

        Who comes or goes meanwhile is counted once or, if he came late, not yet: no count ever falls.
        """
        snapshot: Snapshot = {}
        registry = self.sources.registry
        crowd = _Crowd(registry)
        clients = [*registry.clients, *registry.leaving]
        for start in range(0, len(clients), STEP):
            crowd.add(clients[start : start + STEP])
            yield snapshot
        snapshot.update(crowd.values())
        snapshot.update(self._of_clients())
        snapshot.update(self._of_chat())
        snapshot.update(self._of_parts())
        snapshot.update(self._of_process())
        yield snapshot

    def _of_clients(self) -> Snapshot:
        registry = self.sources.registry
        tally = registry.house.tally
        closes = {str(code): tally.closes[code] for code in sorted(CLOSE_CODES)}
        return {
            "wsserver_connections_accepted": registry.accepted,
            "wsserver_handoffs": registry.house.tally.handed_off,
            "wsserver_refusals": {str(status): count for status, count in sorted(tally.refusals.items())},
            "wsserver_closes": {**closes, "other": tally.closes[OTHER]},
            "wsserver_slow_consumers": tally.closes[SLOW_CONSUMER],
            "wsserver_blocked_clients": len(registry.house.reactor.blocked),
        }

    def _of_chat(self) -> Snapshot:
        counts = self.sources.chat.counts()
        commits = self.sources.commits() or Histogram(LATENCY_BOUNDS_S)
        return {
            "wsserver_channels": counts.channels,
            "wsserver_users": counts.users,
            "wsserver_subscriptions": counts.subscriptions,
            "wsserver_published": {
                "stored": counts.stored, "duplicate": counts.duplicates, "refused": counts.refused,
            },
            "wsserver_store_commit_seconds": of_histogram(commits),
        }  # fmt: skip

    def _of_parts(self) -> Snapshot:
        sources = self.sources
        guards = sources.guards
        return {
            "wsserver_breaker_state": {part: self._state_of(part) for part in PARTS},
            "wsserver_breaker_opened": {part: guards[part].breaker.opened if part in guards else 0 for part in PARTS},
            "wsserver_breaker_refused": {
                part: sources.refused[part]() if part in sources.refused else 0 for part in PARTS
            },
            "wsserver_broker": dict(sources.broker()),
            "wsserver_cache": dict(sources.cache()),
        }

    def _state_of(self, part: str) -> int:
        """What is known to be in trouble is shown as open, be there a breaker, and has it noticed, or not."""
        guard, trouble = self.sources.guards.get(part), self.sources.troubles.get(part)
        if guard is not None and guard.breaker.state is not BreakerState.CLOSED:
            return int(guard.breaker.state)
        return int(BreakerState.OPEN if trouble is not None and trouble() is not None else BreakerState.CLOSED)

    def _of_process(self) -> Snapshot:
        return {
            "wsserver_build_info": {f"{__version__}|{platform.python_version()}": 1},
            **of_workers(answered=1, silent=0, down=0, restarts=0),
            **of_process(self.sources.registry.house.reactor, self._started),
        }


class _Crowd:
    """Sums over clients, on top of what those said and heard who have gone before."""

    def __init__(self, registry: Registry) -> None:
        tally = registry.house.tally
        self.messages_in, self.messages_out = tally.messages_in, tally.messages_out
        self.received, self.sent = tally.received, tally.sent
        self.queued = self.longest = 0
        self.states: Counter[State] = Counter()

    def add(self, clients: Sequence[Client]) -> None:
        """Add some clients. One loop with local names, for it holds up everybody else."""
        states = self.states
        heard = said = queued = received = sent = 0
        longest = self.longest
        for client in clients:
            transport = client.transport
            states[client.state] += 1
            heard += client.messages_in
            said += messages_out(client) if client.context is not None else client.messages_out
            waiting = transport.queued
            if waiting:
                queued += waiting
                longest = max(longest, waiting)
            traffic = transport.traffic
            came, went = traffic_of(transport.sock) if traffic is UNKNOWN else traffic
            received += came
            sent += went
        self.messages_in += heard
        self.messages_out += said
        self.queued += queued
        self.longest = longest
        self.received += received
        self.sent += sent

    def values(self) -> dict[str, Any]:
        """Return the families that come of it. States that nobody is in are there with 0."""
        return {
            "wsserver_clients": {state.name.lower(): self.states[state] for state in State if state is not State.NONE},
            "wsserver_messages_received": self.messages_in,
            "wsserver_messages_sent": self.messages_out,
            "wsserver_received_bytes": self.received,
            "wsserver_sent_bytes": self.sent,
            "wsserver_queued_bytes": self.queued,
            "wsserver_queued_most_bytes": self.longest,
        }
