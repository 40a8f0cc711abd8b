"""Have the C library keep the memory that was freed, as far as the next turn will want it again.

glibc gives the top of its heap back to the kernel whenever more than 128 KiB of it are free, and takes it again for the
next read: some twenty page faults for each message of 64 KiB, a third of what its echo costs. Python has no setting for
that bound, but glibc learns (mallopt(3), M_MMAP_THRESHOLD): after a block was freed that was so large that it had been
mapped by itself, blocks of that size come from the heap too, and twice as much may stay free at its top.

Where the C library is another one this does nothing, and harms nothing.

Read next: `world.py`.
"""

from typing import Final

LEARNT_BLOCK: Final = 4 * 1024 * 1024
"""Bytes; twice as many may stay free at the heap's end. With 64 clients and messages of 64 KiB one turn takes and frees
about so much; a quarter of it makes each of their echoes 1.3 times as dear. 8 MiB is what a server may do without."""


def keep_freed_memory() -> None:
    """Teach the C library; once for a process is enough. The block is never touched, so it costs no memory."""
    bytearray(LEARNT_BLOCK)
