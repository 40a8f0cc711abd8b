"""Computes from measured costs what so many clients need, and what breaks first.

    python docs/scaling_model.py                                        a million clients in rooms of ten
    python docs/scaling_model.py --clients 50000 --per-channel 1000 --rate 1 --cores 4

Every figure it starts from stands in `FIGURES`, with the day it was measured and how. A *process* is one worker: one
thread, one core, and with Redis between them one node to all others. A *machine* is `--cores` processes.

The tables of `scaling.md` are made of it (`make docs`); that page says what they mean.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured cost."""

    value: float
    unit: str
    what: str
    how: str
    date: str = "2026-11-21"


FIGURES: Final[dict[str, Figure]] = {
    "rest": Figure(0.7, "us/s", "a client that says nothing: its pings", "`make bench-many`"),
    "memory": Figure(2.1, "KiB", "memory of a client in one channel", "`make bench-many`"),
    "kernel": Figure(4.8, "KiB", "kernel memory of its connection", "`make bench-many`"),
    "connect": Figure(205, "us", "to let one in, join, and go", "`make bench-nodes`"),
    "publish": Figure(25, "us", "a message, decoded, stored, encoded", "`make bench-peers`"),
    "announce": Figure(107, "us", "more, if PostgreSQL stores it and others are told", "`make bench-nodes`"),
    "hear": Figure(81, "us", "a message of another process, heard", "`make bench-nodes`"),
    "hear_move": Figure(28, "us", "somebody there comes or goes, heard", "`make bench-nodes`"),
    "deliver": Figure(2.8, "us", "a message, sent to one member", "`make bench-peers`"),
    "redis_say": Figure(0.4, "us", "Redis: a message said", "`make bench-nodes`"),
    "redis_hear": Figure(8.3, "us", "Redis: for each process that hears it", "`make bench-nodes`"),
    "redis_open": Figure(7.0, "us", "Redis: a channel opened by a process", "`make bench-nodes`"),
    "redis_move": Figure(2.9, "us", "Redis: somebody comes or goes", "`make bench-nodes`"),
    "redis_bytes": Figure(223, "bytes", "of a message of 64 bytes to or from Redis", "`make bench-nodes`"),
    "pg_batch": Figure(286, "us", "PostgreSQL: a batch", "`make bench-nodes`"),
    "pg_message": Figure(8.9, "us", "PostgreSQL: each message in it", "`make bench-nodes`"),
    "pg_read": Figure(20, "us", "PostgreSQL: a page of history", "`make bench-nodes`"),
    "pg_disk": Figure(160, "bytes", "of a stored message with its index", "`make bench-nodes`"),
}
"""What everything is computed from; costs are CPU of one core of one machine. On another the ratios differ little."""

# What a part can give, and when it is full. Each is a choice: change it here.
BUSY: Final = 0.6
"""Of a core of ours: turns must not wait for each other, and a dead neighbour's clients may come."""
REDIS_BUSY: Final = 0.7
"""Of the one core on which Redis runs its commands; above it queues grow."""
PG_CORES: Final = 8 * 0.6
"""A common database server, as full as it should be; commits wait for its disk besides."""
PG_SESSIONS: Final = 500
"""Above so many `max_connections` PostgreSQL itself spends its time on them. Each process has two."""
PG_ROUND_S: Final = 0.001
"""A process sends its next batch when the last is answered: at most so often (lab/stores.md: 0.2 to 0.8 ms)."""
ROW_ROUND_S: Final = 0.0008
"""The row of a channel is locked until the commit: so long for each batch that has messages for it."""
NET_BYTES: Final = 10e9 / 8 * 0.7
"""Of a network card of 10 Gbit/s."""
STORM_S, TURN_S = 30.0, 0.25
"""How long all clients of a dead machine may take to be back, and the last member of a channel to be sent a message."""
MACHINE_KIB, OWN_KIB = 2 * 1024.0 * 1024, 60.0 * 1024
"""Memory that there is for each process, and what one takes without a client."""
CROWD: Final = 100
"""Above so many members arrivals are told every 5 s, else every 0.25 s (wsserver/chat/presence.py)."""


