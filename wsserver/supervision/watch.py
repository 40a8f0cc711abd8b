"""Notices a worker that hangs without ending: in an endless loop, in the kernel, stopped by a signal.

    Ping ---- SILENT_S ----> silent: others accept for it ---- limit ----> hung: it writes where it is, and is killed
         <--- Pong: it serves ---

Each is asked every two seconds over its link, one question at a time, so that nothing piles up for one that hangs.
An answer proves that its reactor turns, which is what its clients wait for. Those that start are not watched, nor is
anybody once the server drains, which has a deadline of its own.

Read next: `covers.py`, who accepts meanwhile; `child.py`, how one is ended.
"""

from collections.abc import Callable, Sequence
from typing import Final

from wsserver.observe import logs
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer
from wsserver.supervision.child import WATCHED, Child, Stage
from wsserver.supervision.orders import Ping

BEAT_S: Final = 2.0
"""Time between two looks. What it costs is that processes at rest are woken: 0.2 to 0.4 ms of CPU each time, on a
virtual machine whose caches others have filled, which is a fiftieth of a percent of a core."""

SILENT_S: Final = 2.0
"""For whoever has not answered for so long others accept: no turn of a worker that is well takes half the time
(LATE_S in `reactor/loop.py`). A mistake costs nothing: the worker accepts too as soon as it can. So who knocks at one
that hangs waits for 2 to 4 s, about as long as for a packet that is lost at the start of a connection (RFC 6298: 1 to
3 s)."""

LATE_S: Final = 1.0
"""A look that comes so late says that *we* were away (SIGSTOP, a machine that was paused), and the workers perhaps with
us: their time to answer begins anew."""

_LOG: Final = logs.get("supervisor")


class Watch:
    """Asks all workers, and judges those that do not answer. `on_change()`: one has fallen silent, or is back."""

    def __init__(
        self,
        reactor: Reactor,
        children: Sequence[Child],
        limit_s: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        """`limit_s()` returns for how many seconds a worker may be silent before it is ended; 0: for ever."""
        self._reactor = reactor
        self._children = children
        self._limit_s = limit_s
        self._on_change = on_change
        self._asked: dict[int, float] = {}  # index -> since when a question is unanswered
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Watch from now on."""
        self._timer = self._reactor.call_later(BEAT_S, self._look)

    def end(self) -> None:
        """Judge nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hear(self, child: Child) -> None:
        """It has answered."""
        asked_at = self._asked.pop(child.index, self._reactor.now)
        if child.stage is Stage.SILENT:
            child.stage = Stage.SERVING
            silent_s = round(self._reactor.now - asked_at, 3)
            _LOG.info("worker_answers", "A worker answers again.", worker=child.index, silent_s=silent_s)
            self._on_change()

    def forget(self, child: Child) -> None:
        """Its process has ended; the next one owes us nothing."""
        self._asked.pop(child.index, None)

    def _look(self) -> None:
        assert self._timer is not None
        now = self._reactor.now
        away = now - self._timer.when > LATE_S
        self._timer = self._reactor.call_later(BEAT_S, self._look)
        for child in self._children:
            if child.stage not in WATCHED:
                continue
            asked_at = self._asked.get(child.index)
            if asked_at is None:
                child.say(Ping())
            if asked_at is None or away:
                self._asked[child.index] = now
            else:
                self._judge(child, now - asked_at)

    def _judge(self, child: Child, silent_s: float) -> None:
        limit_s = self._limit_s()
        hangs = 0 < limit_s <= silent_s
        told = {"worker": child.index, "its_pid": child.pid, "silent_s": round(silent_s, 3)}
        if child.stage is Stage.SERVING and (hangs or silent_s >= SILENT_S):
            child.stage = Stage.SILENT
            _LOG.warning("worker_silent", "A worker does not answer; others accept connections for it.", **told)
            self._on_change()
        if hangs:
            _LOG.error(
                "worker_hangs",
                "A worker has not answered for too long and is replaced. Its stack, on standard error, says where it "
                "hangs; server.worker_timeout says how long is too long.",
                **told,
            )
            child.abort()
