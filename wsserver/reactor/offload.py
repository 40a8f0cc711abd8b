"""A few threads for what must block: waiting for a disk, and whatever else would make everybody wait.

The one way to hand work out of the loop and to get its result back into it. What runs there must not touch anything of
the loop's, and should be one long call into C: a thread that takes the interpreter lock a hundred times waits for the
busy loop a hundred times, up to 5 ms each (sys.getswitchinterval).

    loop: run(work, done) --> queue --> thread: work() --> post --> loop: done(result)

Read next: `wakeup.py`, whose `post` brings the result home.
"""

import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

THREADS: Final = 2
"""One that writes and one that makes checkpoints; they wait for disks, not for processors."""

_Job = tuple[Callable[[], Any], Callable[[Any], None]]

T = TypeVar("T")


class Offload:
    """The pool. Threads are started when there is work for them, and never more than it may have."""

    def __init__(self, post: Callable[[Callable[[], None]], None], threads: int = THREADS) -> None:
        """`post` runs a callback in the loop's thread."""
        self._post = post
        self._limit = threads
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._out = 0  # jobs whose result is not home yet
        self._closed = False

    @property
    def out(self) -> int:
        """How many jobs are waiting, being done, or on their way home."""
        return self._out

    def run(self, work: Callable[[], T], done: Callable[[T | Exception], None]) -> None:
        """Have `work` done in a thread, and `done(what it returned or raised)` called in the loop, soon.

        Jobs are begun in their order. To be called in the loop's thread.
        """
        self._out += 1
        if self._out > len(self._threads) < self._limit:
            # A daemon: a disk that hangs must not keep the process from its end.
            thread = threading.Thread(target=self._work, name=f"offload-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._jobs.put((work, done))

    def close(self, patience_s: float) -> bool:
        """Let what was begun or waits be finished, for so long; results are not told any more.

        Returns whether all was finished. The pool is not used again.
        """
        self._closed = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(patience_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while job := self._jobs.get():
            work, done = job
            result: Any
            try:
                result = work()
            except Exception as error:  # it belongs to whoever gave the work
                result = error
            if not self._closed:
                self._post(partial(self._bring, done, result))

    def _bring(self, done: Callable[[Any], None], result: Any) -> None:
        self._out -= 1
        done(result)
