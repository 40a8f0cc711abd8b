"""The one door to the world: clocks, random bytes, sockets and pollers come through here and nowhere else.

A simulator opens another door of the same shape and gets a server whose time, luck and network it owns. What is
deliberately absent: threads and files of the page (`net/files.py` reads those).

Read next: `poller.py`, then `loop.py`.
"""

import errno
import os
import random
import resource
import socket
import stat
import sys
import time
from collections.abc import Sequence
from functools import cache
from typing import Final, Protocol

from wsserver.reactor.poller import Poller, open_poller

LISTEN_BACKLOG: Final = 2048
"""Connections the kernel completes for us while we are busy; it caps this at net.core.somaxconn."""

KEEPALIVE_IDLE_S: Final = 60
KEEPALIVE_INTERVAL_S: Final = 10
KEEPALIVE_PROBES: Final = 3
"""TCP's own probes find a peer that lost its power also where no heartbeat runs (plain HTTP, lingering closes)."""


class Process(Protocol):
    """A process that we started."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs. Without this call it stays a zombie."""

    def send_signal(self, sig: int) -> None:
        """Send it that signal, if it has not ended."""

    def kill(self) -> None:
        """End it now (SIGKILL), if it has not ended."""


class World:
    """The real world."""

    def __init__(self) -> None:
        self._unix_sockets: dict[str, tuple[int, int]] = {}  # path -> device and inode of the socket that we made there

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps (CLOCK_MONOTONIC)."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Milliseconds since 1970; it may jump, so nothing is ordered or timed by it."""
        return time.time_ns() // 1_000_000

    def cpu_s(self, pid: int = 0) -> float:
        """CPU seconds that a process has used, all its threads together; 0 is this process. Raises OSError.

        Linux tells it of others too, to the nanosecond, by a clock of their own (clock_getcpuclockid(3)).
        """
        return time.clock_gettime((~pid << 3) | 2) if pid else time.process_time()

    def random_bytes(self, count: int) -> bytes:
        """Unguessable bytes (getrandom(2))."""
        return os.urandom(count)

    def uniform(self, low: float, high: float) -> float:
        """A number between the two; for spreading things out, not for secrets."""
        return random.uniform(low, high)

    def open_poller(self, name: str) -> Poller:
        """Make the poller called `name`; raises ValueError when this platform lacks it."""
        return open_poller(name)

    def socket_pair(self) -> tuple[socket.socket, socket.socket]:
        """Two connected, non-blocking sockets of this process."""
        pair = socket.socketpair()
        for end in pair:
            end.setblocking(False)
        return pair

    def listen_tcp(self, host: str, port: int) -> list[socket.socket]:
        """Listen on every address that `host` stands for; port 0 picks a free one, the same for all of them.

        An IPv6 listener is IPv6 only, so that "::" and "0.0.0.0" can stand side by side. Raises OSError.
        """
        return self.listen_tcp_often(host, port, 1)[0]

    def listen_tcp_often(self, host: str, port: int, times: int) -> list[list[socket.socket]]:
        """Listen `times` over; the kernel spreads connections over the sockets of an address (SO_REUSEPORT, socket(7)).

        Each of the lists holds one listener for every address of `host`, as `listen_tcp` has them. Raises OSError, also
        for a port that somebody else shares already: it is not joined.
        """
        sets: list[list[socket.socket]] = [[] for _ in range(times)]
        try:
            for family, *_, address in _resolve(host, port):
                for number, one in enumerate(sets):
                    if sets[0] and port == 0:
                        address = (address[0], sets[0][0].getsockname()[1], *address[2:])
                    one.append(_listen(family, address, _NOT if times == 1 else _LATER if number == 0 else _REUSE))
        except OSError:
            for listener in [listener for one in sets for listener in one]:
                listener.close()
            raise
        return sets

    def listen_unix(self, path: str) -> socket.socket:
        """Listen on a Unix socket. A path that a dead server left is taken; a live server's is not (EADDRINUSE)."""
        if _is_dead_unix_socket(path):
            os.unlink(path)
        listener = _listen(socket.AF_UNIX, path)
        self._unix_sockets[path] = _identity(path)
        return listener

    def listen_inherited(self, fd: int) -> socket.socket:
        """Adopt a listening socket that whoever started us opened (systemd, a supervisor). Raises OSError."""
        listener = socket.socket(fileno=fd)
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listener.detach()
            raise OSError(errno.EINVAL, f"file descriptor {fd} is not a listening socket")
        listener.set_inheritable(False)  # it was, to reach us; our children have no business with it
        _prepare(listener)
        return listener

    def adopt(self, fd: int) -> socket.socket:
        """Take over a socket that our supervisor left open for us, as it prepared it. Raises OSError."""
        sock = socket.socket(fileno=fd)
        sock.set_inheritable(False)
        sock.setblocking(False)
        return sock

    def spawn(self, arguments: Sequence[str], fds: Sequence[int]) -> Process:
        """Start this interpreter anew with `arguments`. Of our file descriptors it gets `fds` and standard error.

        Its standard input and output lead nowhere, and a terminal's Ctrl-C does not reach it. It is fork and exec: a
        copy of us would share our epoll (epoll(7)).
        Raises OSError.
        """
        import subprocess  # here, since only a supervisor needs it

        null = subprocess.DEVNULL
        return subprocess.Popen([sys.executable, *arguments], pass_fds=fds, stdin=null, stdout=null, process_group=0)

    def own_pid(self) -> int:
        """The number of this process."""
        return os.getpid()

    def cores(self) -> list[int]:
        """The cores that this process may run on (sched_getaffinity(2)); where that cannot be told, all there are."""
        if hasattr(os, "sched_getaffinity"):
            return sorted(os.sched_getaffinity(0))
        return list(range(os.cpu_count() or 1))

    def pin(self, core: int) -> None:
        """Run on `core` alone from now on, all threads that are made later too. Raises OSError."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, (core,))

    def resolve_tcp(self, host: str, port: int) -> list[tuple[int, tuple[str | int, ...]]]:
        """Return what `host` stands for as (address family, address), best first. Blocks. Raises OSError."""
        return [(family, address) for family, *_, address in _resolve(host, port)]

    def begin_connect(self, family: int, address: tuple[str | int, ...] | str, source: str = "") -> socket.socket:
        """Return a non-blocking socket that is connecting; WRITE, or an error, says how that ended.

        `source` is the address of ours to come from: each has its own 28,000 ports. Raises OSError.
        """
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source:
                sock.bind((source, 0))
            error = sock.connect_ex(address)
            if error not in (0, errno.EINPROGRESS):
                raise OSError(error, os.strerror(error))
        except BaseException:
            sock.close()
            raise
        return sock

    def raise_fd_limit(self) -> int:
        """Raise this process's limit of file descriptors as far as it may; return it (getrlimit(2))."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard if hard != resource.RLIM_INFINITY else 1 << 20

    def resident_bytes(self) -> int:
        """The memory of this process that is in RAM (proc(5), statm); 0 where that cannot be told."""
        try:
            with open("/proc/self/statm", "rb", buffering=0) as statm:
                return int(statm.read().split()[1]) * resource.getpagesize()
        except OSError:
            return 0

    def open_fds(self) -> int:
        """How many file descriptors this process has open (proc(5), fd); 0 where that cannot be told.

        Linux 6.2 and later say so in the size of the folder; before that it takes 1 us for each to count them.
        """
        try:
            return os.stat("/proc/self/fd").st_size or len(os.listdir("/proc/self/fd")) - 1  # one is for looking
        except OSError:
            return 0

    def trim_memory(self) -> None:
        """Have the C library give freed memory back to the kernel, where it can (malloc_trim(3), glibc only)."""
        trim = getattr(_c_library(), "malloc_trim", None)
        if trim is not None:
            trim(0)

    def open_spare(self) -> int:
        """A file descriptor to hold in reserve, for the moment when there are none left."""
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def close_spare(self, fd: int) -> None:
        """Give the reserve back, so that one more connection can be accepted and told to go."""
        os.close(fd)

    def boot_id(self) -> str:
        """The name of this run of the machine, another one after each boot (random(4)); empty where nobody knows."""
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            return ""

    def unlink(self, path: str) -> None:
        """Remove a Unix socket of ours, before its listener is closed: until then its inode is not used again.

        One that is gone already is fine; what somebody else has put in its place stays.
        """
        try:
            if _identity(path) == self._unix_sockets.pop(path, None):
                os.unlink(path)
        except FileNotFoundError:
            pass


