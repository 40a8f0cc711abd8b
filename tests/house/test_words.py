"""The project speaks of itself alone: no place on somebody's machine, nothing about how it came to be."""

import re
from pathlib import Path

import pytest

from tests.house.tree import name, read, texts_of_the_project

FOREIGN = {
    "an absolute path of somebody's machine": re.compile(r"(?<![\w.~/$}])/(work|root|home|opt|mnt|Users)/\w"),
    "a path that leaves the project": re.compile(r"(?<![\w/])(\.\./){1,3}(shared|common|work)\b"),
    "how it came to be": re.compile(
        r"\b(sub-?agents?|coding agents?|(this|previous|earlier) session|the brief)\b", re.IGNORECASE
    ),
    "a number of some tracker": re.compile(r"\b[Ii]ssue (#?[1-9]\d?)\b(?! of)"),
    "a host of a package registry": re.compile(r"\b(pypi\.org|pythonhosted\.org|npmjs\.(com|org)|crates\.io)\b"),
}


@pytest.mark.parametrize("path", [pytest.param(path, id=name(path)) for path in texts_of_the_project()])
def test_text_speaks_of_the_project_alone(path: Path) -> None:
    if path == Path(__file__):
        return
    for number, line in enumerate(read(path).splitlines(), 1):
        for what, pattern in FOREIGN.items():
            assert not pattern.search(line), f"{name(path)}:{number}: {what}: {line.strip()[:100]}"


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        ("see /home/ann/notes", True),
        ("PATH=/root/x", True),
        ("open ../" + "shared/notes.md", True),
        ("written by a coding agent", True),
        ("GET /home HTTP/1.1", False),
        ("a user agent string", False),
        ("wsserver.chat.session", False),
        ("https://example.org/home/it", False),
        ("CPython issue 131615", False),
    ],
)
def test_judgement_finds_what_it_looks_for(line: str, foreign: bool) -> None:
    assert any(pattern.search(line) for pattern in FOREIGN.values()) == foreign
