"""What to do in a run: the flags of `wsserver bench`, judged.

| scenario | what the clients do                                                    | path  |
|----------|------------------------------------------------------------------------|-------|
| connect  | come and go: open, close, open again                                   | /echo |
| echo     | send, and wait for it to come back                                     | /echo |
| fanout   | sit in a few large channels; one of each sends                         | /chat |
| rooms    | sit in many small channels; all of them send, in turn                  | /chat |
| idle     | come, join, and say nothing                                            | /chat |
| slow     | like fanout, and some of them stop reading                             | /chat |

Read next: `coordinator.py`.
"""

import re
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import Final

from wsserver.bench.address import Target, parse_url
from wsserver.bench.errors import UsageError

CONNECT: Final = "connect"
ECHO: Final = "echo"
FANOUT: Final = "fanout"
ROOMS: Final = "rooms"
IDLE: Final = "idle"
SLOW: Final = "slow"
SCENARIOS: Final = (CONNECT, ECHO, FANOUT, ROOMS, IDLE, SLOW)

_CLIENTS: Final = {CONNECT: 64, ECHO: 64, FANOUT: 1000, ROOMS: 1000, IDLE: 1000, SLOW: 100}
_ROOM_SIZE: Final = 10  # clients for each channel of `rooms`, unless --channels says how many there are

MAX_CLIENTS: Final = 1_000_000
"""More than one machine has file descriptors and memory for, on both sides of the loopback device."""
MAX_PROCESSES: Final = 64
"""More than cores gain nothing."""
MAX_WINDOW: Final = 10_000
"""More in flight measures the queues and nothing else."""
MAX_DURATION_S: Final = 3600.0
"""A run ends by itself, also when nobody watches it."""
STAMP_SIZE: Final = 18
"""Bytes at the front of each message that say when it was due: `T=` and 16 hexadecimal digits."""
MAX_SIZE: Final = 8 * 1024 * 1024
"""Twice what is known to be used as a limit elsewhere (aiohttp: 4 MiB)."""

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)?")
_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Options:
    """One run."""

    target: Target
    scenario: str
    clients: int
    channels: int
    slow: int
    """How many of the clients stop reading."""
    rate: float
    """Messages (or, in `connect`, connections) a second over all clients; 0: a window instead."""
    window: int
    """Messages in flight: for each client of `echo`, for each channel elsewhere."""
    size: int
    """Bytes of each message's payload, or of its text."""
    duration_s: float
    processes: int
    server_pids: tuple[int, ...]
    foreign: bool
    json_path: str
    svg_path: str

    @property
    def chats(self) -> bool:
        """Whether the clients speak the chat's language and join channels."""
        return self.scenario in (FANOUT, ROOMS, SLOW) or (self.scenario == IDLE and self.target.path == "/chat")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `bench` to a parser."""
    add = parser.add_argument
    add("url", metavar="URL", help="ws://HOST:PORT, with a path where it is not the scenario's own")
    add("scenario", metavar="SCENARIO", nargs="?", default=ECHO, help=f"{', '.join(SCENARIOS)} (default echo)")
    add("--clients", metavar="N", type=int, help="connections (default 64; 1000 for fanout, rooms, idle; 100 for slow)")
    add("--rate", metavar="R", type=float, help="open loop: messages a second over all clients, whatever comes back")
    add("--window", metavar="N", type=int, help="closed loop: messages in flight per client or channel (default 1)")
    add("--size", metavar="BYTES", type=int, default=64, help="size of a message (default 64)")
    add("--duration", metavar="TIME", default="5s", help='how long, such as "10s" or "2m" (default 5s)')
    add("--channels", metavar="N", type=int, help="channels (default 1; for rooms one for each ten clients)")
    add("--slow", metavar="N", type=int, help="clients that stop reading, in slow (default a tenth)")
    add("--processes", metavar="N", type=int, default=1, help="share the clients among so many processes (default 1)")
    add("--server-pid", metavar="PID[,PID]", default="", help="processes of the server: measure their CPU and memory")
    add("--json", metavar="FILE", default="", help="write the report as JSON too")
    add("--svg", metavar="FILE", default="", help="write a picture of it")
    add("--i-own-this-server", action="store_true", help="load a server on another machine")


def judge(given: Namespace) -> Options:
    """Return what the arguments mean. Raises UsageError."""
    if given.scenario not in SCENARIOS:
        raise UsageError(f"there is no scenario '{given.scenario}'; there are {', '.join(SCENARIOS)}")
    target = parse_url(given.url)
    scenario: str = given.scenario
    if not target.path:
        target = Target(target.host, target.port, "/echo" if scenario in (CONNECT, ECHO) else "/chat")
    clients = _within("--clients", given.clients, _CLIENTS[scenario], MAX_CLIENTS)
    channels = _channels(given, clients)
    return Options(
        target=target,
        scenario=scenario,
        clients=clients,
        channels=channels,
        slow=_slow(given, clients, channels),
        rate=_rate(given),
        window=_within("--window", given.window, 1, MAX_WINDOW),
        size=_within("--size", given.size, 64, MAX_SIZE, STAMP_SIZE),
        duration_s=_duration_s(given.duration),
        processes=_within("--processes", given.processes, 1, min(MAX_PROCESSES, clients)),
        server_pids=_pids(given.server_pid),
        foreign=given.i_own_this_server,
        json_path=given.json,
        svg_path=given.svg,
    )


def _within(flag: str, value: int | None, default: int, most: int, least: int = 1) -> int:
    if value is not None and not least <= value <= most:
        raise UsageError(f"{flag} {value}: expected a whole number from {least} to {most}")
    return default if value is None else value


def _channels(given: Namespace, clients: int) -> int:
    if given.channels is not None and given.scenario in (CONNECT, ECHO):
        raise UsageError(f"--channels means nothing to {given.scenario}")
    spread = given.scenario in (ROOMS, IDLE)
    return _within("--channels", given.channels, max(1, clients // _ROOM_SIZE) if spread else 1, clients)


def _slow(given: Namespace, clients: int, channels: int) -> int:
    if given.scenario != SLOW:
        if given.slow is not None:
            raise UsageError(f"--slow means nothing to {given.scenario}")
        return 0
    if clients <= channels:
        raise UsageError("slow needs more clients than channels: the first of each channel sends, and must read")
    return _within("--slow", given.slow, max(1, min(clients // 10, clients - channels)), clients - channels)


def _rate(given: Namespace) -> float:
    if given.rate is None:
        if given.window is not None and given.scenario in (IDLE, CONNECT):
            raise UsageError(f"--window means nothing to {given.scenario}")
        return 0.0
    if given.window is not None:
        raise UsageError("--rate and --window exclude each other: a load is open or closed")
    if given.scenario == IDLE:
        raise UsageError("--rate means nothing to idle")
    if not 0 < given.rate <= 10_000_000:
        raise UsageError(f"--rate {given.rate:g}: expected a number a second above 0")
    return float(given.rate)


def _duration_s(text: str) -> float:
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _UNITS_S[match[2] or "s"] if match else 0.0
    if not 0.1 <= seconds <= MAX_DURATION_S:
        raise UsageError(f"--duration '{text}': expected a time from 100ms to 60m, such as 10s")
    return seconds


def _pids(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")] if text else []
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise UsageError(f"--server-pid '{text}': expected numbers of processes, with commas")
    return tuple(dict.fromkeys(map(int, words)))