@cache
def _c_library() -> object:
    """Return the C library as Python sees it; loaded only when it is asked for, since few servers need it."""
    from ctypes import CDLL

    return CDLL(None)


def _resolve(host: str, port: int) -> list[tuple]:  # type: ignore[type-arg]
    try:
        found = _look_up(host, port)
    except UnicodeError:
        raise OSError(errno.EINVAL, f"'{host}' is not a host name") from None
    return list(dict.fromkeys(found))


def _look_up(host: str, port: int) -> list[tuple]:  # type: ignore[type-arg]
    found: list[tuple] = socket.getaddrinfo(  # type: ignore[type-arg]
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
    )
    return found


_NOT: Final = "not"
_LATER: Final = "later"
_REUSE: Final = "reuse"
"""Whether a port is shared: it is not, with those who come after us, with whoever is there already."""


def _listen(family: int, address: object, sharing: str = _NOT) -> socket.socket:
    """Return a listener. With _LATER it is bound while it shares with nobody, so a port that is taken is an error."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sharing == _REUSE:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)  # type: ignore[arg-type]
        if sharing == _LATER:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _prepare(listener)
        listener.listen(LISTEN_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _prepare(listener: socket.socket) -> None:
    """Set what accepted sockets shall have. Linux lets them inherit it, which saves five calls for each of them."""
    listener.setblocking(False)
    if listener.family in (socket.AF_INET, socket.AF_INET6):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)


def _identity(path: str) -> tuple[int, int]:
    """Return what no other file has while this one exists."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino


def _is_dead_unix_socket(path: str) -> bool:
    """Tell whether `path` is a socket that nobody listens behind: connecting is refused. A plain file is never one."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False  # not ours to judge: bind() will say why it cannot be had
    return False
