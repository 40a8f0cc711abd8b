"""`tests/` mirrors `wsserver/` one to one: who reads a file knows where its tests are, and the other way round."""

from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, TESTS, name, sources

OTHER_WORLDS = (
    *("attacks", "browser", "conformance", "deploy", "engines"),
    *("fuzz", "house", "scenarios", "simulation", "threats"),
)
"""Folders of tests that look at the whole, not at one file."""


def mirrored(path: Path) -> Path:
    """Return where the tests of a file of the product are."""
    relative = path.relative_to(PACKAGE)
    return TESTS / relative.with_name(f"test_{relative.name}")


PRODUCT = [path for path in sources(PACKAGE) if path.name not in ("__init__.py", "__main__.py")]
MIRROR = [
    path
    for path in sources(TESTS)
    if path.name.startswith("test_") and path.relative_to(TESTS).parts[0] not in OTHER_WORLDS
]


@pytest.mark.parametrize("path", [pytest.param(path, id=name(path)) for path in PRODUCT])
def test_file_of_the_product_has_its_tests(path: Path) -> None:
    assert mirrored(path).is_file(), f"{name(path)} has no {name(mirrored(path))}"


@pytest.mark.parametrize("path", [pytest.param(path, id=name(path)) for path in MIRROR])
def test_file_of_tests_has_its_product(path: Path) -> None:
    assert path in {mirrored(product) for product in PRODUCT}, f"{name(path)} tests no file of wsserver/"


def test_folders_of_tests_hold_no_init_file() -> None:
    assert [name(path) for path in sources(TESTS) if path.name == "__init__.py"] == []
