"""Measures the server beside the least that can be done in C, in runs that alternate, and prints the ratios.

    python tests/bench/run.py                  all workloads
    python tests/bench/run.py echo --rounds 9  one of them, measured more often

Server and load generator are pinned to a core each. What counts is CPU of the server per message received; on a machine
that does other things too, only ratios within one round mean something, and of those the median is told.
Needs a C compiler and Linux. Exit code: 0 when every ratio is within its bound, 1 when one is not, 2 when nothing could
be measured.
"""

import argparse
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parents[1]
BUILD: Final = TOP / "reports" / "bench"

IDLE_CLIENTS: Final = 10_000
IDLE_BOUND_KB: Final = 3.0
SETTLED: Final = ("--warm", "12")  # by then the deadline of every handshake has been looked at for the only time


@dataclass(frozen=True)
class Workload:
    """What the load generator does to both, what else it does to us alone, and how dear we may be beside the floor."""

    title: str
    options: tuple[str, ...]
    ours: tuple[str, ...]
    bound: float


CHAT: Final = (
    *("--hello", '{"type":"join","channel":"c%C","user":"u%I"}', "--ready", "joined"),
    *("--tmpl", '{"type":"message","channel":"c%C","text":"%T"}'),
)

FANOUT: Final = ("--path", "/chat", "--mode", "fanout", "--conns", "1000")

WORKLOADS: Final = {
    "echo": Workload(
        "/echo, 64 clients, 64 bytes, one message in flight", ("--path", "/echo", "--conns", "64"), (), 1.8
    ),
    # Twice: a generator that sleeps between messages has to be woken, which the kernel charges to whoever sends. The
    # floor is fast enough to keep it awake. So the first figure says what a delivery costs, the second what it costs
    # when the receiver is quicker than we are.
    "fanout": Workload(
        "a JSON chat message to 1,000 members, one in flight, beside a raw broadcast; receivers that never sleep",
        (*FANOUT, "--spin"),
        CHAT,
        1.5,
    ),
    "fanout-asleep": Workload(
        "the same; receivers that sleep when there is nothing to read",
        FANOUT,
        CHAT,
        1.5,
    ),
}


@dataclass(frozen=True)
class Server:
    """Something to measure."""

    port: int
    pid: int


def build() -> None:
    """Compile the floor and the load generator. Raises RuntimeError without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise RuntimeError("no C compiler was found (Debian: apt-get install gcc libc6-dev)")
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("floor", "wsload"):
        subprocess.run([compiler, "-O2", "-w", "-o", str(BUILD / name), str(HERE / f"{name}.c")], check=True)


def pinned(core: int, *command: str) -> list[str]:
    """Return the command that runs on one core alone, as far as this machine has as many."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core % len(cores)]), *command]


@contextmanager
def running(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server on the first core; yield it with the first line that it prints."""
    with subprocess.Popen(pinned(0, *command), cwd=TOP, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


@contextmanager
def floor() -> Iterator[Server]:
    """Run the floor."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with running(str(BUILD / "floor"), str(port)) as (process, _):
        yield Server(port, process.pid)


@contextmanager
def wsserver() -> Iterator[Server]:
    """Run the server. Raises RuntimeError when it does not come up."""
    command = [sys.executable, "-m", "wsserver", "serve", "--port", "0", "--store", "memory:", "--set", "limits.rate=0"]
    with running(*command, "--log-level", "warning") as (_, line):
        ready = re.search(r":(\d+) \(pid (\d+)\)", line)
        if not ready:
            raise RuntimeError("the server did not start")
        yield Server(int(ready[1]), int(ready[2]))


def load(server: Server, *options: str) -> dict[str, Any]:
    """Run the load generator on the second core and return what it found."""
    command = pinned(1, str(BUILD / "wsload"), "--port", str(server.port), "--pid", str(server.pid), *options)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compare(workload: Workload, rounds: int) -> bool:
    """Measure both in turns, print the figures, and tell whether the median ratio is within the bound."""
    least: list[float] = []
    ours: list[float] = []
    with floor() as low, wsserver() as high:
        for _ in range(rounds):
            least.append(load(low, "--dur", "1", *workload.options)["srv_us_per_msg"])
            ours.append(load(high, "--dur", "1", *workload.options, *workload.ours)["srv_us_per_msg"])
    ratio = statistics.median(mine / its for mine, its in zip(ours, least, strict=True))
    print(f"{workload.title}:")
    print(f"  floor {statistics.median(least):.2f} µs, wsserver {statistics.median(ours):.2f} µs of CPU per message")
    print(f"  {ratio:.2f} times the floor (at most {workload.bound}), median of {rounds} rounds")
    return ratio <= workload.bound


def rest(seconds: int = 25) -> bool:
    """Measure what clients cost that do nothing; print it, and tell whether the memory is within the bound."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients = min(IDLE_CLIENTS, most - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (clients + 200, most))  # children inherit it
    with wsserver() as server:
        idle = ("--path", "/chat", "--mode", "idle", "--conns", str(clients), *SETTLED, "--dur", str(seconds))
        found = load(server, *idle)
    memory_kb, cpu = found["rss_per_conn_kb"], found["srv_cpu_pct"]
    print(f"{clients:,} idle clients on /chat:")
    print(f"  {memory_kb:.2f} KB of memory each (at most {IDLE_BOUND_KB}), {cpu:.2f} % of a core")
    return bool(memory_kb <= IDLE_BOUND_KB)


def main() -> int:
    """Measure what the command line names and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure the server beside the least that can be done in C.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"{', '.join(WORKLOADS)}, idle (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side (default 5)")
    arguments = parser.parse_args()
    names = arguments.workloads or [*WORKLOADS, "idle"]
    unknown = set(names) - {*WORKLOADS, "idle"}
    if unknown:
        parser.error(f"there is no workload {', '.join(sorted(unknown))}")
    try:
        build()
        fine = [rest() if name == "idle" else compare(WORKLOADS[name], arguments.rounds) for name in names]
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        return 2
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
