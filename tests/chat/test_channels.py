"""The registry of channels."""

from sys import getrefcount

import pytest

from wsserver.chat.authority import ChannelRule
from wsserver.chat.channels import BLANK_LIMIT, Channel, Channels
from wsserver.chat.errors import ChatError
from wsserver.chat.vocabulary import MessageEvent


def test_a_channel_may_be_given_another_number_and_whatever_had_that_by_chance_goes_without() -> None:
    channels, _ = registry(3)
    one, two = channels.open("one"), channels.open("two")
    channels.renumber(two, 1)
    assert (channels.find_cid(1), channels.find_cid(2)) == (two, None)
    channels.renumber(two, 1)
    channels.renumber(one, 7)
    assert (channels.find_cid(1), channels.find_cid(7)) == (two, one)
    for name in ("three", "four", "five"):
        channels.open(name)
    assert channels.find_cid(7) is None


def test_a_channel_that_is_held_is_not_forgotten_and_counts_as_resting() -> None:
    channels, forgotten = registry(2)
    held = channels.open("held")
    channels.hold(held, True)
    for name in ("a", "b", "c"):
        channels.open(name)
    assert forgotten == ["a", "b"]
    assert len(channels) == 0
    assert list(channels) == []
    channels.hold(held, False)
    channels.open("d")
    channels.open("e")
    assert channels.find("held") is None


def registry(limit: int) -> tuple[Channels, list[str]]:
    forgotten: list[str] = []
    return Channels(limit, forgotten.append), forgotten


def enter(channels: Channels, name: str) -> Channel:
    channel = channels.open(name)
    channels.wake(channel)
    channel.roster.enter("ann", 0.0)
    return channel


def leave(channels: Channels, channel: Channel) -> None:
    channel.roster.leave("ann", 0.0)
    channels.settle(channel)


def test_a_channel_is_the_same_for_everybody_by_name_and_by_number() -> None:
    channels, _ = registry(10)
    lobby = channels.open("lobby")
    assert channels.open("lobby") is channels.find("lobby") is channels.find_cid(lobby.cid) is lobby
    assert channels.find("other") is None
    assert channels.find_cid(lobby.cid + 1) is None


def test_a_resting_channel_keeps_its_number() -> None:
    channels, _ = registry(10)
    lobby = enter(channels, "lobby")
    leave(channels, lobby)
    assert channels.open("lobby").cid == lobby.cid


def test_the_channel_that_rests_longest_makes_room_and_its_number_is_not_given_again() -> None:
    channels, forgotten = registry(2)
    one, two = enter(channels, "one"), enter(channels, "two")
    leave(channels, two)
    leave(channels, one)
    three = channels.open("three")
    assert forgotten == ["two"]
    assert channels.find("two") is None
    assert channels.find_cid(two.cid) is None
    assert channels.open("two").cid not in (one.cid, two.cid, three.cid)
    assert forgotten == ["two", "one"]


def test_where_everybody_is_busy_there_is_no_room_and_it_may_be_tried_later() -> None:
    channels, forgotten = registry(2)
    enter(channels, "one")
    enter(channels, "two")
    with pytest.raises(ChatError) as caught:
        channels.open("three")
    assert (caught.value.code, caught.value.retry) == ("too_many_channels", True)
    assert channels.open("one").cid == 1
    assert forgotten == []


def test_a_channel_for_which_messages_wait_is_not_forgotten() -> None:
    channels, forgotten = registry(1)
    channels.open("one").pending = 1
    with pytest.raises(ChatError):
        channels.open("two")
    assert forgotten == []


def test_a_channel_whose_users_may_still_come_back_does_not_rest() -> None:
    channels, _ = registry(10)
    lobby = enter(channels, "lobby")
    lobby.roster.lose("ann", 0.0, 5.0)
    channels.settle(lobby)
    assert len(channels) == 1
    lobby.roster.step(6.0, 100)
    channels.settle(lobby)
    assert len(channels) == 0


def test_only_channels_with_somebody_in_them_are_counted_and_listed() -> None:
    channels, _ = registry(10)
    lobby = enter(channels, "lobby")
    channels.open("empty")
    assert [channel.name for channel in channels] == ["lobby"]
    assert len(channels) == 1
    leave(channels, lobby)
    assert list(channels) == []


