"""Finding the line of a key in a TOML text."""

import pytest

from wsserver.configuration.lines import find_lines


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("[a]\nb = 1\n", ("a", "b"), 2),
        ("[a]\n\n# b = 0\n  b = 1\n", ("a", "b"), 4),
        ("a.b = 1", ("a", "b"), 1),
        ('[channels."news:*"]\nhistory = 1', ("channels", "news:*"), 1),
        ('[channels."news:*"]\nhistory = 1', ("channels", "news:*", "history"), 2),
        ('[channels]\n"a=b".history = 1', ("channels", "a=b", "history"), 2),
        ("[a]  # b\nc='='\nd=1", ("a", "d"), 3),
        ("[[a]]\nb = 1", ("a", "b"), 2),
        ("[a]\r\nb = 1\r\n", ("a", "b"), 2),
        ("# \u2028 \x85\n[a]\nb = 1", ("a", "b"), 3),
        ("x = [\n  'p=q',\n]\n[a]\nb = 1", ("a", "b"), 5),
    ],
)
def test_line_of_a_key_is_found(text: str, path: tuple[str, ...], line: int) -> None:
    assert find_lines(text)[path] == line


def test_first_of_two_lines_counts() -> None:
    assert find_lines("[a]\nb = 1\nb = 2")[("a", "b")] == 2


def test_text_without_keys_has_no_lines() -> None:
    assert find_lines("# nothing = here\n\n") == {}
