"""Measures the server against its goals: beside the least that C can do and beside the best peers, in turns.

    python -m tests.bench.goals                     all goals, a table; some fifteen minutes
    python -m tests.bench.goals rooms --rounds 9    those whose name begins so, measured more often

A goal names a workload of the load generator (`wsload.c`), who of us serves it, who serves it beside us, and what is
compared: CPU of the server per message, or a time. Of the ratios within each round the median is told. Peers are those
of `peers/run.py`; a goal whose peers cannot be installed is told as missed.

Exit code: 0 when every goal is reached, 1 when one is not, 2 when nothing could be measured.
"""

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.peers.run import install
from tests.bench.stage import Stage, build, finish

JOIN: Final = ("--hello", '{"type":"join","channel":"c%C","user":"u%I"}', "--ready", "joined")
SAY: Final = ("--tmpl", '{"type":"message","channel":"c%C","text":"%T"}')
CHAT: Final = ("--path", "/chat", *JOIN, *SAY)
ECHO: Final = ("--path", "/echo", "--conns", "64")
ECHO_32: Final = (*ECHO, "--window", "32")
LARGE: Final = ("--path", "/echo", "--conns", "8", "--size", "65536", "--binary")
CROWD: Final = ("--mode", "fanout", "--conns", "1000")
RAW: Final = ("--path", "/chat", *CROWD)
ROOMS: Final = (*CHAT, "--mode", "fanout", "--conns", "1000", "--chans", "100", "--senders", "1000", "--random")
PACED: Final = (*ROOMS, "--rate", "2000")
BUSY: Final = (*ROOMS, "--window", "640")
# Without history: a `joined` that carries messages would be compressed, and the generator does not inflate.
FRESH: Final = ("--hello", '{"type":"join","channel":"c%C","user":"u%I","history":0}', "--ready", "joined")
WORDS: Final = ("--path", "/chat", *FRESH, *SAY, "--mode", "fanout", "--conns", "500", "--size", "2048", "--words")
ACKED: Final = ("--tmpl", '{"type":"message","channel":"c%C","text":"%T","id":"%A"}')
PUBLISHERS: Final = ("--path", "/chat", *JOIN, *ACKED, "--mode", "ack", "--conns", "32", "--window", "16")

IDLE: Final = 15_000
MEMBERS: Final = 10_000
SETTLED_S: Final = 12
"""After so long the deadline of every handshake has been looked at for the only time."""


@dataclass(frozen=True)
class Goal:
    """`ours` serves `options`, each of `theirs` its own; `figure` is at most `bound` times theirs, or just `bound`."""

    name: str
    bound: float
    ours: str
    options: tuple[str, ...]
    theirs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    figure: str = "srv_us_per_msg"


COMPARED: Final = (
    Goal("echo, beside C", 1.65, "memory", ECHO, {"floor": ECHO}),
    Goal("echo, beside picows", 1.2, "memory", ECHO, {"picows": ECHO}),
    Goal("echo, 32 in flight, beside C", 0.55, "memory", ECHO_32, {"floor": ECHO_32}),
    Goal("echo, 32 in flight, beside picows", 0.5, "memory", ECHO_32, {"picows": ECHO_32}),
    Goal("echo of 64 KiB, standard library", 3.0, "no numpy", LARGE, {"picows": LARGE}),
    Goal("echo of 64 KiB, numpy", 1.2, "memory", LARGE, {"picows": LARGE}),
    Goal("crowd, beside C, awake", 1.5, "memory", (*CHAT, *CROWD, "--spin"), {"floor": (*RAW, "--spin")}),
    Goal("crowd, file", 1.1, "file", (*CHAT, *CROWD), {"socketify, raw": RAW}),
    Goal(
        "crowd, 64 in flight, file",
        0.25,
        "file",
        (*CHAT, *CROWD, "--window", "64"),
        {"socketify, raw": (*RAW, "--window", "64")},
    ),
    Goal(
        "crowd, 100 a second, p99 us, file",
        1.1,
        "file",
        (*CHAT, *CROWD, "--rate", "100"),
        {"socketify, raw": (*RAW, "--rate", "100")},
        "p99_us",
    ),
    Goal("rooms, 2,000 a second, memory", 1.1, "memory", PACED, {"picows": PACED, "ws": PACED}),
    Goal("rooms, 2,000 a second, file", 1.3, "file", PACED, {"picows": PACED, "ws": PACED}),
    Goal("rooms, 2,000 a second, p99 us, file", 10_000, "file", PACED, figure="p99_us"),
    Goal("rooms, 640 in flight, memory", 0.5, "memory", BUSY, {"picows": BUSY, "ws": BUSY}),
    Goal("rooms, 640 in flight, file", 0.6, "file", BUSY, {"picows": BUSY, "ws": BUSY}),
    Goal("2 KB to 500, compressed", 1.0, "compressed", (*WORDS, "--deflate"), {"memory": WORDS}),
    Goal("acks, us each, file", 15, "file", PUBLISHERS, figure="srv_us_per_ack"),
    Goal("acks, p99 us, file", 20_000, "file", PUBLISHERS, figure="ack_p99_us"),
)


