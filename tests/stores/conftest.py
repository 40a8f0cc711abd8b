"""Stores that are closed behind each test, whatever happened in it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores.rig import Shelf
from wsserver.stores import sqlite_file

IN_MEMORY = Path("/dev/shm")


@pytest.fixture
def fast_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose disk need not be waited for, where there is one."""
    if not os.access(IN_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="wsserver-", dir=IN_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is about to let go of a file here."""
    monkeypatch.setattr(sqlite_file, "LOCK_PAUSE_S", 0)


@pytest.fixture
def shelf(fast_folder: Path) -> Iterator[Shelf]:
    shelf = Shelf(fast_folder)
    yield shelf
    shelf.close()
