"""Measures what it costs that several processes are one chat: in them, in Redis, in PostgreSQL.

    python -m tests.bench.nodes [--seconds 3] [--rounds 3]

Real servers of one and of four processes over a private Redis and a private PostgreSQL, a hundred channels of ten whose
members are spread over all processes. What each further process costs is the difference of the two. Figures are CPU in
microseconds and bytes; their names are those of the table in `docs/scaling_model.py`, which they are for.

Read next: `pieces.py`.
"""

import argparse
import json
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable

from docs.scaling_model import cost
from tests.bench.goals import BUSY, PACED, ROOMS
from tests.bench.pieces import Load, Server, cpu_s, serving
from tests.bench.stage import build
from tests.engines.postgres import Postgres
from tests.engines.private import family_of
from tests.engines.redis import Redis
from wsserver import cli

FEW, MANY = 1, 4
MEMBERS = 10
FRESH = ("--hello", '{"type":"join","channel":"c%R-%C","user":"u%I"}', "--ready", "joined")
"""Channels that nobody has ever been in."""
IDLE = ("--path", "/chat", *FRESH, "--mode", "idle", "--conns", "1000", "--dur", "1")
SELDOM = (*ROOMS, "--rate", "200")
"""So seldom that each message is alone in its turn and in its batch."""
SETTLE_S = 0.5
"""What comes after the last message, such as the goodbyes of a thousand clients."""


def batches_of(server: Server) -> float:
    """Return how many batches a server has stored, in all its processes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("wsserver_store_commit_seconds_count"))


def spread(processes: int) -> float:
    """Return on how many processes the ten members of a channel are."""
    return processes * (1 - (1 - 1 / processes) ** MEMBERS)


class Bench:
    """The engines, and what they have done so far."""

    def __init__(self, redis: Redis, postgres: Postgres, seconds: float) -> None:
        self.redis, self.postgres = redis, postgres
        self.seconds = seconds
        self.url = postgres.url(postgres.new_database())

    def marks(self, server: Server) -> dict[str, float]:
        """Return the counters of all parts."""
        stats = dict(line.split(":") for line in self.redis.ask("INFO", "stats").decode().split() if ":" in line)
        return {
            "nodes": cpu_s(server.pids) * 1e6,
            "redis": cpu_s(family_of(self.redis.process.pid)) * 1e6,
            "pg": cpu_s(family_of(self.postgres.process.pid)) * 1e6,
            "bytes": float(stats["total_net_input_bytes"]) + float(stats["total_net_output_bytes"]),
            "batches": batches_of(server),
        }

    def messages(self, server: Server, options: tuple[str, ...]) -> dict[str, float]:
        """Load a server and return what each published message took."""
        load = Load(server.port, "--dur", str(self.seconds), *options)
        load.wait_until_on()
        before = self.marks(server)
        found = json.loads(load.result())
        time.sleep(SETTLE_S)
        after = self.marks(server)
        if found["lost"]:
            raise RuntimeError(f"messages were lost: {found}")
        count = found["sent_per_s"] * self.seconds
        return {name: (after[name] - before[name]) / count for name in after}

    def joins(self, server: Server, channels: int) -> dict[str, float]:
        """Have a thousand clients come into so many channels and go; return what each took."""
        before = self.marks(server)
        found = json.loads(Load(server.port, *IDLE, "--chans", str(channels)).result())
        time.sleep(SETTLE_S)
        after = self.marks(server)
        return {name: (after[name] - before[name]) / found["conns"] for name in after}

    def flags(self, processes: int) -> tuple[str, ...]:
        """Return the flags of a server of so many processes over the engines."""
        leave = ("--set", "presence.leave_grace=0s")
        return ("--workers", str(processes), "--store", self.url, "--broker", self.redis.url(), *leave)


def medians(measure: Callable[[], dict[str, float]], rounds: int) -> dict[str, float]:
    """Measure several times and return the medians."""
    found = [measure() for _ in range(rounds)]
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


Found = dict[str, dict[str, float]]


def measure(bench: Bench, rounds: int) -> Found:
    """Return what was measured, by the number of processes and the load."""
    found: Found = {}

    def note(name: str, measure_once: Callable[[], dict[str, float]]) -> None:
        found[name] = medians(measure_once, rounds)
        print(f"  {name}: " + ", ".join(f"{key} {value:.2f}" for key, value in found[name].items()), flush=True)

    with serving(*bench.flags(FEW)) as one:
        note("one, seldom", lambda: bench.messages(one, SELDOM))
        note("one, paced", lambda: bench.messages(one, PACED))
        note("one, busy", lambda: bench.messages(one, BUSY))
        note("one, into 10 channels", lambda: bench.joins(one, 10))
        note("one, into 100 channels", lambda: bench.joins(one, 100))
        note("one, into 1,000 channels", lambda: bench.joins(one, 1000))
    with serving(*bench.flags(MANY)) as four:
        note("four, paced", lambda: bench.messages(four, PACED))
        note("four, busy", lambda: bench.messages(four, BUSY))
        note("four, into 100 channels", lambda: bench.joins(four, 100))
    return found


def figures(found: Found) -> dict[str, float]:
    """Return what follows from it, under the names of `docs/scaling_model.py`."""
    seldom, paced, busy = (found[f"one, {load}"] for load in ("seldom", "paced", "busy"))
    crowded, roomy, scattered = (found[f"one, into {count} channels"] for count in ("10", "100", "1,000"))
    apart, together, spread_out = (found[f"four, {load}"] for load in ("paced", "busy", "into 100 channels"))
    further = spread(MANY) - 1
    say = busy["redis"]  # with so many under way that what Redis does for a turn does not show
    batch = (seldom["pg"] - paced["pg"]) / (seldom["batches"] - paced["batches"])
    opened = 1000 * (1 - 10 / 1000) / 1000
    return {
        "announce": paced["nodes"] - cost("publish") - MEMBERS * cost("deliver"),
        "connect": scattered["nodes"],
        "hear_move": (spread_out["nodes"] - roomy["nodes"]) / further / 2,
        "hear": (apart["nodes"] - paced["nodes"]) / further,
        "hear, busy": (together["nodes"] - busy["nodes"]) / further,
        "redis_say": say,
        "redis_hear": (apart["redis"] - say) / spread(MANY),
        "redis_bytes": (apart["bytes"] - paced["bytes"]) / further,
        "redis_move": crowded["redis"] / 2,
        "redis_open": (scattered["redis"] - crowded["redis"]) / opened,
        "pg_batch": batch,
        "pg_message": paced["pg"] - batch * paced["batches"],
        "pg_read": (scattered["pg"] - crowded["pg"]) / opened,
    }


def disk_bytes(bench: Bench) -> float:
    """Return what a message takes in the database, with its index."""
    sizes = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname = 'entry'"
    [(size,)] = bench.postgres.query(bench.url, sizes)
    [(rows,)] = bench.postgres.query(bench.url, "SELECT count(*) FROM wsserver.entry")
    return float(size) / max(1.0, float(rows))


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure what several nodes cost.")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="of each, of which the median counts (default 3)")
    arguments = parser.parse_args()
    build()
    with Redis() as redis, Postgres() as postgres:
        bench = Bench(redis, postgres, arguments.seconds)
        cli.main(["migrate", "--store", bench.url])
        for name, value in figures(measure(bench, arguments.rounds)).items():
            print(f"{name:20} {value:10.2f}", flush=True)
        print(f"{'pg_disk':20} {disk_bytes(bench):10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
