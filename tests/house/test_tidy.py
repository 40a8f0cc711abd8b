"""Files and functions that fit into a head; docstrings where somebody will look for them; nothing left lying about.

The lists below allow exceptions, each with its reason. An exception that is no longer needed must go.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, ROOT, name, parse, read, sources, texts_of_the_project

FILE_LINES = 400
FUNCTION_LINES = 40
LONG_FUNCTION_LINES = 60

LONG_FILES: dict[str, str] = {}
"""File: why it is longer than FILE_LINES and still one duty."""

LONG_FUNCTIONS: dict[str, str] = {}
"""file::function: why it is longer than FUNCTION_LINES; past LONG_FUNCTION_LINES nothing helps."""

LEFT_LYING = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

PRODUCT = [pytest.param(path, id=name(path)) for path in sources(PACKAGE)]
PYTHON = [pytest.param(path, id=name(path)) for path in texts_of_the_project() if path.suffix == ".py"]
EXPLAINED = [param for param in PYTHON if not param.values[0].name.startswith("test_")]
"""Files that have to say what they are for; a file of tests says it by its name and place."""

TEXTS = [pytest.param(path, id=name(path)) for path in texts_of_the_project()]


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield (qualified name, node) of every function, methods and inner ones included."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{child.name}", child
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)

    yield from walk(parse(path), "")


def length_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function, its docstring included, its decorators not."""
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", PYTHON)
def test_file_is_short(path: Path) -> None:
    lines = read(path).count("\n")
    assert (lines > FILE_LINES) == (name(path) in LONG_FILES), f"{name(path)} has {lines} lines"


@pytest.mark.parametrize("path", PYTHON)
def test_functions_are_short(path: Path) -> None:
    for qualified, node in functions(path):
        key = f"{name(path)}::{qualified}"
        length = length_of(node)
        assert length <= LONG_FUNCTION_LINES, f"{key} has {length} lines"
        assert (length > FUNCTION_LINES) == (key in LONG_FUNCTIONS), f"{key} has {length} lines"


def test_exceptions_name_what_exists() -> None:
    existing = {name(path) for path in sources(ROOT / "wsserver") + sources(ROOT / "tests")}
    assert {key.partition("::")[0] for key in [*LONG_FILES, *LONG_FUNCTIONS]} <= existing
    assert all(reason for reason in [*LONG_FILES.values(), *LONG_FUNCTIONS.values()])


@pytest.mark.parametrize("path", EXPLAINED)
def test_module_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(parse(path)), f"{name(path)} does not say what it is for"


@pytest.mark.parametrize("path", [param for param in PRODUCT if param.values[0].name != "__init__.py"])
def test_module_says_what_to_read_next(path: Path) -> None:
    assert "Read next:" in (ast.get_docstring(parse(path)) or ""), f"{name(path)} leaves its reader alone"


@pytest.mark.parametrize("path", PRODUCT)
def test_public_functions_and_classes_have_a_docstring(path: Path) -> None:
    for owner, node in public(parse(path)):
        # A method that keeps a promise made elsewhere (`poll` of each poller) is told there, once.
        told = ast.get_docstring(node) or (owner and node.name in promises())
        assert told, f"{name(path)}:{node.lineno}: {node.name} has no docstring"


def public(module: ast.Module) -> Iterator[tuple[ast.ClassDef | None, ast.FunctionDef | ast.ClassDef]]:
    """Yield (the class around it, node) of what others may use: functions, classes, methods."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield None, node
            for member in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    yield node, member


@cache
def promises() -> frozenset[str]:
    """Return the names of the methods that some Protocol, or class to inherit from, documents."""
    inherited = {base.id for path in sources(PACKAGE) for base in bases(path)} | {"Protocol"}
    found = set()
    for path in sources(PACKAGE):
        for owner, node in public(parse(path)):
            if owner and ast.get_docstring(node) and (owner.name in inherited or is_protocol(owner)):
                found.add(node.name)
    return frozenset(found)


def bases(path: Path) -> Iterator[ast.Name]:
    """Yield what the classes of a file inherit from."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ClassDef):
            yield from (base for base in node.bases if isinstance(base, ast.Name))


def is_protocol(node: ast.ClassDef) -> bool:
    """Tell whether a class declares a face."""
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


@pytest.mark.parametrize("path", TEXTS)
def test_nothing_is_left_lying_about(path: Path) -> None:
    if path == Path(__file__):
        return
    for number, line in enumerate(read(path).splitlines(), 1):
        assert not LEFT_LYING.search(line), f"{name(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", TEXTS)
def test_lines_end_where_they_seem_to(path: Path) -> None:
    text = read(path)
    for number, line in enumerate(text.split("\n"), 1):
        assert line == line.rstrip(), f"{name(path)}:{number}: white space at the end of the line"
    assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), f"{name(path)}: one newline ends a file"