def test_a_channel_has_its_rule_from_the_start_and_one_that_does_not_exist_has_one_too() -> None:
    rule = ChannelRule(send=frozenset({"ann"}))
    asked: list[str] = []

    def rules(name: str) -> ChannelRule:
        asked.append(name)
        return rule

    channels = Channels(10, lambda name: None, rules)
    assert channels.rule_of("a") is rule
    assert channels.find("a") is None
    assert channels.open("a").rule is rule
    assert channels.rule_of("a") is rule
    assert asked == ["a", "a"]  # a channel that exists is not asked about again


def test_a_channel_with_a_queue_policy_has_a_stream_for_its_messages_and_one_for_who_came_and_went() -> None:
    channel = Channel("a", 1, ChannelRule(queue_policy="latest"))
    assert channel.stream is not None
    assert channel.notices is not None
    assert channel.stream is not channel.notices
    assert (channel.stream.policy, channel.notices.policy) == ("latest", "latest")
    assert (Channel("b", 2).stream, Channel("b", 2).notices) == (None, None)


def test_of_resting_channels_in_which_nothing_was_said_few_are_kept() -> None:
    channels, forgotten = registry(100_000)
    first = enter(channels, "first")
    leave(channels, first)
    for number in range(BLANK_LIMIT - 1):
        leave(channels, enter(channels, str(number)))
    assert forgotten == []
    assert channels.open("first") is first
    leave(channels, enter(channels, "one more"))
    assert forgotten == ["first"]
    assert channels.find("first") is None
    assert channels.find_cid(first.cid) is None


def test_a_channel_in_which_something_was_said_or_somebody_is_is_none_of_them() -> None:
    channels, forgotten = registry(100_000)
    spoken = enter(channels, "spoken")
    spoken.lane = object()  # type: ignore[assignment]
    leave(channels, spoken)
    back = enter(channels, "back")
    leave(channels, back)
    enter(channels, "back")
    for number in range(2 * BLANK_LIMIT):
        leave(channels, enter(channels, str(number)))
    assert len(forgotten) == BLANK_LIMIT
    assert channels.find("spoken") is spoken
    assert channels.find("back") is back


def test_a_channel_that_was_forgotten_does_not_come_back_by_its_timer() -> None:
    channels, forgotten = registry(1)
    one = enter(channels, "one")
    leave(channels, one)
    enter(channels, "two")
    assert forgotten == ["one"]
    channels.settle(one)
    assert len(channels) == 1
    with pytest.raises(ChatError):
        channels.open("three")


class Ear:
    """A listener that does nothing."""

    def hear(self, messages: list[MessageEvent]) -> None: ...


def test_a_channel_that_somebody_listens_to_is_not_forgotten_and_not_counted_either() -> None:
    channels, forgotten = registry(2)
    news = channels.open("news")
    channels.listen(news, Ear())
    assert (len(channels), list(channels)) == (0, [])
    channels.open("two")
    channels.open("three")
    assert forgotten == ["two"]
    assert channels.find("news") is news
    channels.listen(news, None)
    channels.open("four")
    channels.open("five")
    assert sorted(forgotten) == ["news", "three", "two"]


def test_of_channels_in_which_nothing_was_said_those_with_a_listener_are_kept() -> None:
    channels, forgotten = registry(10 * BLANK_LIMIT)
    channels.listen(channels.open("news"), Ear())
    for number in range(BLANK_LIMIT + 10):
        channels.open(f"blank {number}")
    assert len(forgotten) == 10
    assert channels.find("news") is not None


def test_who_comes_and_goes_does_not_change_that_somebody_listens() -> None:
    channels, forgotten = registry(1)
    news = enter(channels, "news")
    channels.listen(news, Ear())
    assert len(channels) == 1
    leave(channels, news)
    assert len(channels) == 0
    with pytest.raises(ChatError):
        channels.open("other")
    enter(channels, "news")
    channels.listen(news, None)
    assert len(channels) == 1
    assert forgotten == []


def test_a_channel_that_rests_does_not_keep_itself() -> None:
    channels, _ = registry(1)
    channel = enter(channels, "a")
    held = getrefcount(channel)
    assert dict(channel.alone) == {"a": channel}
    assert getrefcount(channel) == held + 1
    leave(channels, channel)
    assert getrefcount(channel) == held
