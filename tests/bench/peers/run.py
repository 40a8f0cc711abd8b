"""Measures wsserver beside other WebSocket servers that do the same work, in runs that alternate.

    python tests/bench/peers/run.py                     all servers, all workloads, a table
    python tests/bench/peers/run.py --rounds 9 --write  and put the table and its picture into docs/

The load tester is `wsserver bench`. What counts is the CPU of the server per message received; servers and load tester
are pinned to a core each. On a machine that does other things too only ratios within one round mean something, and of
those the median is told. Whoever cannot be installed here is left out, and that is said.

Exit code: 0 when there is a table, 2 when nothing could be measured.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wsserver.bench.svg import bars, picture

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parents[2]
PLACE: Final = TOP / "reports" / "peers"
PYTHON: Final = PLACE / "venv" / "bin" / "python"
PAGE: Final = TOP / "docs" / "performance.md"
PICTURE: Final = TOP / "docs" / "performance.svg"
BEGIN: Final = "<!-- written by make bench-peers: from here -->"
END: Final = "<!-- written by make bench-peers: to here -->"

OURS: Final = "wsserver"
DURATION: Final = "1500ms"
PATIENCE_S: Final = 60.0

WORKLOADS: Final = {
    "echo": ("echo", "--clients", "64"),
    "echo, 16 under way": ("echo", "--clients", "64", "--window", "16"),
    "fan-out": ("fanout", "--clients", "500"),
    "fan-out, 16 under way": ("fanout", "--clients", "500", "--window", "16"),
    "rooms": ("rooms", "--clients", "500", "--channels", "50"),
}


@dataclass
class Peer:
    """A server to measure."""

    name: str
    command: list[str]  # {port} is the port
    package: str = ""  # where its version is looked up
    port: int = 0
    pid: int = 0
    microseconds: dict[str, list[float]] = field(default_factory=dict)  # by workload, one for each round
    client_bytes: list[float] = field(default_factory=list)
    connect_us: list[float] = field(default_factory=list)
    trouble: str = ""


def peers() -> list[Peer]:
    """Return everybody; which of them can run here turns out when they are started."""
    serve = [sys.executable, "-m", "wsserver", "serve", "--port", "{port}", "--set", "limits.rate=0"]
    quiet = ["--log-level", "warning"]
    python = [(name, [str(PYTHON), str(HERE / f"{name}_server.py"), "{port}"]) for name in THEIRS]
    return [
        Peer(OURS, [*serve, *quiet, "--store", "memory:"]),
        Peer("wsserver, messages in a file", [*serve, *quiet, "--store", f"sqlite:{PLACE / 'bench.db'}"]),
        *(Peer(name, command, name) for name, command in python),
        Peer("ws (Node)", ["node", str(PLACE / "ws_server.mjs"), "{port}"], "ws"),
    ]


THEIRS: Final = ("picows", "socketify", "websockets", "aiohttp")


def install() -> None:
    """Make an environment of their own for the others, once."""
    PLACE.mkdir(parents=True, exist_ok=True)
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE / "venv")], check=True)
    for package in ("msgspec", "uvloop", *THEIRS):
        pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", package]
        if subprocess.run(pip, capture_output=True, check=False).returncode:
            say(f"{package} could not be installed")
    if shutil.which("npm"):
        npm = ["npm", "install", "--silent", "--prefix", str(PLACE), "ws"]
        subprocess.run(npm, capture_output=True, check=False)
        shutil.copy(HERE / "ws_server.mjs", PLACE)  # beside node_modules, where Node looks for packages


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def pinned(core: int, command: list[str]) -> list[str]:
    """Return the command that runs on one core alone, as far as there are as many."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core % len(cores)]), *command]


@contextlib.contextmanager
def running(everybody: list[Peer]) -> Iterator[list[Peer]]:
    """Start all servers on the first core; yield those that came up."""
    with contextlib.ExitStack() as stack:
        up = []
        for peer in everybody:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                peer.port = probe.getsockname()[1]
            command = [part.format(port=peer.port) for part in peer.command]
            try:
                process = subprocess.Popen(
                    pinned(0, command), cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
                )
            except OSError as error:
                say(f"{peer.name} is left out: {error}")
                continue
            stack.callback(end, process)
            assert process.stdout is not None
            if process.stdout.readline():
                peer.pid = process.pid
                up.append(peer)
            else:
                say(f"{peer.name} is left out: it does not start")
        yield up


