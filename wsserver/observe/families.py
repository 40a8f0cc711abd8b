"""All metrics there are: what each is called, what it means, and how those of several processes become one.

    snapshot: {"wsserver_timers": 17, "wsserver_clients": {"open": 3}, "wsserver_turn_seconds": {"counts": [...], ...}}

A snapshot is plain data, so that a process can ask another for its own (msgspec or JSON carry it). A family without a
label has a number; one with labels has numbers by label value, several values joined by `|`; a histogram has `counts`
for each bucket alone, and `sum`. Label values come from lists that are known before: never a name of a channel, a
user, a path or an address, which anybody could make more of than a monitor can keep.

Read next: `metrics.py`, which fills them in; `exposition.py`, which writes them down.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from wsserver.reactor.histogram import LATENCY_BOUNDS_S, TURN_BOUNDS_S, Histogram

COUNTER: Final = "counter"
GAUGE: Final = "gauge"
HISTOGRAM: Final = "histogram"

SUM: Final = "sum"
MOST: Final = "most"
"""How values of several processes are put together; for a state, the largest number is the worst."""

Snapshot = dict[str, Any]


class Family(NamedTuple):
    """One metric. Its name has no `_total`, which counters get when they are written."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    merge: str = SUM
    bounds: tuple[float, ...] = ()


_TABLE: Final = (
    Family("wsserver_build_info", GAUGE, "Always 1; the labels say what runs.", ("version", "python"), MOST),
    Family("wsserver_uptime_seconds", GAUGE, "Time since the start, of the process that runs longest.", (), MOST),
    Family("wsserver_processes", GAUGE, "Processes that these numbers are of, the supervisor of workers included."),
    Family(
        "wsserver_workers",
        GAUGE,
        "Workers: those in these numbers, those that did not answer in time, those that are being started.",
        ("state",),
    ),
    Family("wsserver_worker_restarts", COUNTER, "Times that a worker has ended and was started again."),
    # connections
    Family("wsserver_clients", GAUGE, "Connections by the state of their life.", ("state",)),
    Family("wsserver_connections_accepted", COUNTER, "Connections accepted, refused ones among them."),
    Family("wsserver_handoffs", COUNTER, "Clients handed to the worker where the channel that they join lives."),
    Family(
        "wsserver_refusals",
        COUNTER,
        "Connections and requests refused with an HTTP error; a missing file is none.",
        ("status",),
    ),
    Family("wsserver_closes", COUNTER, "Conversations ended, by close code; 1006: lost, other: made up.", ("code",)),
    Family("wsserver_slow_consumers", COUNTER, "Conversations ended since their client did not read (4008)."),
    Family("wsserver_messages_received", COUNTER, "WebSocket messages that came; control frames may be among them."),
    Family("wsserver_messages_sent", COUNTER, "WebSocket messages queued for clients, each client counted."),
    Family("wsserver_received_bytes", COUNTER, "Bytes that came from clients, as the kernel counts (TCP on Linux)."),
    Family("wsserver_sent_bytes", COUNTER, "Bytes that clients have acknowledged, counted likewise."),
    Family("wsserver_queued_bytes", GAUGE, "Bytes that wait to be sent, what many wait for counted for each."),
    Family("wsserver_queued_most_bytes", GAUGE, "Bytes that wait for the client with the longest queue.", (), MOST),
    Family("wsserver_blocked_clients", GAUGE, "Clients whose kernel buffer is full."),
    # the chat
    Family("wsserver_channels", GAUGE, "Channels with somebody in them; of several processes, counted in each."),
    Family("wsserver_users", GAUGE, "Names that clients carry; of several processes, counted in each."),
    Family("wsserver_subscriptions", GAUGE, "Subscriptions to topics."),
    Family("wsserver_published", COUNTER, "Chat messages to channels, by what became of them.", ("result",)),
    Family(
        "wsserver_store_commit_seconds", HISTOGRAM, "How long batches took to be stored.", (), SUM, LATENCY_BOUNDS_S
    ),
    # the others
    Family("wsserver_breaker_state", GAUGE, "0 closed, 1 half-open, 2 open.", ("part",), MOST),
    Family("wsserver_breaker_opened", COUNTER, "Times that a breaker has opened.", ("part",)),
    Family("wsserver_breaker_refused", COUNTER, "Questions that an open breaker refused.", ("part",)),
    Family("wsserver_broker", COUNTER, "What came from and went to the other nodes, and what was lost.", ("what",)),
    Family(
        "wsserver_cache",
        COUNTER,
        "Looks at a channel's log in the database, by whether Redis had its newest messages.",
        ("result",),
    ),
    # the process
    Family("wsserver_turns", COUNTER, "Turns of the reactor."),
    Family("wsserver_turn_seconds", HISTOGRAM, "How long turns took, without their sleep.", (), SUM, TURN_BOUNDS_S),
    Family("wsserver_turn_longest_seconds", GAUGE, "The longest turn since the start.", (), MOST),
    Family("wsserver_timers", GAUGE, "Timers that will fire."),
    Family("wsserver_process_cpu_seconds", COUNTER, "CPU time of the process."),
    Family("wsserver_process_resident_bytes", GAUGE, "Memory of the process that is in RAM."),
    Family("wsserver_process_open_fds", GAUGE, "File descriptors in use."),
    Family("wsserver_log_lines_dropped", COUNTER, "Lines of the log that nobody took in time."),
)

FAMILIES: Final = {family.name: family for family in _TABLE}

BROKER_WHATS: Final = ("received", "sent", "dropped", "interrupted", "gaps_filled", "garbled")
"""What `wsserver_broker` counts: messages heard and said; said while nobody could hear them; times that the link broke;
times that messages were seen to be missing and were read from the log; what came and was nothing that a node says."""


CACHE_RESULTS: Final = ("hit", "miss")
"""What `wsserver_cache` counts; nothing where there is no Redis beside a database."""


def of_histogram(histogram: Histogram) -> dict[str, Any]:
    """Return the value of a histogram's family."""
    return {"counts": list(histogram.counts), "sum": histogram.sum_s}


def of_workers(answered: int, silent: int, down: int, restarts: int) -> Snapshot:
    """Return the families that tell of workers. A server of one process is a worker that has answered."""
    return {
        "wsserver_workers": {"answered": answered, "silent": silent, "down": down},
        "wsserver_worker_restarts": restarts,
    }


def counters(snapshot: Snapshot) -> Snapshot:
    """Return what only grows while a process lives, and stays true when it has ended."""
    return {name: value for name, value in snapshot.items() if name in FAMILIES and FAMILIES[name].kind != GAUGE}


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Return the snapshot of all processes together. What is no family of ours (another version's) is left out."""
    merged: Snapshot = {}
    for snapshot in snapshots:
        for name, value in snapshot.items():
            family = FAMILIES.get(name)
            if family is not None:
                merged[name] = _add(family, merged[name], value) if name in merged else value
    return merged


def _add(family: Family, one: Any, other: Any) -> Any:
    if family.kind == HISTOGRAM:
        if len(one["counts"]) != len(other["counts"]):
            return one  # another version's, with other bounds
        counts = [a + b for a, b in zip(one["counts"], other["counts"], strict=True)]
        return {"counts": counts, "sum": one["sum"] + other["sum"]}
    if isinstance(one, dict):
        return {
            key: _combine(family, one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
            for key in {**one, **other}
        }
    return _combine(family, one, other)


def _combine(family: Family, one: float, other: float) -> float:
    return max(one, other) if family.merge == MOST else one + other
