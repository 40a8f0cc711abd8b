from hypothesis import given
from hypothesis import strategies as st

from wsserver.clients.limits import ADMIT, CLOSE, LIMIT, LIMITED_FOR_S, ClientLimits, Meter, Rate


def admitted(rate, times):
    """Send one message at each time; return how many were within the rate. One that is not, costs nothing."""
    full_at, count = 0.0, 0
    for now in times:
        charged = rate.charge(full_at, now)
        if rate.allows(charged, now):
            full_at, count = charged, count + 1
    return count


def test_a_burst_passes_and_no_more():
    assert admitted(Rate(50, 100), [1000.0] * 500) == 100


def test_after_a_burst_the_rate_is_what_passes():
    rate = Rate(50, 100)
    times = [1000.0] * 100 + [1000 + i / 1000 for i in range(1, 2001)]
    assert 199 <= admitted(rate, times) <= 201


def test_a_rest_fills_the_bucket_but_not_more_than_that():
    rate = Rate(50, 100)
    assert admitted(rate, [1000.0] * 200 + [5000.0] * 200) == 200


def test_a_steady_sender_below_the_rate_is_never_limited():
    assert admitted(Rate(50, 100), [1000 + i / 49 for i in range(5000)]) == 5000


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300))
def test_in_any_window_no_more_pass_than_burst_and_rate_allow(moments):
    times = sorted(moments)
    assert admitted(Rate(5, 10), times) <= 10 + 5 * (times[-1] - times[0]) + 1


def test_the_defaults_are_those_that_people_are_promised():
    limits = ClientLimits()
    assert (limits.max_message, limits.max_fragments, limits.queue) == (65536, 1024, 1 << 20)
    assert (limits.ping_interval_s, limits.pong_timeout_s, limits.handshake_timeout_s) == (25, 20, 10)
    assert (limits.close_timeout_s, limits.rate) == (5, 50)


def test_who_stays_above_the_rate_is_limited_and_after_ten_seconds_closed():
    meter = Meter(Rate(50, 100))
    verdicts = [meter.judge(1000 + i / 100) for i in range(int(100 * (LIMITED_FOR_S + 3)))]
    assert verdicts[:100] == [ADMIT] * 100
    first_limit = verdicts.index(LIMIT)
    assert CLOSE not in verdicts[: first_limit + 999]
    assert verdicts.index(CLOSE) - first_limit in range(999, 1003)


def test_who_rests_is_forgiven():
    meter = Meter(Rate(50, 100))
    for start in (1000, 1020, 1040, 1060):
        assert [meter.judge(start) for _ in range(150)] == [ADMIT] * 100 + [LIMIT] * 50
