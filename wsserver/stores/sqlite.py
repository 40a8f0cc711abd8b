"""The store in a SQLite file: the log of each channel outlives the server.

Two promises, one code. With `process` a batch is written on the loop and not waited for: what is in the WAL survives
SIGKILL, and costs microseconds. With `power` it is written by a thread that waits until the disk has it; the loop goes
on, and the answer comes later. Reading is always done on the loop, from memory of the kernel as a rule.

    append --process--> write_rows -----------------------------> stored
           --power----> thread: write_at_once ---> written -----> done(stored)
           --busy-----> waits until a checkpoint or a clean-up has finished, then one of these two

At most one thing writes at a time (`_busy`). When writing fails the store is in trouble: it refuses everything that
writes until a probe has succeeded, and what can be read is read.

Read next: `sqlite_batch.py` for what is written; `sqlite_upkeep.py` for checkpoints and for what is forgotten;
`sqlite_file.py` for how the file is taken.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from wsserver.chat.log import Done, Head, Log, Outcome, Publication, Stored, StoreUnavailable
from wsserver.chat.vocabulary import MessageEvent
from wsserver.reactor.histogram import LATENCY_BOUNDS_S, Histogram
from wsserver.stores.base import HISTORY, Reporter
from wsserver.stores.engine import Engine
from wsserver.stores.sqlite_batch import Plan
from wsserver.stores.sqlite_checkpoint import Checkpoints
from wsserver.stores.sqlite_errors import explain, is_final, is_foreign, is_of_the_world
from wsserver.stores.sqlite_file import Connect, SqliteFile, connect
from wsserver.stores.sqlite_lines import Line, Lines
from wsserver.stores.sqlite_marks import Marks
from wsserver.stores.sqlite_upkeep import Upkeep

RETRY_FIRST_S: Final = 0.25
RETRY_MOST_S: Final = 10.0
"""A lock is gone in a moment, a full disk is not; each probe in vain doubles the time to the next, up to this."""

_READ: Final = "SELECT seq, user, text, ts FROM entry WHERE channel = ? AND seq BETWEEN ? AND ? ORDER BY seq"


class SqliteStore:
    """All channels, in one file, of one server."""

    def __init__(
        self,
        engine: Engine,
        reporter: Reporter,
        path: str,
        history_of: Callable[[str], int] = lambda _channel: HISTORY,
        history_age_s: float = 0.0,
        power: bool = False,
        connect: Connect = connect,
    ) -> None:
        """Open the file. Raises StoreUnavailable with a sentence that says what to do.

        `history_of(channel)` is how many messages a channel keeps, `history_age_s` for how long at most (0: for ever);
        `power`: a batch is answered for when the disk has it.
        """
        self._engine = engine
        self._reporter = reporter
        self._power = power
        self._connect = connect
        self.file = SqliteFile(path)
        self.lines = Lines(history_of)
        self.commits = Histogram(LATENCY_BOUNDS_S)  # how long batches took that were stored, in seconds
        self.trouble: str | None = None  # why nothing can be written just now
        self._busy = False  # something writes in a thread, or must not be written beside
        self._waiting: tuple[Sequence[Publication], Done] | None = None  # a batch that came meanwhile
        self._paused: Callable[[], None] | None = None  # who wants to have it idle
        self._queued: tuple[Callable[[sqlite3.Connection], Any], Callable[[Any], None]] | None = None
        self._doubtful: Sequence[Line] = ()  # whose messages may have been written although SQLite said no
        self._retry_s = RETRY_FIRST_S
        self._open()
        checkpoints = Checkpoints(engine, reporter, self.file, self, lambda: connect(path, "NORMAL"))
        self._upkeep = Upkeep(engine, self, checkpoints, history_age_s)

    def _open(self) -> None:
        self.file.open()
        try:
            self._reader = self._writer = self._connect(self.file.path, "NORMAL")
            if self._power:
                self._writer = self._connect(self.file.path, "FULL")
            self._marks = Marks(self._engine, self._writer, unsynced=not self._power)
            self.lines.load(self._reader)
        except BaseException as error:
            self._close_connections()
            self.file.close()
            if isinstance(error, sqlite3.Error) and is_of_the_world(error):
                raise StoreUnavailable(f"{self.file.path} cannot be used: {explain(error)}") from error
            raise

    # -- the log ----------------------------------------------------------------------------------------------------

    def append(self, batch: Sequence[Publication], done: Done) -> list[Stored] | None:
        """Number the messages and keep them (`Log.append`)."""
        if self.trouble is not None:
            raise StoreUnavailable(self.trouble)
        if self._busy:
            assert self._waiting is None, "one batch at a time"
            self._waiting = batch, done
            return None
        return self._append(batch, done)

    def head(self, channel: str) -> Head:
        """Return where `channel` stands (`Log.head`)."""
        line = self._find(channel)
        if line is None:
            return Head(self._marks.epoch, 0, 1)
        return Head(self._marks.epoch, line.seq, line.oldest)

    def after(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the oldest kept messages after `seq` (`Log.after`)."""
        line = self._find(channel)
        if line is None:
            return []
        start = max(seq + 1, line.oldest)
        return self._read(line, start, min(start + limit - 1, line.seq))

    def before(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the newest kept messages before `seq` (`Log.before`)."""
        line = self._find(channel)
        if line is None:
            return []
        stop = min(seq - 1, line.seq)
        return self._read(line, max(stop - limit + 1, line.oldest), stop)

    def release(self, channel: str) -> None:
        """Forget what is in memory of `channel`; the file has it all."""
        self.lines.release(channel)

    def part_of(self, channel: str) -> Log:
        """It is all of one piece (`Log.part_of`)."""
        return self

    def close(self) -> None:
        """Bring everything onto the disk and let go of the file. No thread may work for the store any more."""
        self._upkeep.close()
        try:
            if self.trouble is None and not self._busy:
                self._marks.close(self._writer)
        except sqlite3.Error as error:
            self._reporter.trouble(f"the last checkpoint failed: {explain(error)}")
        finally:
            self._close_connections()
            self.file.close()

    # -- reading ----------------------------------------------------------------------------------------------------

    def _find(self, channel: str) -> Line | None:
        line = self.lines.known.get(channel)
        if line is not None:
            return line
        try:
            return self.lines.find(self._reader, channel)
        except sqlite3.Error as error:
            raise self._cannot_read(error) from error

    def _read(self, line: Line, start: int, stop: int) -> list[MessageEvent]:
        if start > stop:
            return []
        try:
            rows = self._reader.execute(_READ, (line.id, start, stop)).fetchall()
        except sqlite3.Error as error:
            raise self._cannot_read(error) from error
        name = line.name
        return [MessageEvent(name, seq, user, text, ts) for seq, user, text, ts in rows]

    def _cannot_read(self, error: sqlite3.Error) -> Exception:
        """What cannot be read may be one page of many: others are served, and writing goes on."""
        if not is_of_the_world(error):
            return error
        sentence = explain(error)
        self._reporter.trouble(f"a channel cannot be read: {sentence}")
        return StoreUnavailable(sentence)

    def reader(self) -> sqlite3.Connection:
        """Return the connection that reads, as it is now."""
        return self._reader

    def now_ms(self) -> int:
        """Return the time on the store's clock."""
        return self._marks.now_ms()

    # -- writing ----------------------------------------------------------------------------------------------------

    def _append(self, batch: Sequence[Publication], done: Done) -> list[Stored] | None:
        begun = self._engine.monotonic()
        try:
            plan = Plan(self._reader, self.lines, batch, self._marks.now_ms())
        except sqlite3.Error as error:
            raise self._fail(error, ()) from error
        if self._power:
            self._busy = True
            work = partial(plan.write_at_once, self._writer)
            self._engine.offload(work, partial(self._on_written, plan, done, begun))
            return None
        try:
            plan.write_rows(self._writer)
        except BaseException as error:
            plan.drop()
            if isinstance(error, sqlite3.Error):
                raise self._fail(error, list(plan.lines.values())) from error
            raise
        self._keep(plan)
        self.commits.observe(self._engine.monotonic() - begun)
        return plan.stored

    def _keep(self, plan: Plan) -> None:
        plan.keep()
        self._upkeep.note(plan)

    def _on_written(self, plan: Plan, done: Done, begun: float, result: object) -> None:
        """The thread has come back: the disk has the batch, or has it not."""
        outcome: Outcome
        if isinstance(result, Exception):
            plan.drop()
            outcome = result
            if isinstance(result, sqlite3.Error):
                outcome = self._fail(result, list(plan.lines.values()))
        else:
            self._keep(plan)
            self.commits.observe(self._engine.monotonic() - begun)
            outcome = plan.stored
        self.resume()
        done(outcome)

    @property
    def idle(self) -> bool:
        """Nothing is being written, and nothing stands in the way of writing."""
        return not self._busy and self.trouble is None

    def write(self, work: Callable[[sqlite3.Connection], Any], done: Callable[[Any], None]) -> None:
        """Do `work` with the connection that writes, on the loop or in the thread; then `done` with what it returned.

        It waits for what is being written, and goes before the batch that waits. If it fails, `done` is not called, and
        the store is in trouble; of a store that is in trouble already nothing is called.
        """
        if self._busy:
            assert self._queued is None, "one thing beside the batches at a time"
            self._queued = work, done
            return
        if self._power:
            self._busy = True
            self._engine.offload(partial(work, self._writer), partial(self._on_worked, done))
            return
        try:
            result = work(self._writer)
        except sqlite3.Error as error:
            self.fail(error)
        else:
            done(result)

    def _on_worked(self, done: Callable[[Any], None], result: Any) -> None:
        try:
            if isinstance(result, sqlite3.Error):
                self.fail(result)
            elif isinstance(result, Exception):
                raise result
            else:
                done(result)
        finally:
            self.resume()

    def pause(self, then: Callable[[], None]) -> None:
        """Call `then` as soon as nothing is being written; a batch that comes after that waits until `resume`."""
        assert self._paused is None, "one pause at a time"
        if self._busy:
            self._paused = then
        else:
            self._busy = True
            then()

    def resume(self) -> None:
        """Nothing is being written any more: pause if somebody asked for it, else write what came meanwhile."""
        self._busy = False
        if self._paused is not None:
            then, self._paused = self._paused, None
            self.pause(then)
            return
        queued, self._queued = self._queued, None
        if queued is not None and self.trouble is None:
            self.write(*queued)
            if self._busy:
                return
        if self._waiting is None:
            return
        (batch, done), self._waiting = self._waiting, None
        outcome: Outcome | None
        try:
            outcome = self.append(batch, done)
        except StoreUnavailable as error:
            outcome = error
        if outcome is not None:
            done(outcome)

    # -- trouble ----------------------------------------------------------------------------------------------------

    def fail(self, error: sqlite3.Error) -> None:
        """Something beside the batches has failed. Raises `error` itself when it is a mistake of ours."""
        outcome = self._fail(error, ())
        if outcome is error:
            raise error

    def judge_place(self) -> None:
        """See whether the file is still where it was: what is written to a deleted file is gone at the end."""
        if self.trouble is None and not self.file.is_ours():
            self.lose("the file was removed or replaced while it was in use; start the server again")

    def lose(self, sentence: str) -> None:
        """The store is not to be had any more in this process: say so, for good."""
        self.trouble = sentence
        self._reporter.lost(sentence)

    def _fail(self, error: sqlite3.Error, doubtful: Sequence[Line]) -> Exception:
        """Note that writing has failed, and see to it that it is tried again; return what to tell who asked for it."""
        if not is_of_the_world(error):
            return error
        sentence = explain(error)
        # What broke a rule of the tables is not in them for certain, and what others wrote is theirs.
        self._doubtful = () if is_foreign(error) else doubtful
        if is_final(error):
            self.lose(sentence)
        elif self.trouble is None:
            self.trouble = sentence
            self._reporter.trouble(sentence)
            self._engine.call_later(self._retry_s, self._retry)
        return StoreUnavailable(sentence)

    def _retry(self) -> None:
        """Try to write, with connections that are new: the old ones may have been left in the middle of something."""
        self._busy = True
        doubtful = [(line.id, line.seq) for line in self._doubtful]
        self._engine.offload(partial(self._probe, doubtful), self._on_probed)

    def _probe(self, doubtful: list[tuple[int, int]]) -> list[sqlite3.Connection]:
        """Open connections, and write: remove what was refused and may have got into the file all the same."""
        opened: list[sqlite3.Connection] = []
        try:
            opened.append(self._connect(self.file.path, "NORMAL"))
            opened.append(self._connect(self.file.path, "FULL") if self._power else opened[0])
            writer = opened[-1]
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE store SET epoch = epoch")
            for statement in ("DELETE FROM entry", "DELETE FROM publish_key"):
                writer.executemany(f"{statement} WHERE channel = ? AND seq > ?", doubtful)
            writer.execute("COMMIT")
        except BaseException:
            for connection in opened:
                connection.close()
            raise
        return opened

    def _on_probed(self, result: list[sqlite3.Connection] | Exception) -> None:
        if isinstance(result, list):
            self._close_connections()
            self._reader, self._writer = result
            self.lines.known.clear()  # the file knows better what got into it
            self._retry_s = RETRY_FIRST_S
            self.trouble = None
            self._reporter.recovered()
            self._upkeep.wake()
        elif isinstance(result, sqlite3.Error) and is_final(result):
            self.lose(explain(result))
        else:
            self._retry_s = min(self._retry_s * 2, RETRY_MOST_S)
            self._engine.call_later(self._retry_s, self._retry)
        self.resume()

    def _close_connections(self) -> None:
        for name in ("_reader", "_writer"):
            connection = getattr(self, name, None)
            if connection is not None:
                connection.close()
