"""The key of the API: who gets in, and who has to wait."""

import pytest

from tests.api.fakes import request
from wsserver.access.authority import BadTokens
from wsserver.api.answers import ApiError
from wsserver.api.keys import ApiKey, too_many
from wsserver.http.errors import RequestError

ELSEWHERE = "192.0.2.1:5000"


class Door:
    def __init__(self, key="right", per_minute=5.0):
        self.now = 100.0
        self.bad = []
        self.key = ApiKey(key, BadTokens(per_minute), lambda: self.now, lambda *what: self.bad.append(what))

    def knock(self, *values, address=ELSEWHERE, query=""):
        """Return 200 or the status of the refusal."""
        headers = [("Authorization", value) for value in values]
        try:
            self.key.judge(request(f"/api/x{query}", headers=headers), address)
        except ApiError as error:
            self.error = error
            return error.status
        return 200


@pytest.mark.parametrize("value", ["Bearer right", "bearer right", "BEARER   right"])
def test_the_key_opens(value):
    assert Door().knock(value) == 200


@pytest.mark.parametrize(
    "value",
    ["Bearer wrong", "Bearer righ", "Bearer rightt", "Bearer RIGHT", "Bearer ", "Bearer", "Basic right", "right", ""],
)
def test_nothing_else_does(value):
    door = Door()
    assert door.knock(value) == 401
    assert ("WWW-Authenticate", "Bearer") in door.error.headers


def test_no_key_at_all_is_told_what_to_show_and_counts_for_nothing():
    door = Door(per_minute=1)
    for _ in range(10):
        assert door.knock() == 401
    assert "Bearer" in door.error.sentence
    assert door.bad == []
    assert door.knock("Bearer right") == 200


def test_a_key_may_be_any_text():
    door = Door("schlüssel 🔑")
    assert door.knock("Bearer " + "schlüssel 🔑".encode().decode("latin-1")) == 200
    assert door.knock("Bearer schlüssel 🔑".encode().decode("latin-1")[:-1]) == 401


def test_two_keys_or_one_in_the_url_are_refused():
    door = Door()
    with pytest.raises(RequestError):
        door.knock("Bearer right", "Bearer right")
    with pytest.raises(RequestError):
        door.knock("Bearer right", query="?access_token=right")


def test_an_address_that_shows_too_many_wrong_keys_waits_with_the_right_one_too():
    door = Door()
    assert [door.knock("Bearer wrong") for _ in range(6)] == [401] * 5 + [429]
    assert dict(door.error.headers)["Retry-After"] == "60"
    assert len(door.bad) == 5
    assert door.bad[0][0] == ELSEWHERE
    assert "wrong" not in str(door.bad)
    assert door.knock("Bearer right") == 429
    assert door.knock("Bearer right", address="192.0.2.2:5000") == 200
    door.now += 60
    assert door.knock("Bearer right") == 200


def test_this_machine_may_try_as_often_as_it_likes():
    door = Door(per_minute=1)
    assert [door.knock("Bearer wrong", address="127.0.0.1:5000") for _ in range(9)] == [401] * 9


def test_whoever_is_told_to_wait_is_told_for_how_long():
    error = too_many("tokens")
    assert (error.status, error.code) == (429, "rate_limited")
    assert "tokens" in error.sentence