@dataclass(frozen=True, slots=True)
class Load:
    """What people do."""

    clients: int = 1_000_000
    per_channel: int = 10
    """Members of a channel; everybody is in one."""
    rate: float = 0.1
    """Messages a second in each channel."""
    session: float = 1800.0
    """Seconds that a client stays."""
    cores: int = 8
    """Processes on a machine."""
    files: int = 65_536
    """File descriptors of a process."""

    @property
    def channels(self) -> float:
        """How many channels there are."""
        return max(1.0, self.clients / self.per_channel)

    @property
    def messages(self) -> float:
        """Messages a second in all channels."""
        return self.channels * self.rate

    @property
    def deliveries(self) -> float:
        """Messages that clients receive, a second."""
        return self.messages * self.members

    @property
    def members(self) -> int:
        """Members of a channel that there really are."""
        return min(self.per_channel, self.clients)

    @property
    def joins(self) -> float:
        """Clients that come a second, and as many go."""
        return self.clients / self.session

    @property
    def announcements(self) -> float:
        """Frames a second that tell members who came and went: what happens within a bundle is one."""
        moves = 2 * self.joins / self.channels
        bundles = 4.0 if self.members <= CROWD else 0.2
        return self.channels * min(moves, bundles) * self.members


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that can be full. `share` of 1 is full."""

    name: str
    share: float
    remedy: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load takes with so many processes. Values `..._us` are microseconds of CPU a second: 1e6 are one core."""

    load: Load
    processes: int

    @property
    def machines(self) -> int:
        """Machines, with one more than is needed: any one may die."""
        return math.ceil(self.processes / self.load.cores) + 1 if self.processes > 1 else 1

    @property
    def spread(self) -> float:
        """On how many processes the members of a channel are, if a balancer spreads them evenly."""
        return self.processes * (1 - (1 - 1 / self.processes) ** self.load.members)

    @property
    def elsewhere(self) -> float:
        """How many other processes hear what one says in a channel."""
        return self.spread - 1 if self.processes > 1 else 0.0

    @property
    def node_us(self) -> float:
        """CPU of all processes."""
        load = self.load
        moves = 2 * load.joins * self.elsewhere * cost("hear_move")
        said = load.messages * (cost("publish") + (cost("announce") if self.processes > 1 else 0))
        heard = load.messages * self.elsewhere * cost("hear")
        sent = (load.deliveries + load.announcements) * cost("deliver")
        return load.clients * cost("rest") + load.joins * cost("connect") + moves + said + heard + sent

    @property
    def node_kib(self) -> float:
        """Memory of all processes, and of the kernels for them."""
        return self.load.clients * (cost("memory") + cost("kernel")) + self.processes * OWN_KIB

    @property
    def net_bytes(self) -> float:
        """Bytes a second to clients: a message of 64 bytes as JSON, with what TCP and IP put around it."""
        return (self.load.deliveries + self.load.announcements) * 220.0

    @property
    def opens(self) -> float:
        """Channels that a process opens, a second: for the first member that it has there."""
        return self.load.joins * self.spread / self.load.members

    @property
    def redis_us(self) -> float:
        """CPU of Redis."""
        said = self.load.messages + 2 * self.load.joins
        heard = said * self.spread * cost("redis_hear")
        moved = 2 * self.load.joins * cost("redis_move")
        return said * cost("redis_say") + heard + moved + self.opens * cost("redis_open")

    @property
    def redis_bytes(self) -> float:
        """Bytes a second out of Redis."""
        return (self.load.messages + 2 * self.load.joins) * self.spread * cost("redis_bytes")

    @property
    def batches(self) -> float:
        """Transactions a second: a process has one under way."""
        return min(self.load.messages, self.processes / PG_ROUND_S)

    @property
    def pg_us(self) -> float:
        """CPU of PostgreSQL."""
        return self.batches * cost("pg_batch") + self.load.messages * cost("pg_message") + self.opens * cost("pg_read")

    @property
    def pg_day_bytes(self) -> float:
        """What a day of messages takes on the disk, if none is deleted."""
        return self.load.messages * 86400 * cost("pg_disk")

    def storm_s(self) -> float:
        """Seconds until all clients of a machine that died are back: what the others, and Redis, have left."""
        if self.machines < 2:
            return self.load.clients * cost("connect") / 1e6
        lost = self.load.clients / self.machines
        cores = (self.machines - 1) * self.load.cores
        spare = max(1.0, cores * 1e6 - self.node_us)
        each = cost("redis_open") + cost("redis_move") + cost("redis_say") + self.spread * cost("redis_hear")
        redis_spare = max(1.0, 1e6 - self.redis_us)
        return max(lost * (cost("connect") + self.elsewhere * cost("hear_move")) / spare, lost * each / redis_spare)

    def fan_out_s(self) -> float:
        """Seconds that one process needs for one message to its members of a channel."""
        return self.load.members / self.processes * cost("deliver") / 1e6

    def limits(self) -> list[Limit]:
        """Return what can be full, the fullest first."""
        load = self.load
        shared = self.processes > 1
        found = [
            Limit("PostgreSQL's CPU", self.pg_us / (PG_CORES * 1e6), PARTITION),
            Limit("the row of one channel", min(load.rate, self.spread / PG_ROUND_S) * ROW_ROUND_S, FEWER_SPEAK),
            Limit("fan-out of one channel", self.fan_out_s() / TURN_S, MORE_NODES),
            Limit("memory", self.node_kib / (self.processes * MACHINE_KIB), MORE_NODES),
            Limit("the network of a machine", self.net_bytes / self.machines / NET_BYTES, MORE_NODES),
        ]
        if shared:
            found += [
                Limit("Redis's CPU", self.redis_us / (REDIS_BUSY * 1e6), SHARD),
                Limit("Redis's network", self.redis_bytes / NET_BYTES, SHARD),
                Limit("PostgreSQL's sessions", 2 * self.processes / PG_SESSIONS, FEWER_SESSIONS),
                Limit("all back after a death", self.storm_s() / STORM_S, SPREAD_OUT),
            ]
        return sorted(found, key=lambda limit: -limit.share)


