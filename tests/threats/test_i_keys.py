"""Part I, the key of the API: somebody who guesses it. By address, since loopback is not counted."""

from hashlib import sha256

import pytest

from tests.api.fakes import KEY, Office
from wsserver.api import keys


def knock(office, key, address):
    return office.call("channels", headers=(("Authorization", f"Bearer {key}"),), address=address).status


# -- 123: guessing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["192.0.2.1:{}", "[2001:db8::{}]:5000"])
def test_i123_an_address_that_guesses_the_key_of_the_api_waits_and_others_do_not(network):
    office = Office()
    tries = [knock(office, f"guess {number}", network.format(number + 1)) for number in range(100)]
    assert tries == [401] * 5 + [429] * 95
    assert knock(office, KEY, network.format(1)) == 429
    assert knock(office, KEY, "198.51.100.7:5000") == 200
    office.world.advance(60)
    assert knock(office, KEY, network.format(1)) == 200


@pytest.mark.parametrize("shown", ["", "x", KEY[:-1], KEY + "x", KEY[::-1], "x" * 4000])
def test_i123_a_key_is_compared_whole_whatever_was_shown(monkeypatch, shown):
    compared = []

    def compare(ours, theirs):
        compared.append((len(ours), len(theirs)))
        return ours == theirs

    monkeypatch.setattr(keys, "compare_digest", compare)
    assert knock(Office(), shown, "192.0.2.1:5000") == 401
    assert compared == [(sha256().digest_size, sha256().digest_size)]
