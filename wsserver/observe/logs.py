"""Tells people and machines what the server does: leveled, structured, rate limited, and never waiting.

    log = logs.get("listener")
    log.warning("accept_failed", "No file descriptors are left.", errno=24)

The first argument names the kind of event and never changes; the second is a sentence for a person; whatever varies is
a field. Of one kind ten a minute are written, the rest is counted and the count written when the minute is over (with
the next record of any kind, or by `flush`). Lines that standard error does not take at once are dropped and counted.

Deliberately absent: payloads, tokens, files, rotation. Whoever runs the server has a journal for that.

Read next: `log_sink.py` for the part that must not wait.
"""

import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import IO, Any, Final

from wsserver.observe.log_format import Format, Record, format_json, format_text
from wsserver.observe.log_sink import DescriptorSink, Sink
from wsserver.reactor.world import World

LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final[dict[str, Format]] = {"text": format_text, "json": format_json}

KIND_LIMIT: Final = 10
WINDOW_S: Final = 60.0
"""Records of one kind that are written in one window: enough to see a pattern, too few to be a second flood."""


class _Window:
    """What happened to one kind since `began_at`, in seconds on the monotonic clock."""

    __slots__ = ("began_at", "hidden", "written")

    def __init__(self, began_at: float) -> None:
        self.began_at = began_at
        self.written = 0
        self.hidden = 0


class _NoSink:
    """Takes everything and keeps nothing."""

    def write(self, line: bytes) -> bool:
        return True


class _StreamSink:
    """Writes to a text stream that has no file descriptor, such as a test's."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, line: bytes) -> bool:
        self._stream.write(line.decode("utf-8", "replace"))
        return True


class Journal:
    """Everything that is logged goes through here: level, rate limit, format, sink."""

    def __init__(
        self, sink: Sink, form: Format, level: str, monotonic: Callable[[], float], wall_ms: Callable[[], int]
    ) -> None:
        self.sink = sink
        self.form = form
        self.always: dict[str, Any] = {}
        """Fields that stand in every record, such as which of several processes wrote it."""
        self.threshold = LEVELS.index(level)
        self.dropped = 0
        """Lines that the sink did not take, since the start; for metrics."""
        self._unreported = 0
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._windows: dict[str, _Window] = {}

    def record(
        self, level: str, source: str, kind: str, sentence: str, fields: dict[str, Any], trace: str = ""
    ) -> None:
        """Write one record, or count it."""
        self._close_windows(WINDOW_S)
        window = self._windows.setdefault(kind, _Window(self._monotonic()))
        if window.written >= KIND_LIMIT:
            window.hidden += 1
            return
        window.written += 1
        if window.written == KIND_LIMIT:
            fields = {**fields, "note": "more of this kind are only counted for the rest of a minute"}
        self._write(Record(self._wall_ms(), level, source, kind, sentence, fields, trace))

    def flush(self) -> None:
        """Write the counts that wait for their minute to end. To be called before the process ends."""
        self._close_windows(0)
        self._report_dropped()

    def _close_windows(self, age_s: float) -> None:
        """Forget the windows that are at least `age_s` old; a kind of which some were hidden gets its count written."""
        now = self._monotonic()
        for kind, window in [entry for entry in self._windows.items() if now - entry[1].began_at >= age_s]:
            del self._windows[kind]
            if window.hidden:
                sentence = f"{window.hidden} more of kind {kind} were not written."
                fields = {"counted": kind, "hidden": window.hidden}
                self._write(Record(self._wall_ms(), "warning", "logs", "records_hidden", sentence, fields))

    def _write(self, record: Record) -> None:
        self._report_dropped()
        if not self._send(record):
            self.dropped += 1
            self._unreported += 1

    def _report_dropped(self) -> None:
        """Say how many lines are missing, as soon as there is somebody to say it to."""
        if self._unreported:
            sentence = f"{self._unreported} log lines were dropped: nobody read them in time."
            fields = {"dropped": self._unreported}
            record = Record(self._wall_ms(), "warning", "logs", "records_dropped", sentence, fields)
            if self._send(record):
                self._unreported = 0

    def _send(self, record: Record) -> bool:
        if self.always:
            record = replace(record, fields={**record.fields, **self.always})
        return self.sink.write(self.form(record))


class Logger:
    """What a part of the server logs with. Fields are keyword arguments with any name."""

    __slots__ = ("_journal", "_source")

    def __init__(self, journal: Journal, source: str) -> None:
        self._journal = journal
        self._source = source

    def debug(self, kind: str, sentence: str, /, **fields: Any) -> None:
        """Tell what only somebody who is looking for a fault wants to know."""
        if self._journal.threshold <= 0:
            self._journal.record("debug", self._source, kind, sentence, fields)

    def info(self, kind: str, sentence: str, /, **fields: Any) -> None:
        """Tell what the server does."""
        if self._journal.threshold <= 1:
            self._journal.record("info", self._source, kind, sentence, fields)

    def warning(self, kind: str, sentence: str, /, **fields: Any) -> None:
        """Tell what somebody should look at, in time."""
        if self._journal.threshold <= 2:
            self._journal.record("warning", self._source, kind, sentence, fields)

    def error(self, kind: str, sentence: str, /, **fields: Any) -> None:
        """Tell what does not work now."""
        self._journal.record("error", self._source, kind, sentence, fields)

    def exception(self, kind: str, sentence: str, error: BaseException, /, **fields: Any) -> None:
        """Tell that a rule of ours was broken, with the trace of `error`."""
        trace = "".join(traceback.format_exception(error))
        self._journal.record("error", self._source, kind, sentence, fields, trace)


def _open_sink(stream: IO[str] | None) -> Sink:
    if stream is None:
        return _NoSink()
    try:
        return DescriptorSink(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return _StreamSink(stream)


_WORLD: Final = World()
_JOURNAL: Final = Journal(_NoSink(), format_text, "warning", _WORLD.monotonic, _WORLD.wall_ms)


def configure(level: str, form: str, stream: IO[str] | None = None, **always: Any) -> None:
    """Start to log from `level` up, as `text` or `json`, to `stream` or standard error. Before, nothing is written.

    `always` are fields that every line gets.
    """
    _JOURNAL.sink = _open_sink(sys.stderr if stream is None else stream)
    _JOURNAL.always = always
    _JOURNAL.form = FORMATS[form]
    _JOURNAL.threshold = LEVELS.index(level)


def adjust(level: str, form: str) -> None:
    """Log from `level` up, and in that format, from now on; where to stays as it is."""
    _JOURNAL.form = FORMATS[form]
    _JOURNAL.threshold = LEVELS.index(level)


def get(source: str) -> Logger:
    """Return the logger of one part; `source` is what its lines are marked with."""
    return Logger(_JOURNAL, source)


def flush() -> None:
    """Write what is only counted so far."""
    _JOURNAL.flush()


def dropped() -> int:
    """Return how many lines standard error did not take, since the start."""
    return _JOURNAL.dropped
