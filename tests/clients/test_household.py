"""What clients share is shared."""

from wsserver.clients.limits import PING_BURST, Rate


def test_all_clients_of_a_server_share_one_household(house):
    first, second = house.open().client, house.connect().client
    assert first.house is second.house is house.registry.house


def test_a_rate_of_zero_is_none_and_pings_have_a_limit_of_their_own(make_house):
    assert make_house(rate=0).registry.house.message_rate is None
    household = make_house(rate=50).registry.house
    assert isinstance(household.message_rate, Rate)
    assert household.message_rate.tolerance_s == 2.0  # a burst of twice the rate
    assert household.ping_rate.tolerance_s / household.ping_rate.interval_s == PING_BURST
