"""Pages that were read elsewhere are there for who waits, and go."""

import pytest

from wsserver.chat.log import NotYet, StoreUnavailable
from wsserver.chat.pages import PAGES, Pages
from wsserver.chat.vocabulary import MessageEvent


def messages(first: int, last: int) -> list[MessageEvent]:
    return [MessageEvent("lobby", seq, "ann", "x", 0) for seq in range(first, last + 1)]


def test_a_range_that_nobody_asked_for_is_not_there() -> None:
    assert Pages().find(1, 10) is None


def test_who_asks_for_what_is_on_its_way_waits_for_the_same_page() -> None:
    pages = Pages()
    page = pages.begin(1, 10)
    with pytest.raises(NotYet) as not_yet:
        pages.find(3, 7)
    not_yet.value.when_ready(lambda: None)
    assert len(page.waiters) == 1
    page.outcome = messages(1, 10)
    assert pages.find(3, 7) == messages(3, 7)
    assert pages.find(3, 11) is None


def test_a_page_that_could_not_be_read_refuses_who_waited() -> None:
    pages = Pages()
    pages.begin(1, 10).outcome = StoreUnavailable("down")
    with pytest.raises(StoreUnavailable, match="down"):
        pages.find(1, 10)


def test_pages_go_when_their_time_is_over_but_not_before_they_have_come() -> None:
    pages = Pages()
    first, second = pages.begin(1, 10), pages.begin(11, 20)
    assert pages.expire(1e9) is None
    first.outcome, first.kept_until = messages(1, 10), 5.0
    second.outcome, second.kept_until = messages(11, 20), 7.0
    assert pages.expire(4.0) == 5.0
    assert pages.expire(5.0) == 7.0
    assert pages.find(1, 10) is None
    assert pages.find(11, 20) == messages(11, 20)
    assert pages.expire(7.0) is None
    assert len(pages) == 0


def test_there_are_only_so_many() -> None:
    pages = Pages()
    for number in range(PAGES):
        pages.begin(number * 10 + 1, number * 10 + 10)
    with pytest.raises(StoreUnavailable):
        pages.begin(9001, 9010)


def test_dropping_them_all_tells_who_waits() -> None:
    pages = Pages()
    waiter = lambda: None  # noqa: E731
    pages.begin(1, 10).waiters.append(waiter)
    assert pages.drop() == [waiter]
    assert len(pages) == 0