SHARD: Final = "several Redis by hash of the channel (a cluster with sharded pub-sub); not built in yet"
PARTITION: Final = "tables partitioned by hash of the channel, on several databases in the end"
FEWER_SESSIONS: Final = "a database for each hash of channels; or fewer and fuller processes"
FEWER_SPEAK: Final = "`history = 0` for this channel, or fewer who may send"
MORE_NODES: Final = "more nodes: members of a channel may be on all of them"
SPREAD_OUT: Final = "more and smaller machines, and a Redis that has more to spare; clients wait by lot, and ask again"


def cost(name: str) -> float:
    """Return a measured cost by its name."""
    return FIGURES[name].value


def plan(load: Load) -> Plan:
    """Return the smallest plan in which no process is too full. More processes hear more, so it is found in steps."""
    processes = 1
    while True:
        found = Plan(load, processes)
        needed = max(by(found) for by in DRIVERS.values())
        if needed <= processes:
            return found
        processes = needed


DRIVERS: Final[dict[str, Callable[[Plan], int]]] = {
    "CPU": lambda found: math.ceil(found.node_us / (BUSY * 1e6)),
    "file descriptors": lambda found: math.ceil(found.load.clients / (found.load.files - 256)),
    "memory": lambda found: math.ceil(found.load.clients * (cost("memory") + cost("kernel")) / (MACHINE_KIB - OWN_KIB)),
}
"""What decides how many processes there have to be."""


def driver(found: Plan) -> str:
    """Return what decided."""
    return max(DRIVERS, key=lambda name: DRIVERS[name](found))


def breaks_at(load: Load, name: str) -> int | None:
    """Return with how many clients of the same kind the limit `name` is full; None: not below a thousand million."""

    def is_full(clients: int) -> bool:
        limits = plan(replace(load, clients=clients)).limits()
        return any(limit.share >= 1 for limit in limits if limit.name == name)

    low, high = load.members, 1_000_000_000
    if not is_full(high):
        return None
    while high > low * 1.01 + 1:
        middle = int(math.sqrt(low * high))
        low, high = (low, middle) if is_full(middle) else (middle, high)
    return high


# -- what is shown ----------------------------------------------------------------------------------------------------

SHAPES: Final = {
    "rooms": Load(),
    "rooms, 100,000": Load(clients=100_000),
    "halls": Load(per_channel=1_000, rate=1.0),
    "stadiums": Load(per_channel=100_000, rate=1.0),
}
"""What scaling.md shows; people stay half an hour in all of them."""


