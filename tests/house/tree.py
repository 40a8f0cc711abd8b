"""What the house tests look at: the files of this checkout, read once."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "wsserver"
TESTS = ROOT / "tests"
INPUTS = TESTS / "fuzz" / "corpus"
"""Bytes as they come from the net or a hand: some of them look like text, and none of them is."""


@cache
def sources(folder: Path) -> tuple[Path, ...]:
    """Return the Python files below `folder` that people write."""
    found = (path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    return tuple(sorted(path for path in found if not path.name.endswith("_pb2.py")))


@cache
def read(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(read(path), str(path))


def name(path: Path) -> str:
    """Return how a file is called in a test's name and in allow lists: its path from the top, with slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def texts_of_the_project() -> tuple[Path, ...]:
    """Return the text files of the project: what git tracks or would track; without git, all that are not hidden."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
        found = [ROOT / entry for entry in listing.split("\0") if entry]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not any(p.startswith(".") for p in path.relative_to(ROOT).parts)]
    return tuple(path for path in found if path.is_file() and is_text(path))


def is_text(path: Path) -> bool:
    """Tell whether a file is meant for people."""
    return INPUTS not in path.parents and b"\0" not in path.read_bytes()[:8192]
