"""Names of channels, topics and users."""

import pytest

from wsserver.chat.errors import ChatError
from wsserver.chat.names import judge_channel, judge_name, judge_pattern, judge_text, name_fault

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
