"""What several processes of one machine have in common: memory, and sockets that carry other sockets.

Both are made once, by whoever starts the processes, and reach them as inherited file descriptors.

Read next: `net/inbox.py`, which passes connections on; `chat/homes.py`, which reads and writes such memory.
"""

import mmap
import os
import socket
from typing import Final

AVAILABLE: Final = hasattr(os, "memfd_create") and hasattr(socket, "SOCK_SEQPACKET")
"""Whether this system has both: Linux. Elsewhere workers have nothing in common."""


def new_memory(size: int) -> int:
    """Return a file descriptor of `size` bytes of memory, all 0 (memfd_create(2)). Raises OSError."""
    fd = os.memfd_create("wsserver", os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return fd


def map_memory(fd: int) -> memoryview:
    """Return the memory behind `fd`: what one process writes all others read. It lives as long as the view."""
    return memoryview(mmap.mmap(fd, os.fstat(fd).st_size))


def close_memory(fd: int) -> None:
    """Close a file descriptor of `new_memory`; what is mapped stays."""
    os.close(fd)


def message_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected, non-blocking sockets that keep messages apart (SOCK_SEQPACKET, unix(7)).

    Several processes may write into one end: each message arrives whole, with the file descriptors that it carries.
    """
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        end.setblocking(False)
    return pair
