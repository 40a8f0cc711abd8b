"""The closed list of error codes."""

from wsserver.chat.errors import COUNTED, RETRY, ChatError


def test_the_codes_are_those_of_the_protocol() -> None:
    assert set(RETRY) == {
        "bad_json", "bad_message", "unknown_type", "not_joined", "bad_channel", "too_many_channels", "no_such_user",
        "unknown_method", "name_taken", "forbidden", "auth_required", "rate_limited", "too_large", "store_unavailable",
        "broker_unavailable", "internal",
    }  # fmt: skip


def test_only_bad_json_and_bad_message_count_in_the_row_of_five() -> None:
    assert sorted(COUNTED) == ["bad_json", "bad_message"]


def test_what_fails_for_lack_of_a_part_may_be_retried_and_what_is_wrong_may_not() -> None:
    assert ChatError("store_unavailable", "x").retry is True
    assert ChatError("bad_message", "x").retry is False


def test_the_raiser_may_know_better_whether_to_retry() -> None:
    assert ChatError("too_many_channels", "x", retry=True).retry is True
