"""A server as people run it: a process of its own, started with a command line, ended by its pid.

Read next: `talking.py`, the chat clients; `conftest.py`, the fixtures.
"""

import contextlib
import http.client
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).parents[2]

PATIENCE_S = 10.0
"""How long anything may take that takes milliseconds: the machine may be busy."""

_READY = re.compile(r"wsserver listening on (\S+) \(pid (\d+)\)\n")


def environment():
    """The environment without settings of somebody's own server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WSSERVER_")}


def command(*flags):
    return [sys.executable, "-m", "wsserver", "serve", "--store", "memory:", *flags]


class RunningServer:
    """A process that has said it is ready. `address` is what its ready line says."""

    def __init__(self, *flags, pass_fds=()):
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        self.process = subprocess.Popen(
            command(*flags),
            cwd=TOP,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            pass_fds=pass_fds,
        )
        try:
            self.ready_line = self._read_line()
            match = _READY.fullmatch(self.ready_line)
            assert match, f"no ready line but {self.ready_line!r}; log:\n{self.log}"
            self.address = match[1]
            assert int(match[2]) == self.process.pid, "somebody else's server"
        except BaseException:
            self.stop()
            raise

    def _read_line(self):
        line = b""
        until = time.monotonic() + PATIENCE_S
        while not line.endswith(b"\n"):
            assert select.select([self.process.stdout], [], [], until - time.monotonic())[0], f"not ready: {self.log}"
            byte = self.process.stdout.read(1)
            if not byte:
                break
            line += byte
        return line.decode()

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    def ws(self, path="/chat"):
        """The WebSocket URL of a path."""
        return self.address.replace("http://", "ws://") + path

    @property
    def log(self):
        """What it has written to standard error so far.

        Not by `seek`: the server has the same place in the file, and would go on writing there.
        """
        fd = self._log.fileno()
        return os.pread(fd, os.fstat(fd).st_size, 0).decode()

    def resident_bytes(self):
        """Its resident memory (proc(5), statm)."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, name):
        """Send it the signal of that name and wait for its end; return its exit code."""
        self.signal(signal.Signals[name])
        return self.wait()

    def wait(self):
        """Wait for its end and return its exit code."""
        return self.process.wait(PATIENCE_S)

    def rest_of_output(self):
        """What stood on standard output behind the ready line. Only after its end."""
        return self.process.stdout.read()

    def stop(self):
        """End it, the quick way, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self._log.close()

    def get(self, path="/", headers=None, method="GET"):
        """One request on a connection of its own; returns (status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


def run_to_its_end(*flags):
    """Run a server that is expected not to start; return (exit code, standard output, standard error)."""
    done = subprocess.run(
        command(*flags), cwd=TOP, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    return done.returncode, done.stdout, done.stderr
