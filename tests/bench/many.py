"""Puts many clients on one server of several workers and looks whether it is well: 50,000 on three, if not told else.

    python -m tests.bench.many [--clients 50000] [--workers 3] [--channels 100] [--rest 26]

They come from several processes of the load generator, each from an address of its own (one has some 28,000 ports) and
each with no more than 10,000 (file descriptors), and join. Then nobody says anything for a while; then one message goes
to each channel, presence is counted, and the server is told to end. Everything has a deadline; a server that does not
come up to it is killed.

Exit code: 0 when all were there, counted and heard everything, 1 when not, 2 when nothing could be measured.

Read next: `pieces.py`.
"""

import argparse
import contextlib
import json
import math
import re
import resource
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

import websocket

from tests.bench.pieces import Load, Server, cpu_s, rss_kib, serving
from tests.bench.stage import build

SHARE: Final = 10_000
"""Clients of one process of the load generator."""
COME_S: Final = 150.0
"""All have to be there after so long, on a busy machine too."""
CROWD_S: Final = 6.0
"""After so long the last arrivals have been told (wsserver/chat/presence.py: 5 s in a crowd)."""
ANSWER_S: Final = 60.0
TEXT: Final = "T=" + "0" * 62
"""What the load generator takes for a message of its own, and counts."""
KEY: Final = "many-clients-on-one"
HELLO: Final = '{"type":"join","channel":"c%C","user":"u%R-%I"}'


