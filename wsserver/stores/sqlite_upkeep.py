"""What has to be done beside writing, in portions, by one timer: checkpoints, and forgetting what is not kept any more.

    something was written --> a look every 0.1 s: is the WAL long? has a channel too much? --> nothing: no timer
    the server has started --> all channels once: the settings may have changed
    there are keys, or messages grow old --> a look now and then

Read next: `sqlite_checkpoint.py`, `sqlite_trim.py`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from wsserver.clients.router import Timer
from wsserver.stores.engine import Engine
from wsserver.stores.sqlite_batch import Plan
from wsserver.stores.sqlite_checkpoint import Checkpoints
from wsserver.stores.sqlite_lines import Line, Lines
from wsserver.stores.sqlite_trim import PORTION, Cut, expire_keys, find_cut, keep_cuts, sweep, write_cuts

TICK_S: Final = 0.1
"""Between two looks while something is written."""

PORTION_PAUSE_S: Final = 0.01
"""Between two portions of forgetting: each takes about a millisecond at most, so a tenth of the time goes there."""

_SWEPT: Final = Cut(Line(0, "", 0, 0, 0, False), 0, 0)
"""Stands for the end of a sweep."""

SLACK: Final = 64
"""A channel may lie so many messages too long, or an eighth of what it keeps: cutting one by one costs like writing."""

KEYS_EVERY_S: Final = 60.0
"""How often keys are looked at that may have grown old; they hold for 300 s."""

SWEEP_MOST_S: Final = 60.0
"""How often all channels are looked at for messages that are too old: a tenth of the age, within 1 s and this."""


class Kept(Protocol):
    """The part of the store that is looked after."""

    lines: Lines

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written just now."""

    def reader(self) -> sqlite3.Connection:
        """Return the connection that reads, as it is now."""

    def now_ms(self) -> int:
        """Return the time on the store's clock."""

    def write(self, work: Callable[[sqlite3.Connection], Any], done: Callable[[Any], None]) -> None:
        """Do `work` as soon as nothing else writes, then `done` with what it returned."""

    def fail(self, error: sqlite3.Error) -> None:
        """Something could not be read or written."""

    def judge_place(self) -> None:
        """See whether the file is still where it was."""


class Upkeep:
    """Looks after one store."""

    def __init__(self, engine: Engine, store: Kept, checkpoints: Checkpoints, history_age_s: float) -> None:
        self._engine = engine
        self._store = store
        self._checkpoints = checkpoints
        self._age_s = history_age_s
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._written = False  # since the last look
        self._keys = True  # there may be some
        self._keys_at = 0.0  # when they are looked at next
        self._forgetting = False  # something that forgets is being written, or waits for it
        self._due: dict[str, None] = {}  # channels that have too much
        self._sweep: Iterator[Cut | None] | None = None  # going on
        self._sweep_at = 0.0  # when all channels are looked at next
        self._sweep_every_s = max(1.0, min(SWEEP_MOST_S, history_age_s / 10))
        self._start_sweep()
        self._arm(TICK_S)

    def note(self, plan: Plan) -> None:
        """Something has been written."""
        if plan.keys:
            self._keys = True
        for line in plan.lines.values():
            if line.excess >= SLACK and line.excess >= line.history >> 3:
                self._due[line.name] = None
        if not self._written:
            self._written = True
            self._arm(TICK_S)

    def wake(self) -> None:
        """The store is back: go on. What was to be forgotten when it fell into trouble has not been."""
        self._forgetting = False
        self._arm(TICK_S)

    def close(self) -> None:
        """Do nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    # -- one look ---------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._timer = None
        written, self._written = self._written, False
        if written:
            self._store.judge_place()
            self._checkpoints.look()
        if not self._forgetting and self._store.trouble is None:
            try:
                self._forget()
            except sqlite3.Error as error:
                self._store.fail(error)
        self._arm_next(written)

    def _arm_next(self, written: bool) -> None:
        """See to the next look; a store in trouble gets none before `wake`, or something is written."""
        now = self._engine.monotonic()
        if self._sweep is not None or self._due:
            self._arm(PORTION_PAUSE_S)
        if written or self._checkpoints.running:
            self._arm(TICK_S)
        if self._keys:
            self._arm(max(self._keys_at - now, PORTION_PAUSE_S))
        if self._age_s:
            self._arm(max(self._sweep_at - now, PORTION_PAUSE_S))

    def _arm(self, delay_s: float) -> None:
        """See to it that there is a look in `delay_s` seconds, or sooner."""
        at = self._engine.monotonic() + delay_s
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._engine.call_later(delay_s, self._tick)

    # -- forgetting -------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        """Do one portion of what is due. Raises sqlite3.Error."""
        now = self._engine.monotonic()
        if self._keys and now >= self._keys_at:
            self._keys_at = now + KEYS_EVERY_S
            now_ms = self._store.now_ms()
            self._forgetting = True
            self._store.write(lambda connection: expire_keys(connection, now_ms), self._on_expired)
            return
        if self._age_s and self._sweep is None and now >= self._sweep_at:
            self._start_sweep()
        cuts = self._find_cuts()
        if cuts:
            self._forgetting = True
            self._store.write(lambda connection: write_cuts(connection, cuts), self._on_cut)

    def _on_cut(self, cuts: Sequence[Cut]) -> None:
        self._forgetting = False
        keep_cuts(self._store.lines, cuts)

    def _on_expired(self, more: bool) -> None:
        self._forgetting = False
        if more:
            self._keys_at = self._engine.monotonic()
            self._arm(PORTION_PAUSE_S)
            return
        try:
            (self._keys,) = self._store.reader().execute("SELECT EXISTS (SELECT 1 FROM publish_key)").fetchone()
        except sqlite3.Error as error:
            self._store.fail(error)

    def _start_sweep(self) -> None:
        self._sweep = sweep(self._store.reader, self._store.lines, self._oldest_ms)
        self._sweep_at = self._engine.monotonic() + self._sweep_every_s

    def _oldest_ms(self) -> int | None:
        """Messages from before this time are too old; None: none ever is."""
        return self._engine.wall_ms() - round(self._age_s * 1000) if self._age_s else None

    def _find_cuts(self) -> list[Cut]:
        """Return a portion of what is to be cut: of channels that are known to have too much first, then of all."""
        cuts: list[Cut] = []
        room = PORTION
        while self._due and room > 0:
            name = next(iter(self._due))
            del self._due[name]  # if it still has too much, its next message says so
            line = self._store.lines.known.get(name)
            cut = None if line is None else find_cut(self._store.reader(), line, line.first)
            if cut is not None:
                cuts.append(cut)
                room -= cut.rows
        while self._sweep is not None and room > 0:
            cut = next(self._sweep, _SWEPT)
            if cut is _SWEPT:
                self._sweep = None
            elif cut is None:
                break
            else:
                cuts.append(cut)
                room -= cut.rows
        return cuts
