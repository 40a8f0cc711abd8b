"""What a server process uses, read from proc(5): memory now and at its highest, CPU time, open files.

What the kernel holds for its sockets is not the process's and is not counted. Linux only.
"""

import contextlib
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from tests.scenarios.running import PATIENCE_S, RunningServer

KIB = 1024
MIB = 1024 * 1024

SOCKET_BUFFER = 16 * KIB
"""What the kernel takes for a client that does not read, so that the rest has to wait in the server: its worst case."""

SOCKET_INTAKE = 64 * KIB
"""What the kernel takes from a client that the server does not read: else a thousand of them fill gigabytes of it."""


@dataclass(frozen=True)
class Gauge:
    """Looks at one process."""

    pid: int

    def memory(self):
        """Bytes that are its own: anonymous memory, exact also where statm(5) is an estimate."""
        return self._rollup("Anonymous") + self._rollup("Swap")

    def _rollup(self, field):
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * KIB
        raise LookupError(field)

    def forget_peak(self):
        """Let `peak` begin anew (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def resident(self):
        """Bytes in RAM, the interpreter's code included."""
        return self._status("VmRSS")

    def peak(self):
        """The most that `resident` was since `forget_peak`."""
        return self._status("VmHWM")

    def _status(self, field):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * KIB
        raise LookupError(field)

    def cpu_s(self):
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self):
        """How many file descriptors it has."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


@contextlib.contextmanager
def measured_server(*flags):
    """Run a server whose sockets buffer little; yield it with its gauge."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)  # accepted sockets inherit it
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_INTAKE)
        fd = str(listener.fileno())
        server = RunningServer("--fd", fd, "--log-level", "warning", *flags, pass_fds=(listener.fileno(),))
    try:
        yield server, Gauge(server.process.pid)
        assert "Traceback" not in server.log, server.log
    finally:
        server.stop()


def wait_until_closed(gauge, files):
    """Wait until the process has no more than `files` open."""
    until = time.monotonic() + PATIENCE_S
    while gauge.open_files() > files:
        assert time.monotonic() < until, f"{gauge.open_files()} files are open, there were {files}"
        time.sleep(0.01)