class Crowd:
    """A server, and the processes that hold its clients."""

    def __init__(self, server: Server, clients: int, channels: int) -> None:
        self.server = server
        self.clients = clients
        self.channels = channels
        self.loads: list[Load] = []

    def come(self) -> float:
        """Let all clients come and return the seconds that it took. Raises RuntimeError."""
        count = math.ceil(self.clients / SHARE)
        each = self.clients // count
        began = time.monotonic()
        for number in range(count):
            place = ("--path", "/chat", "--from", f"127.0.{2 + number}.1", "--batch", "100")
            who = ("--conns", str(each), "--chans", str(self.channels), "--hello", HELLO, "--ready", "joined")
            stay = ("--mode", "idle", "--dur", "600", "--patience", str(COME_S))
            self.loads.append(Load(self.server.port, *place, *who, *stay))
        for load in self.loads:
            load.wait_until_on(COME_S + 10)
        return time.monotonic() - began

    def received(self) -> int:
        """Return how many messages the clients have received; they end when the server has closed all of them."""
        found = [json.loads(load.result()) for load in self.loads]
        return sum(one["received"] for one in found)

    def go(self) -> None:
        """End the load generators that run."""
        for load in self.loads:
            load.stop()

    def ask(self, path: str, **body: Any) -> Any:
        """Ask the server's API."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.port}{path}",
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bearer {KEY}"},
        )
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
            return json.loads(answer.read())

    def open_clients(self) -> int:
        """Return how many are connected."""
        address = f"http://127.0.0.1:{self.server.port}/metrics"
        with urllib.request.urlopen(address, timeout=ANSWER_S) as answer:
            found = re.search(r'^wsserver_clients\{state="open"\} (\S+)', answer.read().decode(), re.MULTILINE)
        return int(float(found[1])) if found else 0

    def present(self) -> list[int]:
        """Return the members of each channel, as any worker counts them."""
        listed = self.ask("/api/channels")["channels"]
        if len(listed) == self.channels:
            return [one["count"] for one in listed]
        return [self.ask(f"/api/channels/c{number}/presence")["count"] for number in range(self.channels)]

    def say_to_all(self) -> tuple[int, float]:
        """Publish to each channel; return how many clients were sent it, and the longest answer in seconds."""
        delivered, longest = 0, 0.0
        for number in range(self.channels):
            began = time.monotonic()
            delivered += self.ask("/api/publish", channel=f"c{number}", text=TEXT, user="many")["delivered"]
            longest = max(longest, time.monotonic() - began)
        return delivered, longest

    def join_and_hear(self) -> tuple[int, float]:
        """Join a channel as one more; return how many are there, and the seconds until an own message came back."""
        peer = websocket.create_connection(f"ws://127.0.0.1:{self.server.port}/chat", timeout=ANSWER_S)
        try:
            peer.send(json.dumps({"type": "join", "channel": "c0", "user": "witness", "history": 0}))
            joined = _hear(peer, "joined")
            began = time.monotonic()
            peer.send(json.dumps({"type": "message", "channel": "c0", "text": "all here?"}))
            _hear(peer, "message")
            return len(joined["users"]) + joined.get("more", 0), time.monotonic() - began
        finally:
            peer.close()


def _hear(peer: websocket.WebSocket, kind: str) -> Any:
    while True:
        event = json.loads(peer.recv())
        if event["type"] == kind:
            return event


def kernel_kib() -> float:
    """Return what the kernel holds in small objects, sockets among them, on the whole machine (proc(5), meminfo)."""
    found = re.search(r"^Slab:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def measure(crowd: Crowd, rest_s: float) -> dict[str, float]:
    """Return the figures of a run. Raises RuntimeError when the clients do not come."""
    server = crowd.server
    empty_kib, empty_kernel, before = rss_kib(server.pids), kernel_kib(), cpu_s(server.pids)
    come_s = crowd.come()
    come_cpu = cpu_s(server.pids) - before
    time.sleep(CROWD_S)
    before, began = cpu_s(server.pids), time.monotonic()
    time.sleep(rest_s)
    rest_cpu = (cpu_s(server.pids) - before) / (time.monotonic() - began)
    kib, kernel = rss_kib(server.pids) - empty_kib, kernel_kib() - empty_kernel
    there = crowd.open_clients()
    present = crowd.present()
    delivered, longest_s = crowd.say_to_all()
    members, echo_s = crowd.join_and_hear()
    began = time.monotonic()
    code = server.stop()
    ended_s = time.monotonic() - began
    return {
        "connected": there,
        "present": sum(present),
        "fewest in a channel": min(present),
        "most in a channel": max(present),
        "one message to each channel, sent to": delivered,
        "longest publish, ms": longest_s * 1000,
        "members that one more finds": members,
        "own message back, ms": echo_s * 1000,
        "all there after, s": come_s,
        "came a second": crowd.clients / come_s,
        "CPU to let one in, us": come_cpu * 1e6 / crowd.clients,
        "memory of a client, KiB": kib / crowd.clients,
        "kernel memory of a connection's end, KiB": kernel / crowd.clients / 2,
        "memory of all processes, MiB": (kib + empty_kib) / 1024,
        "CPU at rest, % of a core": rest_cpu * 100,
        "CPU at rest, us/s for a client": rest_cpu * 1e6 / crowd.clients,
        "stopped after, s": ended_s,
        "exit code": code,
        "received by the clients": crowd.received(),
    }


def judge(found: dict[str, float], clients: int, channels: int) -> list[str]:
    """Return what is wrong with a run."""
    each = clients // channels
    wanted = {
        "connected": clients,
        "present": clients,
        "fewest in a channel": each,
        "most in a channel": each,
        "one message to each channel, sent to": clients,
        "members that one more finds": each + 1,
        "exit code": 0,
        "received by the clients": clients,
    }
    return [f"{name}: {found[name]:g} in place of {value}" for name, value in wanted.items() if found[name] != value]


def main() -> int:
    """Run it, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(description="Put many clients on one server.")
    parser.add_argument("--clients", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--channels", type=int, default=100)
    parser.add_argument("--rest", type=float, default=26.0, help="seconds of silence (default 26)")
    given = parser.parse_args()
    share = math.ceil(given.clients / SHARE) * given.channels
    if min(given.clients, given.workers, given.channels) < 1 or given.clients % share:
        parser.error(f"--clients must be a multiple of {share}: each process puts as many into each channel")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        build()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        return 2
    flags = ("--workers", str(given.workers), "--store", "memory:", "--set", f"api.key={KEY}")
    with serving(*flags, "--set", "server.drain=5s") as server, contextlib.ExitStack() as stack:
        crowd = Crowd(server, given.clients, given.channels)
        stack.callback(crowd.go)
        try:
            found = measure(crowd, given.rest)
        except (RuntimeError, OSError, websocket.WebSocketException) as error:
            print(f"nothing was measured: {error}", file=sys.stderr)
            return 2
    for name, value in found.items():
        print(f"| {name} | {value:,.2f} |")
    wrong = judge(found, given.clients, given.channels)
    print("\n".join(wrong) or "all were there, counted, and heard everything")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
