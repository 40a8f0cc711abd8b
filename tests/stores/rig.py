"""A world for stores: a clock that is told to jump, a thread that works when told to, and stores of every kind."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from wsserver.chat.log import Outcome, Publication, Stored
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.base import HISTORY, Store
from wsserver.stores.memory import MemoryStore
from wsserver.stores.split import SplitStore
from wsserver.stores.sqlite import SqliteStore
from wsserver.stores.sqlite_file import Connect, connect

NOON_MS: Final = 1_700_000_000_000

KINDS: Final = ("memory", "process", "power", "split")
"""A store in memory, two in a file by what they promise, and one of two parts."""


class FakeTimer:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeEngine:
    """Time stands still until it is told to jump; what is offloaded lies there until somebody does it."""

    def __init__(self, seed: int = 1) -> None:
        self.now = 1000.0
        self.wall_offset_ms = NOON_MS - 1_000_000
        self.boot = "one"
        self.timers: list[FakeTimer] = []
        self.jobs: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []
        self._random = Random(seed)

    def monotonic(self) -> float:
        return self.now

    def wall_ms(self) -> int:
        return self.wall_offset_ms + round(self.now * 1000)

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def boot_id(self) -> str:
        return self.boot

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> FakeTimer:
        assert delay_s >= 0
        self.timers.append(FakeTimer(self.now + delay_s, callback))
        return self.timers[-1]

    def offload(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        self.jobs.append((work, done))

    def work(self) -> None:
        """Do the oldest thing that was offloaded, and bring its result home."""
        work, done = self.jobs.pop(0)
        result: Any
        try:
            result = work()
        except Exception as error:
            result = error
        done(result)

    def work_all(self) -> None:
        while self.jobs:
            self.work()

    def advance(self, seconds: float) -> None:
        """Let time pass: timers fire at their time, and what they offload is done at once."""
        until = self.now + seconds
        while due := [timer for timer in self.armed() if timer.at <= until]:
            timer = min(due, key=lambda timer: timer.at)
            self.now = max(self.now, timer.at)
            callback, timer.callback = timer.callback, None
            assert callback is not None
            callback()
            self.work_all()
        self.now = until

    def armed(self) -> list[FakeTimer]:
        self.timers = [timer for timer in self.timers if timer.callback is not None]
        return self.timers


class FakeReporter:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def trouble(self, sentence: str) -> None:
        self.said.append(sentence)

    def recovered(self) -> None:
        self.said.append("recovered")

    def lost(self, sentence: str) -> None:
        self.said.append(f"lost: {sentence}")


class Shelf:
    """Stores of one test, and the words that tests use."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "chat.db"
        self.engine = FakeEngine()
        self.reporter = FakeReporter()
        self.opened: list[Store] = []
        self._synced: dict[Path, bytes] = {}

    def open(self, kind: str, history: int = HISTORY, histories: dict[str, int] | None = None) -> Store:
        def history_of(channel: str) -> int:
            return (histories or {}).get(channel, history)

        memory = MemoryStore(self.engine.random_bytes, self.engine.monotonic, history_of)
        store: Store = memory
        if kind == "split":
            store = SplitStore(self.open_sqlite("process", history_of), memory, history_of)
        elif kind != "memory":
            store = self.open_sqlite(kind, history_of)
        self.opened.append(store)
        return store

    def open_sqlite(
        self,
        kind: str = "process",
        history_of: Callable[[str], int] = lambda _channel: HISTORY,
        age_s: float = 0.0,
        connect: Connect = connect,
    ) -> SqliteStore:
        store = SqliteStore(self.engine, self.reporter, str(self.path), history_of, age_s, kind == "power", connect)
        self.opened.append(store)
        return store

    def append(self, store: Store, *publications: Publication) -> list[Stored]:
        """Append and return what became of it, however long it takes."""
        outcome = self.try_append(store, *publications)
        assert not isinstance(outcome, Exception), outcome
        return outcome

    def try_append(self, store: Store, *publications: Publication) -> Outcome:
        later: list[Outcome] = []
        part = store.part_of(publications[0].channel) if publications else store.part_of("any")
        outcome: Outcome | None = part.append(publications, later.append)
        if outcome is None:
            assert later == []
            self.engine.work_all()
            [outcome] = later
        return outcome

    def post(
        self, store: Store, count: int = 1, channel: str = "c", user: str = "ann", key: str | None = None
    ) -> list[int]:
        """Say something so many times; return the numbers."""
        batch = [Publication(channel, user, "text", self.engine.wall_ms(), key)] * count
        return [result.message.seq for result in self.append(store, *batch)]

    def keep_synced(self) -> None:
        """Note what is in the files now as what the disk has."""
        self._synced = {file: file.read_bytes() for file in self.path.parent.glob("chat.db*")}

    def cut_power(self) -> None:
        """Let the machine come back with what the disk had, and as another run of itself."""
        for file in self.path.parent.glob("chat.db*"):
            file.unlink()
        for file, data in self._synced.items():
            if not file.name.endswith("-shm"):
                file.write_bytes(data)
        self.engine.boot = "two"

    def query(self, statement: str, *values: object) -> list[Any]:
        """Look into the file, as another program does."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def close(self) -> None:
        self.engine.work_all()
        for store in self.opened:
            store.close()


def seqs(messages: list[MessageEvent]) -> list[int]:
    return [message.seq for message in messages]
