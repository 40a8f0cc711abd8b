"""Names of channels, topics and users."""

import pytest

from wsserver.chat.errors import ChatError
from wsserver.chat.names import (
    judge_channel,
    judge_name,
    judge_pattern,
    judge_text,
    name_fault,
    pattern_covers,
    pattern_fault,
)

GOOD = [
    "a",
    "lobby",
    "two words",
    "Łódź",
    "news:sport",
    "😀",
    "a" * 255,
    "ü" * 127,
    "__proto__",
    "<script>",
    "a?[b]",
    "\u200b",
]
BAD = ["", " a", "a ", "\ta", "a\n", "a\x00b", "a\x7f", "a\x85b", "\u2003a", "a*", "*", "a" * 256, "ü" * 128, "\ud800"]


@pytest.mark.parametrize("name", GOOD)
def test_good_names_pass(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize("name", BAD)
def test_bad_names_have_a_fault(name: str) -> None:
    assert name_fault(name) is not None


@pytest.mark.parametrize("name", BAD)
def test_a_bad_channel_is_bad_channel_and_any_other_bad_name_is_bad_message(name: str) -> None:
    with pytest.raises(ChatError) as channel:
        judge_channel(name)
    with pytest.raises(ChatError, match="`user`") as user:
        judge_name(name, "user")
    assert (channel.value.code, user.value.code) == ("bad_channel", "bad_message")


@pytest.mark.parametrize("pattern", ["*", "news.*", "news", "a" * 255 + "*"])
def test_a_subscription_may_end_in_a_star(pattern: str) -> None:
    judge_pattern(pattern)
    assert name_fault(pattern.removesuffix("*") or "x") is None


@pytest.mark.parametrize("pattern", ["", "**", "a*b", "*a", " *", "a" * 256 + "*"])
def test_a_star_anywhere_else_is_bad(pattern: str) -> None:
    with pytest.raises(ChatError, match="`topic`"):
        judge_pattern(pattern)


def test_a_text_with_nul_is_refused_because_a_database_refuses_it() -> None:
    judge_text("all\u0001 else\n passes", "text")
    with pytest.raises(ChatError, match="`text`"):
        judge_text("a\0b", "text")


@pytest.mark.parametrize("pattern", ["*", "news:*", "lobby", "a b*", "é*"])
def test_a_pattern_is_a_name_or_the_beginning_of_one_and_a_star(pattern: str) -> None:
    assert pattern_fault(pattern) is None


@pytest.mark.parametrize("pattern", ["", "**", "a*b", "*a", " a*", "a *", "a\n*", "x" * 256])
def test_what_no_name_can_match_is_no_pattern(pattern: str) -> None:
    assert pattern_fault(pattern)


@pytest.mark.parametrize(
    ("pattern", "name", "covers"),
    [
        ("*", "a", True),
        ("news:*", "news:", True),
        ("news:*", "news:a", True),
        ("news:*", "news", False),
        ("news", "news", True),
        ("news", "news:a", False),
        ("new", "news", False),
        ("NEWS", "news", False),
    ],
)
def test_a_pattern_covers_its_name_or_all_that_begin_so(pattern: str, name: str, covers: bool) -> None:
    assert pattern_covers(pattern, name) is covers
