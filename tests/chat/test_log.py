"""The face of a log."""

import inspect

from wsserver.chat.log import Log
from wsserver.stores.memory import MemoryStore


def test_the_memory_store_has_the_face_that_the_chat_asks_for() -> None:
    for name, method in inspect.getmembers(Log, inspect.isfunction):
        if not name.startswith("_"):
            assert _face_of(getattr(MemoryStore, name)) == _face_of(method)
    log: Log = MemoryStore(bytes, float)
    assert log.head("lobby").seq == 0


def _face_of(method: object) -> inspect.Signature:
    assert callable(method)
    return inspect.signature(method, eval_str=True)
