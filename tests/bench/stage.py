"""Servers to be measured, each on the first core, and the load generator on the second.

Servers stand still while others are measured. On a machine that does other things too only ratios within one round mean
something.

Read next: `goals.py`, which compares them.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.bench.peers.run import PLACE
from tests.bench.peers.run import PYTHON as PEER_PYTHON

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parents[1]
BUILD: Final = TOP / "reports" / "bench"
PEERS: Final = HERE / "peers"

WITHOUT_NUMPY: Final = "raise ImportError\n"
"""A module of that name that stands in front of the real one: what the server does without the extra `speed`."""


def build() -> None:
    """Compile the floor and the load generator. Raises RuntimeError without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise RuntimeError("no C compiler was found (Debian: apt-get install gcc libc6-dev)")
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("floor", "wsload"):
        subprocess.run([compiler, "-O2", "-w", "-o", str(BUILD / name), str(HERE / f"{name}.c")], check=True)


def pinned(core: int, command: list[str]) -> list[str]:
    """Return the command that runs on one core alone, as far as this machine has as many."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core % len(cores)]), *command]


class Stage:
    """Who can be measured, each started when it is first asked for, and ended with `stack`."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._up: dict[str, tuple[int, int]] = {}
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    def load(self, name: str, *options: str) -> dict[str, Any]:
        """Run the load generator against a server and return what it found. Raises RuntimeError."""
        return finish(self.begin(name, *options))

    def begin(self, name: str, *options: str) -> "subprocess.Popen[str]":
        """Begin such a run and return the process. Raises RuntimeError when the server does not come up."""
        if name not in self._up:
            self._up[name] = self._start(name)
        port, pid = self._up[name]
        command = [str(BUILD / "wsload"), "--port", str(port), "--pid", str(pid), *options]
        pipe = subprocess.PIPE
        process = subprocess.Popen(pinned(1, command), stdout=pipe, stderr=pipe, text=True)
        self._stack.callback(_end, process)
        return process

    def renew(self, name: str) -> None:
        """Let the next one who asks for a server get a new one, in which nobody has been."""
        self._up.pop(name, None)

    def _start(self, name: str) -> tuple[int, int]:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port: int = probe.getsockname()[1]
        process = subprocess.Popen(
            pinned(0, self._command(name, str(port))),
            cwd=TOP,
            env=self._environment(name),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._stack.callback(_end, process)
        assert process.stdout is not None
        if not process.stdout.readline() and name != "floor":
            raise RuntimeError(f"{name} does not start")
        return port, process.pid

    def _command(self, name: str, port: str) -> list[str]:
        serve = [sys.executable, "-m", "wsserver", "serve", "--port", port, "--set", "limits.rate=0"]
        serve += ["--log-level", "warning", "--store"]
        commands = {
            "floor": [str(BUILD / "floor"), port],
            "memory": [*serve, "memory:"],
            "no numpy": [*serve, "memory:"],
            "file": [*serve, f"sqlite:{self._folder / 'bench.db'}"],
            "compressed": [*serve, "memory:", "--set", "websocket.compression=true"],
            "picows": [str(PEER_PYTHON), str(PEERS / "picows_server.py"), port],
            "socketify, raw": [str(PEER_PYTHON), str(PEERS / "socketify_raw_server.py"), port],
            "ws": ["node", str(PLACE / "ws_server.mjs"), port],
        }
        return commands[name]

    def _environment(self, name: str) -> dict[str, str]:
        environment = dict(os.environ)
        if name == "no numpy":
            (self._folder / "numpy.py").write_text(WITHOUT_NUMPY)
            environment["PYTHONPATH"] = str(self._folder)
        return environment


def finish(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Return what a load generator found. Raises RuntimeError."""
    output, trouble = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the load generator failed: {trouble.strip()}")
    found: dict[str, Any] = json.loads(output)
    return found


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
