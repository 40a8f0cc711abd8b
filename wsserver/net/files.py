"""Opens regular files under one directory, and nothing else: no way out of it, and nothing that could block the loop.

Facts about open(2), and what they mean here:
  - A path is resolved anew each time, symbolic links and `..` included. So the directory is opened once, and every name
    is opened relative to the one before it (openat) and must not be a link.
  - Opening a FIFO waits for a writer, opening a device may do anything. O_NONBLOCK makes it return, fstat tells what
    it is.
  - A file can be cut or replaced while it is read. The fd keeps the replaced one; a cut one ends early, and so do we.

Reading may wait for a disk for a moment; the page's files are small and stay in the page cache.

Read next: `http/static.py`, which decides what may be asked for.
"""

import errno
import os
import stat
from collections.abc import Iterator
from typing import Final

SLICE_SIZE: Final = 32 * 1024
"""Bytes read at a time: what one slow reader of a big file can hold of our memory."""

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_NOT_THERE: Final = frozenset(
    (
        errno.EACCES,
        errno.EISDIR,
        errno.ELOOP,  # a symbolic link
        errno.ENAMETOOLONG,
        errno.ENODEV,
        errno.ENOENT,
        errno.ENOTDIR,  # also what O_DIRECTORY says to a symbolic link
        errno.ENXIO,  # a socket
        errno.EPERM,
    )
)
"""What open(2) says of files that a visitor cannot have. Anything else (EMFILE, EIO, ...) is trouble of ours."""


class OpenFile:
    """A regular file, open for reading. `close` closes it, and so do the end of `slices` and its last reference."""

    __slots__ = ("_fd", "mtime_ns", "size")

    def __init__(self, fd: int, size: int, mtime_ns: int) -> None:
        self._fd = fd  # -1: closed
        self.size = size  # bytes when it was opened
        self.mtime_ns = mtime_ns

    def slices(self, start: int, stop: int) -> "Slices":
        """Return the bytes from `start` up to `stop` in pieces of at most SLICE_SIZE; after them the file is closed."""
        return Slices(self, start, stop)

    def read(self, start: int, stop: int) -> bytes:
        """Return up to SLICE_SIZE bytes of that part; none at the end of the file. Raises OSError, also when closed."""
        return os.pread(self._fd, min(SLICE_SIZE, stop - start), start)

    def close(self) -> None:
        """Close it. Twice is once."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class Slices:
    """Part of a file, piece by piece. Ends early when the file has become shorter, and closes it in any case."""

    __slots__ = ("_file", "_position", "_stop")

    def __init__(self, file: OpenFile, start: int, stop: int) -> None:
        self._file = file
        self._position = start
        self._stop = stop

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = b""
        try:
            if self._position < self._stop:
                piece = self._file.read(self._position, self._stop)
        except OSError:
            pass  # the disk failed: for the reader, the file ends here
        if not piece:
            self.close()
            raise StopIteration
        self._position += len(piece)
        return piece

    def close(self) -> None:
        """Close the file; there is no next piece."""
        self._stop = self._position
        self._file.close()


class Directory:
    """A directory whose files may be read. Raises OSError when it cannot be opened."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def open(self, parts: tuple[str, ...]) -> OpenFile | None:
        """Open the regular file of that name, or of those names from the root down; None when there is no such file.

        Raises OSError for trouble that is not the visitor's, like EMFILE.
        """
        if not parts or not all(map(_is_name, parts)):
            return None
        try:
            fd = self._walk(parts)
            return _adopt(fd)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise

    def _walk(self, parts: tuple[str, ...]) -> int:
        """Open one name below the other; return the fd of the last."""
        at = self._fd
        for depth, part in enumerate(parts, 1):
            flags = _FLAGS if depth == len(parts) else _FLAGS | os.O_DIRECTORY
            try:
                below = os.open(part, flags, dir_fd=at)
            finally:
                if at != self._fd:
                    os.close(at)
            at = below
        return at

    def close(self) -> None:
        """Give the directory back. Files that are open stay open."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):  # not when __init__ raised
            self.close()


def _is_name(part: str) -> bool:
    """Tell whether open(2) would take that for one name below the directory, and for nothing else."""
    return part not in ("", ".", "..") and "/" not in part and "\0" not in part


def _adopt(fd: int) -> OpenFile | None:
    """Wrap a fresh fd if it is a regular file, else close it."""
    try:
        status = os.fstat(fd)
    except BaseException:
        os.close(fd)
        raise
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        return None
    return OpenFile(fd, status.st_size, status.st_mtime_ns)