def compare(stage: Stage, goal: Goal, rounds: int) -> bool:
    """Measure one goal in turns, and tell whether it is reached. Raises RuntimeError."""
    mine: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in goal.theirs}
    for _ in range(rounds):
        mine.append(stage.load(goal.ours, "--dur", "2", *goal.options)[goal.figure])
        for name, options in goal.theirs.items():
            theirs[name].append(stage.load(name, "--dur", "2", *options)[goal.figure])
    value = statistics.median(mine)
    if theirs:  # the best of them counts
        value = max(
            statistics.median(one / other for one, other in zip(mine, its, strict=True)) for its in theirs.values()
        )
    beside = ", ".join(f"{name} {statistics.median(its):.2f}" for name, its in theirs.items())
    return tell(goal.name, value, goal.bound, f"{statistics.median(mine):.2f} | {beside}")


def tell(name: str, value: float, bound: float, rest: str = " |") -> bool:
    """Print a line of the table; tell whether the goal is reached."""
    print(f"| {name} | {value:.2f} | {bound:g} | {'yes' if value <= bound else 'NO'} | {rest} |", flush=True)
    return value <= bound


def chat_in(room: str) -> tuple[str, ...]:
    """Return the options for a chat in a room of its own."""
    hello = f'{{"type":"join","channel":"{room}","user":"{room}%I"}}'
    message = f'{{"type":"message","channel":"{room}","text":"%T"}}'
    return ("--path", "/chat", "--mode", "fanout", "--hello", hello, "--ready", "joined", "--tmpl", message)


def large_room(stage: Stage, rounds: int) -> bool:
    """Measure a room of ten, 100 messages a second, while 10,000 join another, and while those are spoken to."""
    joining: list[float] = []
    beside: list[float] = []
    small = ("--conns", "10", "--senders", "10", "--rate", "100", *chat_in("small"))
    large = ("--conns", str(MEMBERS), "--senders", "1", "--rate", "5", *chat_in("large"))
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            ready, joined = Path(folder) / "ready", Path(folder) / "joined"
            first = stage.begin("memory", *small, "--dur", "1.5", "--mark", str(ready))
            wait_for(ready)
            crowd = stage.begin("memory", *large, "--dur", "6", "--skip", "2", "--mark", str(joined))
            os.setpriority(os.PRIO_PROCESS, crowd.pid, 15)  # or the two generators would wait for each other
            joining.append(finish(first)["p99_us"])
            wait_for(joined)
            beside.append(stage.load("memory", *small, "--dur", "3")["p99_us"])
            finish(crowd)
    return tell("small room beside 10,000, p99 us", statistics.median(beside), 10_000) & tell(
        "small room while 10,000 join, p99 us", statistics.median(joining), 30_000
    )


def idle(stage: Stage, _rounds: int) -> bool:
    """Measure what 15,000 members cost that come, join, and say nothing."""
    stage.renew("memory")
    options = ("--path", "/chat", "--mode", "idle", "--conns", str(IDLE), "--chans", "100", *JOIN)
    found = stage.load("memory", *options, "--warm", str(SETTLED_S), "--dur", "25")
    stage.renew("memory")
    return (
        tell("15,000 idle, KB each", found["rss_per_conn_kb"], 2.0)
        & tell("15,000 idle, us to connect and join", found["connect_cpu_us"], 70)
        & tell("15,000 idle, % of a core", found["srv_cpu_pct"], 1.0)
    )


def wait_for(mark: Path) -> None:
    """Wait until a load generator measures. Raises RuntimeError."""
    limit = time.monotonic() + 60
    while not mark.exists():
        if time.monotonic() > limit:
            raise RuntimeError("the load generator is not ready after a minute")
        time.sleep(0.01)


def main() -> int:
    """Measure what the command line names and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure the server against its goals.")
    parser.add_argument("goals", nargs="*", metavar="NAME", help="goals whose name begins so (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side (default 5)")
    arguments = parser.parse_args()
    checks: list[tuple[str, Callable[[Stage, int], bool]]] = [
        (goal.name, lambda stage, rounds, goal=goal: compare(stage, goal, rounds)) for goal in COMPARED
    ]
    checks += [("small room", large_room), ("15,000 idle", idle)]
    chosen = [check for check in checks if not arguments.goals or check[0].startswith(tuple(arguments.goals))]
    if not chosen:
        parser.error("there is no such goal")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # children inherit it
    try:
        build()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        return 2
    install()
    print("| goal | found | at most | reached | ours | theirs |\n|---|---|---|---|---|---|", flush=True)
    fine = True
    with contextlib.ExitStack() as stack:
        stage = Stage(stack)
        for name, check in chosen:
            try:
                fine = check(stage, arguments.rounds) and fine
            except RuntimeError as error:
                print(f"| {name} | – | | NO | {error} | |", flush=True)
                fine = False
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
