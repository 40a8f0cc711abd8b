"""The roster: who is there, who is waited for, and what is to be announced when."""

from hypothesis import given, settings
from hypothesis import strategies as st

from wsserver.chat.presence import BUNDLE_S, CROWD_BUNDLE_S, KEPT, Change, Roster

GRACE_S = 5.0


def roster_of(*users: str) -> Roster:
    """A roster with these users, of whom everybody knows."""
    roster = Roster()
    for user in users:
        roster.enter(user, 0.0)
    roster.step(CROWD_BUNDLE_S, 100)
    return roster


def told(roster: Roster, now: float) -> tuple[list[str], list[str]] | None:
    change = roster.step(now, 100)
    return None if change is None else (change.joined, change.left)


def test_a_user_counts_once_however_many_clients_it_has() -> None:
    roster = roster_of("ann", "ann", "bob")
    assert roster.count == 2
    assert roster.first_names(100).names == ["ann", "bob"]


def test_who_enters_is_announced_after_the_bundle_time_and_not_before() -> None:
    roster = roster_of("ann")
    roster.enter("bob", 10.0)
    assert roster.due_at == 10.0 + BUNDLE_S
    assert told(roster, 10.2) is None
    assert told(roster, 10.25) == (["bob"], [])
    assert roster.due_at is None
    assert told(roster, 20.0) is None


def test_a_second_client_of_a_user_is_not_announced() -> None:
    roster = roster_of("ann", "bob")
    roster.enter("bob", 10.0)
    assert roster.due_at is None
    roster.leave("bob", 11.0)
    assert roster.due_at is None
    assert roster.count == 2


def test_the_first_change_sets_the_time_and_later_ones_come_along() -> None:
    roster = roster_of("ann", "zoe")
    roster.enter("bob", 10.0)
    roster.enter("cid", 10.2)
    roster.leave("zoe", 10.2)
    assert told(roster, 10.25) == (["bob", "cid"], ["zoe"])


def test_who_comes_and_goes_within_one_bundle_is_not_mentioned() -> None:
    roster = roster_of("ann", "zoe")
    roster.enter("bob", 10.0)
    roster.leave("bob", 10.1)
    roster.leave("zoe", 10.1)
    roster.enter("zoe", 10.2)
    assert roster.due_at is None
    assert told(roster, 20.0) is None


def test_who_went_and_came_back_within_one_bundle_is_told_when_somebody_got_a_list_between() -> None:
    roster = roster_of("ann", "bob")
    roster.leave("bob", 10.0)
    roster.enter("cid", 10.1)
    assert roster.first_names(100).names == ["ann", "cid"]
    roster.enter("bob", 10.2)
    assert told(roster, 10.25) == (["cid", "bob"], [])


def test_who_came_and_went_within_one_bundle_is_told_when_somebody_else_got_a_list_between() -> None:
    roster = roster_of("ann")
    for user in ("bob", "cid"):
        roster.enter(user, 10.0)
        roster.first_names(100)  # each newcomer's own
    roster.leave("cid", 10.1)  # nobody but cid has heard of cid
    roster.leave("bob", 10.1)
    roster.enter("bob", 10.2)  # and now some think this and some that
    assert told(roster, 10.25) == (["bob"], [])
    roster.enter("bob", 10.3)
    roster.leave("bob", 10.4)
    roster.leave("bob", 10.4)
    assert told(roster, 10.75) == ([], ["bob"])


def test_the_first_user_of_a_channel_has_nobody_to_be_announced_to() -> None:
    roster = Roster()
    roster.enter("ann", 10.0)
    assert roster.due_at is None


def test_the_last_one_to_leave_is_not_announced_either() -> None:
    roster = roster_of("ann", "bob")
    roster.leave("ann", 10.0)
    roster.leave("bob", 10.1)
    assert roster.count == 0
    assert roster.due_at is None


def test_a_clean_leave_shows_at_once() -> None:
    roster = roster_of("ann", "bob")
    roster.leave("bob", 10.0)
    assert roster.count == 1
    assert told(roster, 10.0 + BUNDLE_S) == ([], ["bob"])


def test_a_lost_user_stays_for_the_grace_and_is_then_announced() -> None:
    roster = roster_of("ann", "bob")
    roster.lose("bob", 10.0, GRACE_S)
    assert roster.count == 2
    assert roster.first_names(100).names == ["ann", "bob"]
    assert roster.due_at == 15.0
    assert told(roster, 14.9) is None
    assert told(roster, 15.0) is None
    assert roster.count == 1
    assert told(roster, 15.3) == ([], ["bob"])


def test_a_user_who_is_back_within_the_grace_is_not_announced() -> None:
    roster = roster_of("ann", "bob")
    roster.lose("bob", 10.0, GRACE_S)
    roster.enter("bob", 14.9)
    assert roster.due_at is None
    assert told(roster, 30.0) is None
    assert roster.count == 2


def test_one_whose_coming_failed_may_go_without_having_been_there() -> None:
    roster = Roster()
    roster.enter("ann", 0.0)
    roster.leave("bob", 0.0)
    roster.lose("bob", 0.0, 5.0)
    assert roster.count == 1
    assert roster.first_names(10).names == ["ann"]


