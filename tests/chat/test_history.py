"""Pages and recovery: what is read of a log, decided with a real one in memory."""

import pytest

from tests.chat.fakes import ignore
from wsserver.chat.errors import ChatError
from wsserver.chat.history import PAGE_CHARS, Page, Recovery, read_page, read_slice, recover
from wsserver.chat.log import Publication
from wsserver.chat.vocabulary import History, Join, MessageEvent
from wsserver.stores.memory import MemoryStore

BIG = "x" * 40_000


def log_of(count: int, history: int = 10_000, text: str = "hi") -> MemoryStore:
    log = MemoryStore(bytes, lambda: 0.0, lambda _channel: history)
    log.append([Publication("c", "ann", text, 0)] * count, ignore)
    return log


def seqs(messages: list[MessageEvent]) -> list[int]:
    return [message.seq for message in messages]


def page(log: MemoryStore, **fields: int) -> Page:
    return read_page(log, History("c", **fields))


def joined(
    log: MemoryStore, since: int | None, epoch: str | None = None, limit: int = 1000, history: int = 50
) -> Recovery:
    return recover(log, Join("c", since=since, epoch=epoch or log.head("c").epoch, history=history), limit)


@pytest.mark.parametrize(
    ("fields", "expected", "more"),
    [
        ({}, range(351, 401), True),
        ({"limit": 400}, range(101, 401), True),
        ({"limit": 10**20}, range(101, 401), True),
        ({"limit": 0}, [], True),
        ({"before": 5}, range(1, 5), False),
        ({"before": 5, "limit": 4}, range(1, 5), False),
        ({"before": 6, "limit": 4}, range(2, 6), True),
        ({"before": 1}, [], False),
        ({"before": -7}, [], False),
        ({"before": 10**20, "limit": 2}, [399, 400], True),
        ({"after": 0, "limit": 3}, [1, 2, 3], True),
        ({"after": -5, "limit": 3}, [1, 2, 3], True),
        ({"after": 398}, [399, 400], False),
        ({"after": 398, "limit": 1}, [399], True),
        ({"after": 400}, [], False),
        ({"after": 10**20}, [], False),
        ({"after": 0, "limit": 0}, [], True),
    ],
)
def test_a_page_is_what_was_asked_for_oldest_first(
    fields: dict[str, int], expected: range | list[int], more: bool
) -> None:
    result = page(log_of(400), **fields)
    assert seqs(result.messages) == list(expected)
    assert result.more is more


def test_before_with_after_is_bad() -> None:
    with pytest.raises(ChatError, match="before"):
        page(log_of(3), before=1, after=2)


def test_there_is_no_more_where_the_log_has_forgotten() -> None:
    log = log_of(100, history=10)
    assert seqs(page(log).messages) == list(range(91, 101))
    assert page(log).more is False
    assert seqs(page(log, after=5, limit=2).messages) == [91, 92]
    assert page(log, before=50).messages == []
    assert page(log, before=50).more is False


def test_a_channel_without_messages_or_history_has_empty_pages() -> None:
    for log in (log_of(0), log_of(7, history=0)):
        for fields in ({}, {"before": 3}, {"after": 0}):
            result = page(log, **fields)
            assert (result.messages, result.more) == ([], False)


def test_a_page_of_long_messages_is_cut_so_that_it_fits_into_a_queue_and_says_so() -> None:
    log = log_of(10, text=BIG)
    newest, oldest = page(log), page(log, after=0)
    assert (seqs(newest.messages), newest.more) == ([8, 9, 10], True)
    assert (seqs(oldest.messages), oldest.more) == ([1, 2, 3], True)


def test_a_message_longer_than_a_page_is_a_page() -> None:
    log = log_of(3, text="x" * (PAGE_CHARS + 1))
    assert seqs(page(log).messages) == [3]
    assert seqs(page(log, after=0).messages) == [1]
    assert seqs(read_slice(log, "c", 0, 3)) == [1]


@pytest.mark.parametrize("since", [0, 1, 199, 200])
def test_what_came_after_since_is_recovered(since: int) -> None:
    result = joined(log_of(200), since)
    assert (result.recovered, result.complete) == (True, True)
    assert seqs(result.messages) == list(range(since + 1, 201))


def test_a_thousand_missed_short_messages_come_at_once() -> None:
    result = joined(log_of(1000), 0)
    assert (result.recovered, result.complete, len(result.messages)) == (True, True, 1000)


@pytest.mark.parametrize("since", [-1, 201, 10**20, -(10**20)])
def test_a_since_that_the_channel_never_had_is_not_recovered(since: int) -> None:
    result = joined(log_of(200), since)
    assert (result.recovered, result.complete) == (False, True)
    assert seqs(result.messages) == list(range(151, 201))


def test_another_epoch_is_not_recovered_even_when_the_numbers_would_fit() -> None:
    assert joined(log_of(200), 200, "another").recovered is False
    assert recover(log_of(5), Join("c", since=5), 1000).recovered is False


def test_more_than_the_limit_is_not_recovered_and_exactly_the_limit_is() -> None:
    log = log_of(200)
    assert joined(log, 100, limit=100).recovered is True
    result = joined(log, 99, limit=100, history=3)
    assert (result.recovered, seqs(result.messages)) == (False, [198, 199, 200])


def test_what_the_log_has_forgotten_is_not_recovered_and_never_a_part_said_to_be_the_whole() -> None:
    log = log_of(100, history=10)
    assert seqs(joined(log, 90).messages) == list(range(91, 101))
    assert joined(log, 90).recovered is True
    assert joined(log, 89).recovered is False


def test_without_since_there_is_no_word_on_recovery() -> None:
    result = joined(log_of(3), None, history=2)
    assert (result.recovered, result.complete, seqs(result.messages)) == (None, True, [2, 3])


def test_what_does_not_fit_is_left_for_later_slices() -> None:
    log = log_of(10, text=BIG)
    result = joined(log, 0)
    assert (result.recovered, result.complete, seqs(result.messages)) == (True, False, [1, 2, 3])
    assert seqs(read_slice(log, "c", 3, 10)) == [4, 5, 6]
    assert seqs(read_slice(log, "c", 9, 10)) == [10]
    assert read_slice(log, "c", 10, 10) == []


class Holed(MemoryStore):
    """A log out of which somebody has cut message 5 by hand."""

    def after(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        return [message for message in super().after(channel, seq, limit) if message.seq != 5]


@pytest.mark.parametrize(("since", "recovered"), [(0, False), (3, False), (4, False), (5, True), (9, True), (10, True)])
def test_a_hole_in_the_log_is_never_passed_over_as_if_it_were_the_whole(since: int, recovered: bool) -> None:
    log = Holed(bytes, lambda: 0.0)
    log.append([Publication("c", "ann", "hi", 0)] * 10, ignore)
    found = joined(log, since)
    assert found.recovered is recovered
    if recovered:
        assert seqs(found.messages) == list(range(since + 1, 11))


def test_a_log_that_has_nothing_is_not_asked_for_messages_by_who_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(0)
    monkeypatch.setattr(log, "before", None)
    assert joined(log, None).messages == []
