"""A real server of somebody else's for one test: in a folder of its own, on a free port of loopback, ended by its pid.

What starts PostgreSQL, Redis, nginx and HAProxy inherits from `PrivateServer` and says two things: the command, and how
to see that it answers. An instance that runs on the machine anyway is never used.

    with Redis() as redis:          # a new folder, a free port; returns when it answers
        redis.pause(); redis.resume()           # SIGSTOP, SIGCONT: it, and every process it has started
        redis.kill(); redis.start()             # SIGKILL; once more on the same port, with what its folder holds

It ends with the tests whatever becomes of them: where setpriv(1) is there, the kernel ends it with its parent.
Programs that refuse to run as root are run as `nobody`, who then owns the folder.

Read next: the files beside this one.
"""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE_S = 30.0
"""How long a start or an end may take that takes some 100 ms: the machine may be busy."""

SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers are, and not everybody's PATH leads."""


def find_program(name, *folders):
    """Return the path of a program, looked for in these folders, then in PATH and where servers are."""
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), *SBIN])
    found = shutil.which(name, path=path)
    assert found, f"{name} is not installed; .ci/engines installs it"
    return found


def free_port():
    """Return a port that nobody has just now, and that the kernel gives to no connection either (ip(7)).

    A port from its range would be free when it is looked at, and some client's of this machine a moment later.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(first, 11_000))
        with contextlib.suppress(OSError), socket.create_server(("", port)):
            return port


def family_of(pid):
    """Return a process and all that descend from it, parents before their children (proc(5), stat: ppid)."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    family = [pid]
    for member in family:
        family += children.get(member, ())
    return family


def send(number, pids):
    """Send a signal to processes, some of which may have ended."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def state_of(pid):
    """Return the letter of a process's state (proc(5)): T when it is stopped; Z when it has ended or is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def wait_until(condition, sentence="it did not happen"):
    """Return when `condition()` holds: what a signal does is done a moment after it was sent."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, sentence
        time.sleep(0.005)


class PrivateServer:
    """One instance. Heirs give `command` and `answers`, and `prepare` for what its folder must hold."""

    user = "nobody"
    """Who it runs as when the tests run as root."""

    end_signal = signal.SIGTERM
    """What asks it to end at once and in order."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="wsserver-"))
        self.port = free_port()
        self.process = None
        self._prepared = False

    # -- what heirs say ---------------------------------------------------------------------------------------------

    def prepare(self):
        """Put into `folder` what it needs; called once, before the first start."""

    def command(self):
        """Return the command line. The program has to stay in the foreground."""
        raise NotImplementedError

    def answers(self):
        """Tell whether it serves. May raise OSError: not yet."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S):
            return True

    # -- what tests do ----------------------------------------------------------------------------------------------

    @property
    def log(self):
        """What it has written to standard output and standard error, of all its starts."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def run(self, *arguments, **options):
        """Run a program of the same owner to its end (initdb, a syntax check); returns it, output and all."""
        return subprocess.run(
            self._as_owner(arguments),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S * 2,
            check=False,
            **options,
        )

    def start(self):
        """Start it and return, when it answers, itself."""
        assert self.process is None, "it runs"
        if not self._prepared:
            self.own(self.folder)
            self.prepare()
            self._prepared = True
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                self._as_owner(self.command(), tied=True),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which then end it
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise
        return self

    def pause(self):
        """Stop it in the middle of what it does: it and its children do not answer, and no connection ends."""
        family = self._family()
        send(signal.SIGSTOP, family)
        wait_until(lambda: {state_of(pid) for pid in family} <= {"T", "Z"}, "it does not stop")

    def resume(self):
        """Let it go on after `pause`."""
        family = self._family()
        send(signal.SIGCONT, family)
        wait_until(lambda: "T" not in {state_of(pid) for pid in family}, "it does not go on")

    def kill(self):
        """SIGKILL, with all its children; its folder and its port stay for another start."""
        if self.process is not None:
            self._end_all(self._family())
            self.process.wait(PATIENCE_S)
            self.process = None

    def end(self):
        """Ask it to end, and see to it; its folder and its port stay for another start."""
        if self.process is not None:
            family = self._family()
            send(signal.SIGCONT, family)
            self.process.send_signal(self.end_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE_S / 3)
            self._end_all(family[1:])  # what it has left behind
            self.kill()

    def stop(self):
        """End it, the quick way, and remove its folder. May be called twice."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_trouble):
        self.stop()

    def own(self, path):
        """Give a file or folder to whom the server runs as."""
        if os.geteuid() == 0:
            owner = pwd.getpwnam(self.user)
            os.chown(path, owner.pw_uid, owner.pw_gid)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _as_owner(self, arguments, tied=False):
        """Return a command line that runs as `user`, and with `tied` ends when we end."""
        setpriv = shutil.which("setpriv")
        flags = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam(self.user)
            assert setpriv, "root needs setpriv, of util-linux, to run it as somebody else"
            flags = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        if tied and setpriv:
            flags += ["--pdeathsig", self.end_signal.name.removeprefix("SIG")]
        return [*([setpriv, *flags, "--"] if flags else []), *map(str, arguments)]

    def _wait_until_it_answers(self):
        until = time.monotonic() + PATIENCE_S
        while True:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log[-2000:]}"
            with contextlib.suppress(OSError):
                if self.answers():
                    return
            assert time.monotonic() < until, f"it does not answer:\n{self.log[-2000:]}"
            time.sleep(0.02)

    def _end_all(self, pids):
        send(signal.SIGKILL, pids)
        wait_until(lambda: {state_of(pid) for pid in pids} <= {"Z"}, "it does not end")

    def _family(self):
        return family_of(self.process.pid) if self.process is not None and self.process.poll() is None else []