def test_a_user_with_another_client_needs_no_grace() -> None:
    roster = roster_of("ann", "bob", "bob")
    roster.lose("bob", 10.0, GRACE_S)
    assert roster.due_at is None
    roster.leave("bob", 11.0)
    assert told(roster, 12.0) == ([], ["bob"])


def test_the_last_of_several_clients_decides_how_the_user_went() -> None:
    roster = roster_of("ann", "bob", "bob")
    roster.leave("bob", 10.0)
    roster.lose("bob", 10.0, GRACE_S)
    assert roster.count == 2
    assert roster.due_at == 15.0


def test_without_grace_a_lost_user_is_gone_with_the_next_step() -> None:
    roster = roster_of("ann", "bob")
    roster.lose("bob", 10.0, 0.0)
    assert roster.due_at == 10.0
    roster.step(10.0, 100)
    assert roster.count == 1


def test_above_a_hundred_users_announcements_are_bundled_for_longer() -> None:
    roster = roster_of(*(f"user {number}" for number in range(100)))
    roster.enter("the hundred and first", 10.0)
    assert roster.due_at == 10.0 + CROWD_BUNDLE_S


def test_names_are_capped_and_what_is_over_is_counted() -> None:
    roster = roster_of("ann", "zoe", "eve")
    for user in ("bob", "cid", "dan"):
        roster.enter(user, 10.0)
    for user in ("zoe", "eve"):
        roster.leave(user, 10.0)
    assert roster.step(11.0, 1) == Change(["bob"], ["zoe"], 3)
    names = roster.first_names(2)
    assert (names.names, names.more, roster.count) == (["ann", "bob"], 2, 4)


@given(
    moves=st.lists(st.tuples(st.sampled_from(["enter", "leave", "lose"]), st.integers(0, 9)), max_size=60),
    limits=st.lists(st.integers(0, 12), min_size=1, max_size=5),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_first_names_are_those_who_came_first_and_then_those_who_are_waited_for(
    moves: list[tuple[str, int]], limits: list[int]
) -> None:
    roster = Roster()
    here: dict[str, int] = {}
    lost: dict[str, None] = {}
    for number, (move, who) in enumerate(moves):
        user = f"u{who}"
        if move == "enter":
            here[user] = here.get(user, 0) + 1
            lost.pop(user, None)
            roster.enter(user, 0.0)
        elif user in here:
            here[user] -= 1
            if not here[user]:
                del here[user]
                lost.update({user: None} if move == "lose" else {})
            roster.lose(user, 0.0, GRACE_S) if move == "lose" else roster.leave(user, 0.0)
        limit = limits[number % len(limits)]
        everybody = [*here, *lost]
        found = roster.first_names(limit)
        assert (found.names, found.more) == (everybody[:limit], max(0, len(everybody) - limit))


def test_a_list_that_was_handed_out_is_not_changed_by_who_comes_later() -> None:
    roster = roster_of("ann", "bob")
    names = roster.first_names(100).names
    roster.enter("eve", 10.0)
    assert names == ["ann", "bob"]
    assert roster.first_names(100).names == ["ann", "bob", "eve"]


def test_of_a_crowd_only_so_many_names_are_kept_twice() -> None:
    roster = roster_of("u0")
    for number in range(1, 5 * KEPT):
        roster.first_names(100)
        roster.enter(f"u{number}", 10.0)
    assert roster.first_names(100).names == [f"u{number}" for number in range(100)]
    assert len(roster._first) == KEPT


def test_a_timer_that_is_early_by_a_rounding_error_is_not_too_early() -> None:
    roster = roster_of("ann")
    roster.enter("bob", 10.0)
    assert told(roster, 10.25 - 1e-9) == (["bob"], [])


moves = st.lists(
    st.tuples(st.sampled_from(["enter", "leave", "lose", "wait"]), st.sampled_from(["ann", "bob", "cid"])), max_size=40
)


@settings(deadline=None, derandomize=True)
@given(moves)
def test_who_believes_every_announcement_knows_who_is_there(moves: list[tuple[str, str]]) -> None:
    roster, clients, now = Roster(), dict.fromkeys(["ann", "bob", "cid"], 0), 0.0
    roster.enter("watcher", now)
    believed = {"watcher"}

    def listen(until: float) -> None:
        while roster.due_at is not None and roster.due_at <= until:
            change = roster.step(roster.due_at, 100)
            if change:
                assert not set(change.joined) & believed
                assert set(change.left) <= believed
                believed.difference_update(change.left)
                believed.update(change.joined)

    for move, user in moves:
        now += 0.1 if move != "wait" else 6.0
        listen(now)
        if move == "enter":
            roster.enter(user, now)
            clients[user] += 1
        elif move in ("leave", "lose") and clients[user]:
            clients[user] -= 1
            roster.leave(user, now) if move == "leave" else roster.lose(user, now, GRACE_S)
    listen(now + 100)
    assert believed == {"watcher"} | {user for user, count in clients.items() if count}
    assert roster.count == len(believed)
