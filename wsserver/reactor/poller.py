"""Four ways to ask the kernel which file descriptors are ready, behind one face.

`epoll` is the one we run on; `poll`, `select` and `kqueue` are lessons, and a way to run elsewhere. All four report
with the same bits. What is deliberately absent: edge triggering. A level-triggered fd that was read only in part is
reported again, which is what makes "64 KiB a wake-up, then somebody else's turn" one line of code.

Facts of the kernel that the rest of the house relies on (epoll(7), poll(2)):
  - ERROR and HANGUP are reported whatever the interest is, even when it is 0, and again at each call until the fd goes.
  - A closed fd leaves epoll by itself, but only if nobody else holds the same open file. We unregister before closing.
  - After fork(2) parent and child share one epoll: make the poller after the fork.

| poller | a call costs | limit                                   |
|--------|--------------|-----------------------------------------|
| epoll  | what is ready| none                                    |
| kqueue | what is ready| none (BSD, macOS)                       |
| poll   | all fds      | none                                    |
| select | all fds      | fd numbers below 1,024 (FD_SETSIZE)     |

Read next: `loop.py`.
"""

import select
import sys
from typing import Final, Protocol

READ: Final = 1  # EPOLLIN, POLLIN
WRITE: Final = 4  # EPOLLOUT, POLLOUT
ERROR: Final = 8  # EPOLLERR, POLLERR; never asked for, always reported
HANGUP: Final = 16  # EPOLLHUP, POLLHUP; likewise

MAX_EVENTS: Final = 1024
"""Events handed out by one call, so that timers and signals get their turn however many fds are ready."""

SELECT_FD_LIMIT: Final = 1024


class Poller(Protocol):
    """What the reactor needs. `interest` and reported masks are sums of the constants above."""

    def register(self, fd: int, interest: int) -> None:
        """Start to watch `fd`."""

    def modify(self, fd: int, interest: int) -> None:
        """Watch a registered `fd` for something else."""

    def unregister(self, fd: int) -> None:
        """Stop watching `fd`."""

    def poll(self, timeout_s: float | None) -> list[tuple[int, int]]:
        """Sleep until something is ready, at most `timeout_s` seconds (None: for ever); return (fd, mask) pairs."""

    def close(self) -> None:
        """Give the poller's own fd back."""


class EpollPoller:
    """`epoll(7)`: the kernel keeps the list, a call costs what is ready and not what is watched."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister

    def poll(self, timeout_s: float | None) -> list[tuple[int, int]]:
        return self._epoll.poll(timeout_s, MAX_EVENTS)

    def close(self) -> None:
        self._epoll.close()


class PollPoller:
    """`poll(2)`: the whole list goes to the kernel at each call."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout_s: float | None) -> list[tuple[int, int]]:
        return self._poll.poll(None if timeout_s is None else _milliseconds(timeout_s))

    def close(self) -> None:
        """Nothing to give back."""


class SelectPoller:
    """`select(2)`: three sets of bits, rebuilt at each call, and no fd above 1,023."""

    def __init__(self) -> None:
        self._interest: dict[int, int] = {}

    def register(self, fd: int, interest: int) -> None:
        if fd >= SELECT_FD_LIMIT:
            raise OSError(f"select() cannot watch file descriptor {fd}, only those below 1024; use --poller epoll")
        if fd in self._interest:
            raise FileExistsError(f"file descriptor {fd} is watched already")
        self._interest[fd] = interest

    def modify(self, fd: int, interest: int) -> None:
        if fd not in self._interest:
            raise FileNotFoundError(f"file descriptor {fd} is not watched")
        self._interest[fd] = interest

    def unregister(self, fd: int) -> None:
        if self._interest.pop(fd, None) is None:
            raise FileNotFoundError(f"file descriptor {fd} is not watched")

    def poll(self, timeout_s: float | None) -> list[tuple[int, int]]:
        readers = [fd for fd, interest in self._interest.items() if interest & READ]
        writers = [fd for fd, interest in self._interest.items() if interest & WRITE]
        readable, writable, _ = select.select(readers, writers, [], timeout_s)
        masks = dict.fromkeys(readable, READ)
        for fd in writable:
            masks[fd] = masks.get(fd, 0) | WRITE
        return list(masks.items())

    def close(self) -> None:
        self._interest.clear()


if sys.platform != "linux":

    class KqueuePoller:
        """`kqueue(2)`: like epoll, but reading and writing are two filters, registered apart."""

        def __init__(self) -> None:
            self._kqueue = select.kqueue()
            self._interest: dict[int, int] = {}

        def register(self, fd: int, interest: int) -> None:
            self._apply(fd, 0, interest)

        def modify(self, fd: int, interest: int) -> None:
            self._apply(fd, self._interest[fd], interest)

        def unregister(self, fd: int) -> None:
            self._apply(fd, self._interest[fd], 0)
            del self._interest[fd]

        def _apply(self, fd: int, before: int, after: int) -> None:
            changes = []
            for bit, kind in ((READ, select.KQ_FILTER_READ), (WRITE, select.KQ_FILTER_WRITE)):
                if (before ^ after) & bit:
                    flag = select.KQ_EV_ADD if after & bit else select.KQ_EV_DELETE
                    changes.append(select.kevent(fd, kind, flag))
            if changes:
                self._kqueue.control(changes, 0)
            self._interest[fd] = after

        def poll(self, timeout_s: float | None) -> list[tuple[int, int]]:
            masks: dict[int, int] = {}
            for event in self._kqueue.control([], MAX_EVENTS, timeout_s):
                bit = READ if event.filter == select.KQ_FILTER_READ else WRITE
                masks[event.ident] = masks.get(event.ident, 0) | bit
            return list(masks.items())

        def close(self) -> None:
            self._kqueue.close()


def _milliseconds(seconds: float) -> int:
    """Round up: a timeout rounded down would wake just before the timer is due, and spin until it is."""
    return max(0, -int(-seconds * 1000 // 1))


def available_pollers() -> dict[str, type]:
    """Return the pollers that this platform has, by the name `--poller` takes, best first."""
    found: dict[str, type] = {}
    if hasattr(select, "epoll"):
        found["epoll"] = EpollPoller
    if sys.platform != "linux" and hasattr(select, "kqueue"):
        found["kqueue"] = KqueuePoller
    if hasattr(select, "poll"):
        found["poll"] = PollPoller
    found["select"] = SelectPoller
    return found


def open_poller(name: str) -> Poller:
    """Make the poller called `name`. Raises ValueError, naming those there are, when the platform lacks it."""
    pollers = available_pollers()
    if name not in pollers:
        raise ValueError(f"this platform has no poller '{name}'; it has {', '.join(pollers)}")
    poller: Poller = pollers[name]()
    return poller
