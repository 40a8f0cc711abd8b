"""No input of at most 64 KiB holds up the others for more than 5 ms: that is the longest turn it causes.

What is measured is CPU time, and the best of some tries, so a busy machine does not matter. What many others are sent
because of an input (a broadcast to thousands) is not the input's own cost and is not measured here.
"""

import pytest

from tests.attacks.catalogue import OFFER, say
from tests.attacks.inputs import INPUTS
from tests.attacks.turning import Turning, no_collector

BOUND_S = 0.005
"""Nobody in a chat notices a hundred times that, so a hundred such attackers may come before one is noticed."""

TRIES = 2
MORE_TRIES = 12

MESSAGES = 100
"""In the channel `full`: more than one page, of the characters that JSON writes with six bytes each."""


@pytest.fixture(scope="module")
def turning():
    one = Turning("websocket.compression=true", "limits.queue=16MiB")
    peer = one.open("/chat")
    peer.send(say(type="join", channel="full", user="author"))
    for _ in range(MESSAGES):
        peer.send(say(type="message", channel="full", text="\x01" * 1400))
        one.settle(peer)
    one.hang_up(peer)
    yield one
    one.close()


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_causes_no_turn_of_more_than_5_ms(turning, note, name):
    path, before, data = INPUTS[name]
    best, tries = 1.0, 0
    with no_collector():
        while tries < TRIES or (best > BOUND_S / 2 and tries < MORE_TRIES):
            tries += 1
            best = min(best, attempt(turning, path, before, data))
    note("longest turn", name=name, bytes=len(data), milliseconds=best * 1000)
    assert turning.errors == []
    assert best <= BOUND_S


def attempt(turning, path, before, data):
    peer = turning.open("/echo", extra=OFFER) if path == OFFER else turning.open(path) if path else turning.connect()
    if before:
        peer.send(before)
        turning.settle(peer)
    longest = turning.longest_turn(peer, data)
    turning.hang_up(peer)
    return longest
