"""What SIGUSR1 writes to the log: where a running server stands, in one line. Numbers, and no names of people.

Read next: `server.py`.
"""

from collections import Counter
from typing import Any

from wsserver.clients.registry import Registry
from wsserver.clients.states import State


def report(registry: Registry) -> dict[str, Any]:
    """Return the fields of the line: clients by state, what waits for them, and what the reactor has to do."""
    reactor = registry.house.reactor
    states = Counter(client.state for client in registry.clients)
    waiting = [client.transport.queued for client in registry.clients]
    return {
        "clients": len(registry.clients),
        **{state.name.lower(): states[state] for state in State if states[state]},
        "queued_bytes": sum(waiting),
        "queued_most": max(waiting, default=0),
        "blocked": len(reactor.blocked),
        "turns": reactor.turns,
        "timers": len(reactor.timers),
        "watched": reactor.watched,
        "resident_bytes": reactor.world.resident_bytes(),
    }
