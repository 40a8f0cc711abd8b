"""What the server takes meanwhile: CPU and memory of its processes, and how busy each core of the machine is.

Two readings make a figure; the second less the first. CPU comes from each process's own clock, exact to the
nanosecond, where the system has such a thing.

Read next: `report.py`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import psutil

from wsserver.bench.errors import UsageError
from wsserver.reactor.world import World


class Reading(msgspec.Struct):
    """One look at the server."""

    at_s: float
    cpu_s: float
    """Of all its processes, since they began."""
    resident_bytes: int
    core_busy_s: list[float]
    """Of each core, since the machine began."""


class ServerUsage:
    """The processes that are watched: those that were named, and their children."""

    def __init__(self, world: World, pids: Sequence[int]) -> None:
        """Raises UsageError when there is no such process."""
        self._world = world
        self._processes: Final = [psutil.Process(pid) for pid in _with_children(pids)]

    @property
    def pids(self) -> list[int]:
        """Return whom it watches."""
        return [process.pid for process in self._processes]

    def read(self) -> Reading:
        """Take a look. A process that has gone meanwhile counts nothing."""
        cores = [_busy_s(times) for times in psutil.cpu_times(percpu=True)]
        cpu_s = sum(self._cpu_s(process) for process in self._processes)
        return Reading(self._world.monotonic(), cpu_s, sum(map(_resident, self._processes)), cores)

    def _cpu_s(self, process: psutil.Process) -> float:
        try:
            return self._world.cpu_s(process.pid)
        except OSError:
            return _cpu_by_ticks(process)


def _with_children(pids: Sequence[int]) -> list[int]:
    found: list[int] = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            found += [pid, *(child.pid for child in process.children(recursive=True))]
        except psutil.Error:
            raise UsageError(f"--server-pid {pid}: there is no such process, or it is not yours to look at") from None
    return list(dict.fromkeys(found))


def _cpu_by_ticks(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
        return float(times.user + times.system)
    except psutil.Error:
        return 0.0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _busy_s(times: object) -> float:
    """Return the seconds of one core that were not idle."""
    fields = times._asdict()  # type: ignore[attr-defined]
    idle = ("idle", "iowait", "guest", "guest_nice")  # guests are in `user` already
    return float(sum(value for name, value in fields.items() if name not in idle))
