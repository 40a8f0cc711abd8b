"""What a grant covers."""

import pytest

from wsserver.chat.authority import NO_RULE, BadToken, ChannelRule, Grant, no_rules


def test_a_grant_without_patterns_covers_every_channel() -> None:
    assert Grant("ann", 1).covers("lobby")


def test_a_grant_with_patterns_covers_what_one_of_them_means() -> None:
    grant = Grant("ann", 1, ("lobby", "news:*"))
    covered = [name for name in ("lobby", "lobby:1", "news:", "news:art", "new", "*") if grant.covers(name)]
    assert covered == ["lobby", "news:", "news:art"]


def test_a_grant_of_no_patterns_covers_nothing_and_one_of_a_star_everything() -> None:
    assert not Grant("ann", 1, ()).covers("lobby")
    assert Grant("ann", 1, ("*",)).covers("lobby")


def test_where_nothing_is_said_everybody_may_do_everything() -> None:
    assert no_rules("lobby") is NO_RULE
    assert ChannelRule(None, None, None) == NO_RULE


def test_a_bad_token_ends_a_connection_for_good_unless_it_says_otherwise() -> None:
    assert (BadToken("why").code, BadToken("why", 4029).code) == (4501, 4029)


@pytest.mark.parametrize("field", ["user", "expires_ms", "channels"])
def test_a_grant_cannot_be_changed(field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(Grant("ann", 1), field, None)
