"""Where log lines go without anybody waiting: a file descriptor that is asked first whether it can take them.

Standard error may be a pipe whose reader has stopped, a terminal on which somebody pressed Ctrl-S, a socket of the
system's journal. A plain write would then stop the whole server.

Some facts, and what they mean for us:
  - O_NONBLOCK belongs to the open file, not to the descriptor (open(2)): setting it on standard error would set it for
    the shell and for whoever else shares it. So the flag stays as it is.
  - A pipe that poll(2) calls writable takes PIPE_BUF bytes without waiting (pipe(7)), and no line is longer than that.
    So poll, with no timeout, and write. A terminal and a stream socket keep the same promise.
  - Between the two calls another process on the same pipe may fill it. Then this one write waits. That is the price; a
    writer thread would not pay it, and would cost a lock and the interpreter's switching for every line.
  - A regular file is always writable. A slow disk is not noticed here; the kernel's page cache takes the line.

Read next: `logs.py`.
"""

import os
import select
from typing import Final, Protocol

_BROKEN: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Sink(Protocol):
    """Takes lines, or refuses them at once."""

    def write(self, line: bytes) -> bool:
        """Write a line of at most PIPE_BUF bytes; return False, without waiting, when that is impossible now."""


class DescriptorSink:
    """Writes to a file descriptor that it does not own."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def write(self, line: bytes) -> bool:
        """Write `line` if the descriptor takes it at once. An error (the reader is gone) is a refusal too."""
        try:
            ready = self._poll.poll(0)
            if not ready or ready[0][1] & _BROKEN:
                return False
            return os.write(self._fd, line) == len(line)
        except OSError:
            return False
