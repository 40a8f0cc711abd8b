"""Which of several patterns decides about a channel, option by option."""

from dataclasses import dataclass

import pytest

from wsserver.access.permissions import Permissions
from wsserver.chat.authority import NO_RULE, ChannelRule


@dataclass
class Said:
    history: int | None = None
    queue_policy: str | None = None
    join: tuple[str, ...] | None = None
    send: tuple[str, ...] | None = None


def test_a_channel_of_which_nothing_is_said_has_no_rule_and_the_history_of_all() -> None:
    permissions = Permissions({"news:*": Said(history=3)}, 100)
    assert permissions.rule_of("lobby") is NO_RULE
    assert permissions.history_of("lobby") == 100


@pytest.mark.parametrize(
    ("channel", "history"),
    [("news:sport:today", 1), ("news:sport", 2), ("news:sportive", 3), ("news:art", 4), ("news", 5), ("lobby", 5)],
)
def test_the_name_itself_decides_first_and_then_the_longest_beginning(channel: str, history: int) -> None:
    patterns = {
        "*": Said(history=5),
        "news:*": Said(history=4),
        "news:sport": Said(history=2),
        "news:sport*": Said(history=3),
        "news:sport:*": Said(history=1),
    }
    assert Permissions(patterns, 100).history_of(channel) == history
    backwards = dict(reversed(patterns.items()))
    assert Permissions(backwards, 100).history_of(channel) == history


def test_each_option_is_taken_from_the_most_specific_pattern_that_says_anything_about_it() -> None:
    patterns = {
        "*": Said(queue_policy="latest", join=("ann", "bob")),
        "news:*": Said(send=("ann",), history=0),
        "news:sport": Said(history=7, join=("*",)),
    }
    permissions = Permissions(patterns, 100)
    assert permissions.rule_of("news:sport") == ChannelRule(None, frozenset({"ann"}), "latest")
    assert permissions.rule_of("news:art") == ChannelRule(frozenset({"ann", "bob"}), frozenset({"ann"}), "latest")
    assert (permissions.history_of("news:sport"), permissions.history_of("news:art")) == (7, 0)


def test_an_empty_list_is_nobody_and_a_star_among_names_is_everybody() -> None:
    permissions = Permissions({"a": Said(join=(), send=("ann", "*"))}, 1)
    assert permissions.rule_of("a") == ChannelRule(frozenset(), None, None)


def test_no_history_is_something_that_was_said() -> None:
    assert Permissions({"*": Said(history=9), "a": Said(history=0)}, 1).history_of("a") == 0
