"""How often an address may be wrong, and who is told."""

import pytest

from wsserver.access.authority import ADDRESSES, BadTokens, TokenAuthority, source_of
from wsserver.chat.authority import BadToken, Grant
from wsserver.websocket.codes import RATE_LIMITED, UNAUTHENTICATED

GRANT = Grant("ann", 5_000)


class Verifier:
    """Takes the token `good` and no other."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def verify(self, token: str, now_ms: int) -> Grant:
        self.asked.append((token, now_ms))
        if token != "good":
            raise BadToken("the token is not good")
        return GRANT


class House:
    """An authority whose clock is told to jump."""

    def __init__(self, per_minute: float = 5) -> None:
        self.now = 1000.0
        self.verifier = Verifier()
        self.bad_tokens = BadTokens(per_minute)
        self.told: list[tuple[str, str]] = []
        self.authority = TokenAuthority(
            self.verifier, self.bad_tokens, lambda: self.now, lambda: 77, lambda *what: self.told.append(what)
        )

    def refusal(self, token: str = "bad", address: str = "192.0.2.1:5000") -> int:
        with pytest.raises(BadToken) as caught:
            self.authority.judge(token, address)
        return caught.value.code


def test_a_good_token_is_judged_by_the_wall_clock_and_grants_what_it_says() -> None:
    house = House()
    assert house.authority.judge("good", "192.0.2.1:5000") is GRANT
    assert house.verifier.asked == [("good", 77)]
    assert house.told == []


def test_a_bad_token_is_told_with_its_address_and_without_the_token() -> None:
    house = House()
    assert house.refusal("bad") == UNAUTHENTICATED
    assert house.told == [("192.0.2.1:5000", "the token is not good")]


def test_the_sixth_bad_token_of_a_minute_is_not_looked_at_nor_is_a_good_one_from_there() -> None:
    house = House()
    assert [house.refusal() for _ in range(5)] == [UNAUTHENTICATED] * 5
    assert [house.refusal("bad"), house.refusal("good", "192.0.2.1:6000")] == [RATE_LIMITED] * 2
    assert len(house.verifier.asked) == len(house.told) == 5
    assert house.authority.judge("good", "192.0.2.2:5000") is GRANT


def test_one_more_is_looked_at_every_twelve_seconds_and_five_after_a_minute() -> None:
    house = House()
    for _ in range(5):
        house.refusal()
    house.now += 11.9
    assert house.refusal() == RATE_LIMITED
    house.now += 0.2
    assert [house.refusal(), house.refusal()] == [UNAUTHENTICATED, RATE_LIMITED]
    house.now += 60
    assert [house.refusal() for _ in range(6)] == [UNAUTHENTICATED] * 5 + [RATE_LIMITED]


@pytest.mark.parametrize("address", ["127.0.0.1:5000", "[::1]:5000", "[::ffff:127.0.0.1]:5000", "127.9.9.9:1", "unix"])
def test_what_comes_from_this_machine_is_a_proxy_s_and_is_not_limited(address: str) -> None:
    house = House()
    assert [house.refusal(address=address) for _ in range(20)] == [UNAUTHENTICATED] * 20
    assert len(house.bad_tokens) == 0


def test_the_limit_can_be_turned_off() -> None:
    house = House(0)
    assert [house.refusal() for _ in range(20)] == [UNAUTHENTICATED] * 20
    assert len(house.bad_tokens) == 0


def test_addresses_that_have_rested_are_forgotten() -> None:
    bad_tokens = BadTokens(5)
    for number in range(100):
        bad_tokens.note(f"192.0.2.{number}:1", 1000.0)
    assert len(bad_tokens) == 100
    bad_tokens.note("192.0.2.200:1", 1100.0)
    assert len(bad_tokens) == 1


def test_a_bounded_number_of_addresses_is_remembered_those_that_were_wrong_last() -> None:
    bad_tokens = BadTokens(5)
    for _ in range(5):
        bad_tokens.note("192.0.2.1:1", 1000.0)
    for number in range(ADDRESSES):
        bad_tokens.note(f"10.{number >> 8 & 255}.{number & 255}.1:1", 1000.0)
    assert len(bad_tokens) == ADDRESSES
    assert not bad_tokens.is_over("192.0.2.1:1", 1000.0)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1:5000", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:5000", "192.0.2.1"),
        ("[2001:db8:1:2:3:4:5:6]:5000", "2001:0db8:0001:0002"),
        ("[2001:db8:1:2:ffff::]:7", "2001:0db8:0001:0002"),
        ("[fe80::1%eth0]:5000", "fe80:0000:0000:0000"),
        ("unix", ""),
        ("", ""),
        ("nonsense:1", ""),
    ],
)
def test_whoever_has_an_address_of_an_ipv6_network_has_all_of_them(address: str, source: str) -> None:
    assert source_of(address) == source