def end(process: subprocess.Popen[str]) -> None:
    """End a server of ours."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def load(peer: Peer, name: str) -> None:
    """Do one run, and note what it found."""
    file = PLACE / "run.json"
    file.unlink(missing_ok=True)
    url = f"ws://127.0.0.1:{peer.port}"
    flags = ["--duration", DURATION, "--server-pid", str(peer.pid), "--json", str(file)]
    command = [sys.executable, "-m", "wsserver", "bench", url, *WORKLOADS[name], *flags]
    done = subprocess.run(pinned(1, command), cwd=TOP, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode or not file.exists():
        faults = [line.strip() for line in done.stdout.splitlines() if line.startswith("faults")]
        peer.trouble = f"{name}: {' '.join(faults) or done.stderr.strip()}"
        say(f"{peer.name}: {peer.trouble}")
        return
    found: dict[str, Any] = json.loads(file.read_text())["server"]
    peer.microseconds.setdefault(name, []).append(found["cpu_us_per_message"])
    if name == "fan-out":
        peer.client_bytes.append(found["bytes_per_client"])
        peer.connect_us.append(found["connect_cpu_us"])


def measure(up: list[Peer], rounds: int) -> None:
    """Measure everybody in turns."""
    for name in WORKLOADS:
        for number in range(rounds):
            say(f"{name}: round {number + 1} of {rounds}")
            for peer in up:
                load(peer, name)


def ratio(peer: Peer, ours: Peer, name: str) -> float | None:
    """Return the median over the rounds of its CPU per message beside ours; None where a round is missing."""
    its, mine = peer.microseconds.get(name, []), ours.microseconds.get(name, [])
    if not its or len(its) != len(mine):
        return None
    return statistics.median(one / other for one, other in zip(its, mine, strict=True))


def table(up: list[Peer]) -> list[str]:
    """Return the lines of a table in Markdown."""
    ours = up[0]
    lines = [f"| server | {' | '.join(WORKLOADS)} | to let one in | memory for one |"]
    lines.append("|---|" + "---|" * (len(WORKLOADS) + 2))
    for peer in up:
        cells = []
        for name in WORKLOADS:
            found = ratio(peer, ours, name)
            cells.append("–" if found is None else f"{found:.2f} ({statistics.median(peer.microseconds[name]):.2f} µs)")
        cells.append(f"{statistics.median(peer.connect_us):.0f} µs" if peer.connect_us else "–")
        # Only the first run grows the process; later ones find memory that earlier ones have given back.
        cells.append(f"{max(peer.client_bytes) / 1024:.1f} KiB" if peer.client_bytes else "–")
        lines.append(f"| {peer.name}{version(peer)} | {' | '.join(cells)} |")
    return lines


def version(peer: Peer) -> str:
    """Return the version of what a peer is made of."""
    if not peer.package:
        return ""
    with contextlib.suppress(OSError, ValueError, KeyError, subprocess.CalledProcessError):
        if peer.package == "ws":
            return f" {json.loads((PLACE / 'node_modules/ws/package.json').read_text())['version']}"
        program = f"from importlib.metadata import version; print(version({peer.package!r}))"
        found = subprocess.run([str(PYTHON), "-c", program], capture_output=True, text=True, check=True)
        return f" {found.stdout.strip()}"
    return ""


def machine() -> str:
    """Return where and when this was measured, in one sentence."""
    model = platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    day = time.strftime("%Y-%m-%d")
    return (
        f"{day}, {len(os.sched_getaffinity(0))} cores of {model}, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def drawn(up: list[Peer]) -> str:
    """Return the picture: for each workload how dear everybody is beside us."""
    parts = []
    for name in WORKLOADS:
        found = [(peer.name, ratio(peer, up[0], name)) for peer in up]
        parts.append(bars(name, [(who, value) for who, value in found if value is not None], "CPU, wsserver = 1"))
    return picture(parts)


def write(lines: list[str], svg: str) -> None:
    """Put the table between its marks in the page, and the picture beside it."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{chr(10).join(lines)}\n{END}{after}", encoding="utf-8")
    PICTURE.write_text(svg, encoding="utf-8")


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure wsserver beside other WebSocket servers.")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default 3)")
    parser.add_argument("--write", action="store_true", help="put the table and the picture into docs/")
    arguments = parser.parse_args()
    install()
    with running(peers()) as up:
        if not up or up[0].name != OURS:
            say("nothing was measured: wsserver itself does not start")
            return 2
        measure(up, arguments.rounds)
    lines = [f"Measured {machine()}; medians of {arguments.rounds} rounds.", "", *table(up)]
    print("\n".join(lines))
    (PLACE / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (PLACE / "table.svg").write_text(drawn(up), encoding="utf-8")
    if arguments.write:
        write(lines, drawn(up))
    return 0


if __name__ == "__main__":
    sys.exit(main())
