"""A file imports only from the floors below its own; some floors are pure. The drawing is in docs/architecture.md."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, name, parse, sources

FLOORS = (
    ("__main__",),
    ("cli",),
    ("worker",),
    (
        *("server", "admin", "backing", "holdings", "supervisor", "supervision", "drain", "listening", "parts"),
        *("reload", "services", "state_report", "storage"),
    ),
    ("config", "configuration"),
    ("bench", "simulation", "testing"),
    ("observe",),
    ("api",),
    ("access",),
    ("brokers", "stores"),
    ("chat",),
    ("clients",),
    ("websocket", "http"),
    ("resilience",),
    ("net",),
    ("reactor",),
)
"""From the top down. Rooms of one floor do not import each other, but for those below."""

NEIGHBOURS = {
    ("config", "configuration"),
    ("server", "drain"),
    ("server", "admin"),
    *(("admin", helper) for helper in ("parts", "services")),
    ("server", "services"),
    *(("server", helper) for helper in ("backing", "listening", "parts", "reload", "state_report")),
    *(("supervisor", helper) for helper in ("holdings", "listening", "reload", "supervision")),
    *(("holdings", helper) for helper in ("admin", "listening", "storage", "supervision")),
    ("backing", "storage"),
}
"""Who may open whose door on the same floor: (who, whose)."""

PURE = ("http", "websocket", "chat", "resilience")
IMPURE = frozenset(
    ("asyncio", "io", "os", "pathlib", "random", "secrets", "select", "selectors", "socket", "ssl", "threading", "time")
)
"""What a pure room may not import: its clock, luck and I/O are handed in."""

THREADS = {"threading", "concurrent", "multiprocessing", "_thread", "queue"}
THREADS_ALLOWED = {"reactor/wakeup.py", "reactor/offload.py"}
"""One thread: everything else runs in the loop."""

FOREIGN_FREE = ("reactor", "net", "http", "websocket", "clients")
"""What this project exists to show; it uses the standard library and nothing else."""
FOREIGN_ALLOWED = {"websocket/masking_numpy.py": {"numpy"}}
"""But for a file that nothing needs: without its package the standard library does the same, slower."""

FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = [pytest.param(path, id=name(path)) for path in sources(PACKAGE)]


def room_of(path: Path) -> str:
    """Return the name of the sub-package or top-level module that a file belongs to; "" for the package itself."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (dotted name, line) of every import, also inside functions and `if TYPE_CHECKING`."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}:{node.lineno}: relative imports hide the floor they lead to"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def rooms_used_by(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (room, line) for every import from this package."""
    for dotted, line in imports_of(path):
        package, _, rest = dotted.partition(".")
        if package == "wsserver" and rest.partition(".")[0] in FLOOR_OF:
            yield rest.partition(".")[0], line


@pytest.mark.parametrize("path", FILES)
def test_file_imports_only_from_floors_below(path: Path) -> None:
    room = room_of(path)
    assert room == "" or room in FLOOR_OF, f"{room} has no floor yet; give it one in FLOORS"
    for used, line in rooms_used_by(path):
        fine = used == room or (room, used) in NEIGHBOURS or (room != "" and FLOOR_OF[used] > FLOOR_OF[room])
        assert fine, f"{name(path)}:{line}: {room or 'the package'} may not import {used}, which is not below it"


@pytest.mark.parametrize("path", FILES)
def test_pure_room_imports_nothing_of_the_world(path: Path) -> None:
    if room_of(path) in PURE:
        for dotted, line in imports_of(path):
            assert dotted.partition(".")[0] not in IMPURE, f"{name(path)}:{line}: {dotted} in a pure room"
            assert not dotted.startswith(("wsserver.net", "wsserver.reactor")), f"{name(path)}:{line}: {dotted}"


@pytest.mark.parametrize("path", FILES)
def test_threads_live_in_two_files(path: Path) -> None:
    if path.relative_to(PACKAGE).as_posix() not in THREADS_ALLOWED:
        for dotted, line in imports_of(path):
            assert dotted.partition(".")[0] not in THREADS | {"asyncio"}, f"{name(path)}:{line}: {dotted}"


@pytest.mark.parametrize("path", FILES)
def test_rooms_that_are_the_lesson_use_the_standard_library_alone(path: Path) -> None:
    if room_of(path) in FOREIGN_FREE:
        allowed = {"wsserver", *FOREIGN_ALLOWED.get(path.relative_to(PACKAGE).as_posix(), ())}
        for dotted, line in imports_of(path):
            top = dotted.partition(".")[0]
            assert top in allowed or top in sys.stdlib_module_names, f"{name(path)}:{line}: {dotted}"


@pytest.mark.parametrize("path", [param for param in FILES if param.values[0].name == "__init__.py"])
def test_init_file_holds_a_docstring_and_nothing_else(path: Path) -> None:
    statements = parse(path).body
    assert ast.get_docstring(parse(path)), f"{name(path)} has no docstring"
    if path.parent != PACKAGE:  # the package itself also says its version
        assert len(statements) == 1, f"{name(path)} holds more than a docstring"


def test_judgement_finds_what_it_looks_for(tmp_path: Path) -> None:
    file = tmp_path / "probe.py"
    file.write_text("import os.path\ndef f():\n    from wsserver.chat import router, names\n")
    assert list(imports_of(file)) == [("os.path", 1), ("wsserver.chat.router", 3), ("wsserver.chat.names", 3)]
    assert list(rooms_used_by(file)) == [("chat", 3), ("chat", 3)]
