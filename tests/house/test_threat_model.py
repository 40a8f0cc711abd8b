"""The threat model and the attacks name each other: no row without a test that runs it, no test without a row."""

import ast
import re

import pytest

from tests.house.tree import ROOT, TESTS, parse, read, sources

PARTS = {
    "A": range(1, 23),
    "B": range(23, 36),
    "C": range(36, 49),
    "D": range(49, 73),
    "E": range(73, 82),
    "F": range(82, 97),
    "G": range(97, 108),
    "H": range(108, 119),
    "I": range(119, 129),
    "K": range(140, 154),
    "L": range(154, 160),
    "M": range(160, 170),
    "N": range(170, 180),
    "O": range(180, 184),
}
"""The numbers of each part. Those between are kept for parts that have no code yet."""

NOT_BUILT: dict[str, str] = {}
"""Rows whose part does not exist yet: they say so, and have no test."""

ROW = re.compile(r"\| ([A-Z])(\d+) \|.*\|")
FILE_OR_TEST = re.compile(r"`(test_[a-z]\d+_\w+|\w+\.py)`")
NAME = re.compile(r"test_([a-z])(\d{2,3})_\w+")

Named = set[tuple[str, str]]
"""(file, test) pairs; the file as the tables write it, without `test_`."""


def rows() -> dict[str, str]:
    """Return the rows of the document by their number, such as "A1"."""
    found: dict[str, str] = {}
    for line in read(ROOT / "docs" / "threat-model.md").splitlines():
        match = ROW.fullmatch(line)
        if match:
            number = match[1] + match[2]
            assert number not in found, f"there are two rows {number}"
            found[number] = line
    return found


def named_in(row: str) -> Named:
    """Return the tests that the last cell of a row names."""
    named: Named = set()
    file = ""
    for word in FILE_OR_TEST.findall(row.rstrip("| ").rpartition(" | ")[2]):
        if word.endswith(".py"):
            file = word
        else:
            named.add((file, word))
    return named


def attacks() -> dict[str, Named]:
    """Return the tests in tests/threats by the number in their names."""
    found: dict[str, Named] = {}
    for path in sources(TESTS / "threats"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                match = NAME.fullmatch(node.name)
                assert match, f"{path.name}: {node.name} does not begin with the number of a row"
                number = match[1].upper() + str(int(match[2]))
                found.setdefault(number, set()).add((path.name.removeprefix("test_"), node.name))
    return found


NUMBERS = [f"{letter}{number}" for letter, numbers in PARTS.items() for number in numbers]


def test_every_number_of_every_part_has_its_row_and_they_stand_in_order() -> None:
    assert list(rows()) == [number for number in NUMBERS if number in rows()]
    assert set(NUMBERS) == set(rows())


@pytest.mark.parametrize("number", NUMBERS)
def test_row_names_the_tests_that_bear_its_number_and_no_others(number: str) -> None:
    assert named_in(rows().get(number, "")) == attacks().get(number, set())


@pytest.mark.parametrize("number", NUMBERS)
def test_row_has_a_test_or_says_what_is_not_built_yet(number: str) -> None:
    row = rows().get(number, "")
    if number in NOT_BUILT:
        assert f"not built yet: {NOT_BUILT[number]}" in row
        assert number not in attacks()
    else:
        assert "not built yet" not in row
        assert number in attacks()


def test_no_attack_bears_a_number_without_a_row() -> None:
    assert set(attacks()) <= set(NUMBERS)


def test_judgement_finds_what_it_looks_for() -> None:
    row = "| A1 | `test_z1_not_here.py` | x | y | `a.py`: `test_a01_x`, `test_a01_y`; `b.py`: `test_a01_z` |"
    assert named_in(row) == {("a.py", "test_a01_x"), ("a.py", "test_a01_y"), ("b.py", "test_a01_z")}
    assert named_in("| A1 | an attack | what happens | RFC 9110 | |") == set()
