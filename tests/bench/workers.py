"""Measures what a second worker costs: CPU of all processes per delivered message, over that of one process.

    python -m tests.bench.workers [--rounds 5] [--seconds 2] [CASE ...]

A hundred channels of ten; 640 messages in flight, and 2,000 a second. All servers share the first core and the load
generator has the second, so that CPU is compared and not waiting. Members of a channel are spread over both workers by
the kernel, so each message goes from one to the other. Measurements alternate; of the ratios within each round the
median is told. `outside` is the CPU of Redis and PostgreSQL, which is counted beside, not in the ratio.

Exit code: 0 when every goal is reached, 1 when one is not, 2 when nothing could be measured.

Read next: `goals.py`, which measures one process; `docs/lab/workers.md`, what was found.
"""

import argparse
import contextlib
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.bench.goals import BUSY, PACED
from tests.bench.stage import BUILD, TOP, build, pinned
from tests.engines.postgres import Postgres
from tests.engines.private import family_of
from tests.engines.redis import Redis

BOUND: Final = 1.25
"""What two workers may take of what one takes, at saturation."""

LOADS: Final[dict[str, tuple[tuple[str, ...], float | None]]] = {
    "640 in flight": (BUSY, BOUND),
    "2,000 a second": (PACED, None),
}

Servers = tuple[str, ...]
"""The flags of a server."""


class Scene:
    """Servers that were asked for by their flags, all on one core; they end with `stack`."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._up: dict[Servers, tuple[int, int]] = {}
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self._outside: list[Any] = []

    def engines(self) -> Servers:
        """Return the flags of a server over a Redis and a PostgreSQL of our own."""
        postgres = self._stack.enter_context(pin(Postgres()))
        redis = self._stack.enter_context(pin(Redis()))
        url = postgres.url(postgres.new_database())
        migrate = [sys.executable, "-m", "wsserver", "migrate", "--store", url]
        subprocess.run(migrate, cwd=TOP, check=True, stdout=subprocess.DEVNULL)
        self._outside = [postgres, redis]
        return ("--store", url, "--broker", redis.url())

    def file(self, name: str) -> Servers:
        """Return the flags of a server that keeps its messages in a file."""
        return ("--store", f"sqlite:{self._folder / name}.db")

    def load(self, flags: Servers, options: tuple[str, ...], seconds: float) -> dict[str, float]:
        """Load a server; return microseconds of CPU per delivered message in all, outside of us, and the p99."""
        if flags not in self._up:
            self._up[flags] = self._start(flags)
        port, pid = self._up[flags]
        ours = family_of(pid)
        outside = [one for engine in self._outside for one in family_of(engine.process.pid)]
        if "--broker" not in flags:
            outside = []
        before = [cpu_of(ours), cpu_of(outside)]
        command = [str(BUILD / "wsload"), "--port", str(port), "--pid", ",".join(map(str, ours))]
        done = subprocess.run(
            pinned(1, [*command, "--dur", str(seconds), *options]), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"the load generator failed: {done.stderr.strip()}")
        found: dict[str, float] = json.loads(done.stdout)
        spent = [cpu_of(ours) - before[0], cpu_of(outside) - before[1]]
        if found["lost"] or found["seq_gaps"]:
            raise RuntimeError(f"messages were lost: {found}")
        share = spent[1] / spent[0] if spent[0] else 0.0
        return {"us": found["srv_us_per_msg"], "outside": share * found["srv_us_per_msg"], "p99_us": found["p99_us"]}

    def _start(self, flags: Servers) -> tuple[int, int]:
        command = [sys.executable, "-m", "wsserver", "serve", "--port", "0", "--set", "limits.rate=0", *flags]
        process = subprocess.Popen(
            pinned(0, [*command, "--log-level", "warning"]), cwd=TOP, stdout=subprocess.PIPE, text=True
        )
        self._stack.callback(_end, process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a server with {' '.join(flags)} does not start")
        return int(line.split()[3].rpartition(":")[2]), process.pid


def with_workers(one: Servers, two: Servers) -> tuple[Servers, Servers]:
    """Return both sides of a comparison."""
    return (*one, "--workers", "1"), (*two, "--workers", "2")


MEMORY: Final = ("--store", "memory:")
PASSING: Final = (*MEMORY, "--set", "chat.history=0")

CASES: Final[dict[str, Callable[[Scene], tuple[Servers, Servers]]]] = {
    "memory": lambda _: with_workers(MEMORY, MEMORY),
    "passing": lambda _: with_workers(PASSING, PASSING),
    "file": lambda scene: with_workers(scene.file("one"), scene.file("two")),
    "engines": lambda scene: with_workers(scene.file("beside"), scene.engines()),
}
"""`passing`: channels without a history. `engines`: Redis and PostgreSQL in place of the supervisor."""


def pin(engine: Any) -> Any:
    """Let an engine run on the core of the servers."""
    plain = engine.command
    engine.command = lambda *words: plain(*words) if words else pinned(0, list(map(str, plain())))
    return engine


def cpu_of(pids: list[int]) -> float:
    """Return the seconds of CPU that processes have taken (proc(5), stat: utime and stime)."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(3)
    for pid in reversed(family_of(process.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


Measure = Callable[[Servers], dict[str, float]]


def compare(name: str, sides: tuple[Servers, Servers], measure: Measure, rounds: int, bound: float | None) -> bool:
    """Measure one and two workers in turns, print a line, and tell whether the goal is reached."""
    pairs = [(measure(sides[0]), measure(sides[1])) for _ in range(rounds)]
    ratio = statistics.median(two["us"] / one["us"] for one, two in pairs)
    one, two = ({key: statistics.median(pair[side][key] for pair in pairs) for key in pairs[0][0]} for side in (0, 1))
    reached = bound is None or ratio <= bound
    verdict = ("yes" if reached else "NO") if bound else ""
    figures = (one["us"], two["us"], ratio, two["outside"], one["p99_us"] / 1000, two["p99_us"] / 1000)
    print(f"| {name} | {verdict} |", *(f"{figure:.2f} |" for figure in figures), flush=True)
    return reached


def arguments_of() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="Measure what a second worker costs.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="memory, passing, file, engines (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement (default 2)")
    arguments = parser.parse_args()
    unknown = set(arguments.cases) - set(CASES)
    if unknown:
        parser.error(f"there is no case {', '.join(sorted(unknown))}")
    return arguments


def main() -> int:
    """Measure what the command line names and return the exit code."""
    arguments = arguments_of()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # children inherit it
    try:
        build()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        return 2
    print("| case | reached | one, us | two, us | ratio | outside, us | p99 of one, ms | of two |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    fine = True
    with contextlib.ExitStack() as stack:
        scene = Scene(stack)
        for name in arguments.cases or CASES:
            sides = CASES[name](scene)
            for load, (options, bound) in LOADS.items():
                measure = partial(scene.load, options=options, seconds=arguments.seconds)
                fine = compare(f"{name}, {load}", sides, measure, arguments.rounds, bound) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
