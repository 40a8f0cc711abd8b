"""What programs that measure several processes share: a server of them, their CPU, a load that says when it is on.

Read next: `nodes.py`, `many.py`.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.stage import BUILD, TOP
from tests.engines.private import family_of

START_S = 60.0
END_S = 40.0


def cpu_s(pids: list[int]) -> float:
    """Return the seconds of CPU that processes have taken, exact; one that has ended counts as 0."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~pid << 3) | 2)  # the clock of another process: clock_getcpuclockid(3)
    return total


def rss_kib(pids: list[int]) -> float:
    """Return the resident memory of processes, in KiB, what they share counted once for each (proc(5), statm)."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4.0 for pid in pids)


class Server:
    """One server, of one or more processes."""

    def __init__(self, *flags: str) -> None:
        command = [sys.executable, "-m", "wsserver", "serve", "--port", "0", "--set", "limits.rate=0"]
        self.process = subprocess.Popen(
            [*command, "--log-level", "error", *flags], cwd=TOP, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a server with {' '.join(flags)} does not start")
        self.port = int(line.split()[3].rpartition(":")[2])
        self.pids = family_of(self.process.pid)

    def stop(self) -> int:
        """Ask it to end, and return its exit code; it is killed when it does not."""
        self.process.terminate()
        try:
            return self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(family_of(self.process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    subprocess.run(["kill", "-9", str(pid)], check=False)
            return self.process.wait()


@contextlib.contextmanager
def serving(*flags: str) -> Iterator[Server]:
    """Have a server while something is measured."""
    server = Server(*flags)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


class Load:
    """The load generator, running; `wait_until_on` returns when all its clients are there."""

    def __init__(self, port: int, *options: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._mark = Path(self._folder.name) / "on"
        command = [str(BUILD / "wsload"), "--port", str(port), "--mark", str(self._mark), *options]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)

    @property
    def is_on(self) -> bool:
        """Whether all clients have come; raises RuntimeError when they will not."""
        if self.process.poll() not in (None, 0):
            raise RuntimeError(f"the load generator failed: {self.process.communicate()[1].strip()}")
        return self._mark.exists()

    def wait_until_on(self, patience_s: float = START_S) -> None:
        """Return when measuring begins. Raises RuntimeError."""
        until = time.monotonic() + patience_s
        while not self.is_on:
            if time.monotonic() > until:
                raise RuntimeError("the clients have not come in time")
            time.sleep(0.005)

    def result(self) -> str:
        """Wait for its end and return what it has printed. Raises RuntimeError."""
        try:
            output, trouble = self.process.communicate(timeout=START_S)
        except subprocess.TimeoutExpired:
            raise RuntimeError("the load generator does not end") from None
        self._folder.cleanup()
        if self.process.returncode:
            raise RuntimeError(f"the load generator failed: {trouble.strip()}")
        return output

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self._folder.cleanup()
