"""Which lines of the product an input reaches, and from where: a small stand-in for a fuzzer's eyes."""

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.targets import Target

PACKAGE = Path(__file__).parents[2] / "wsserver"

Reach = set[tuple[str, int, int]]
"""(file, line before in the same call, line); the line before is 0 at the start of a call."""


def watch(target: Target, data: bytes) -> Reach:
    """Run one input; return what it reached in the product. What the target raises comes through."""
    reached: Reach = set()

    def on_call(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        file = frame.f_code.co_filename
        return _follow(reached, file) if file.startswith(str(PACKAGE)) else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        target.run(data)
    finally:
        sys.settrace(before)
    return reached


def _follow(reached: Reach, file: str) -> Callable[..., Any]:
    last = 0

    def on_line(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal last
        if event == "line":
            reached.add((file, last, frame.f_lineno))
            last = frame.f_lineno
        return on_line

    return on_line


def describe(target: Target, reached: Reach) -> str:
    """Say for each of the target's modules how many of the lines inside functions were reached, and name the others."""
    said = []
    for file in sorted(file for module in target.modules for file in _files(module)):
        wanted = _lines(file)
        missing = wanted - {line for name, _, line in reached if name == str(file)}
        count = len(wanted) - len(missing)
        rest = f"; not {', '.join(map(str, sorted(missing)))}" if missing else ""
        said.append(f"{file.relative_to(PACKAGE)}: {count} of {len(wanted)} lines{rest}")
    return "\n".join(said)


def _files(module: str) -> Iterator[Path]:
    path = PACKAGE / module.replace(".", "/")
    yield from path.glob("*.py") if path.is_dir() else [path.with_suffix(".py")]


@cache
def _lines(file: Path) -> frozenset[int]:
    """Return the numbers of the lines that run when functions of a file are called."""
    return frozenset(_lines_of(compile(file.read_text(), str(file), "exec")))


def _lines_of(code: CodeType) -> Iterator[int]:
    if code.co_flags & 1:  # a function; a module's or class's own lines run at import
        lines = {line for _, _, line in code.co_lines() if line is not None}
        yield from lines - {code.co_firstlineno} or lines
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines_of(constant)