def number(value: float) -> str:
    """Return a number as people read it: two digits that mean something, thousands with commas."""
    if value >= 100:
        digits = max(0, int(math.log10(value)) - 2)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


ROWS: Final[dict[str, Callable[[Plan], str]]] = {
    "clients": lambda p: f"{p.load.clients:,}",
    "members of a channel": lambda p: f"{p.load.members:,}",
    "messages a second in a channel": lambda p: f"{p.load.rate:g}",
    "messages a second": lambda p: number(p.load.messages),
    "deliveries a second": lambda p: number(p.load.deliveries),
    "who came and went, frames a second": lambda p: number(p.load.announcements),
    "**processes**": lambda p: f"**{p.processes}**",
    "decided by": driver,
    "machines, one to spare": lambda p: f"{p.machines}",
    "a channel is on so many processes": lambda p: number(p.spread),
    "CPU of the nodes, cores": lambda p: number(p.node_us / 1e6),
    "memory of the nodes with their kernels, GiB": lambda p: number(p.node_kib / 1024 / 1024),
    "to the clients, Gbit/s": lambda p: number(p.net_bytes * 8 / 1e9),
    "CPU of Redis, cores": lambda p: number(p.redis_us / 1e6) if p.processes > 1 else "none",
    "out of Redis, Mbit/s": lambda p: number(p.redis_bytes * 8 / 1e6) if p.processes > 1 else "none",
    "CPU of PostgreSQL, cores": lambda p: number(p.pg_us / 1e6),
    "PostgreSQL's sessions": lambda p: f"{2 * p.processes}",
    "messages of a day, GB": lambda p: number(p.pg_day_bytes / 1e9),
    "all back after a machine's death, s": lambda p: number(p.storm_s()),
}


def overview(shapes: dict[str, Load]) -> Iterator[str]:
    """Yield the table of what is needed."""
    plans = [plan(load) for load in shapes.values()]
    yield f"| | {' | '.join(shapes)} |"
    yield "|---" * (len(shapes) + 1) + "|"
    for name, cell in ROWS.items():
        yield f"| {name} | {' | '.join(cell(found) for found in plans)} |"


def breaking(load: Load) -> Iterator[str]:
    """Yield the table of what is full first."""
    yield "| what | full to | is full with so many clients | then |"
    yield "|---|---|---|---|"
    for limit in plan(load).limits():
        at = breaks_at(load, limit.name)
        yield f"| {limit.name} | {limit.share:.0%} | {number(at) if at else 'never'} | {limit.remedy} |"


def figures() -> Iterator[str]:
    """Yield the table of what was measured."""
    yield "| cost | | measured | by |"
    yield "|---|---|---|---|"
    for figure in FIGURES.values():
        yield f"| {figure.what} | {figure.value:g} {figure.unit} | {figure.date} | {figure.how} |"


def page() -> str:
    """Return the generated part of scaling.md."""
    lines = ["### What is needed", "", *overview(SHAPES), "", "### What is full first", ""]
    for name, load in SHAPES.items():
        if load.clients == 1_000_000:
            lines += [f"A million clients, {name}:", "", *breaking(load), ""]
    return "\n".join([*lines, "### What it is computed from", "", *figures(), ""])


def main() -> None:
    """Print the tables for one load."""
    parser = argparse.ArgumentParser(description="Compute what so many clients need.")
    for field in fields(Load):
        kind = type(field.default)
        flag = f"--{field.name.replace('_', '-')}"
        about = f"{HELP[field.name]} (default {field.default:,})"
        parser.add_argument(flag, type=kind, default=field.default, help=about)
    given = parser.parse_args()
    if min(vars(given).values()) <= 0 or given.files <= 256:
        parser.error("every number is above 0, and --files above 256, which a process keeps for itself")
    load = Load(**vars(given))
    print("\n".join([*overview({"": load}), "", *breaking(load)]))


HELP: Final = {
    "clients": "connections",
    "per_channel": "members of each channel",
    "rate": "messages a second in each channel",
    "session": "seconds that a client stays",
    "cores": "cores, and so processes, of a machine",
    "files": "file descriptors that a process may have",
}

if __name__ == "__main__":
    main()
