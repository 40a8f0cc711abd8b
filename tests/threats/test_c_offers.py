"""Wrong, strange and endless offers of permessage-deflate, to a server that compresses (RFC 7692 section 7.1)."""

import re

import pytest

from tests.threats.attacking import ask_to_upgrade, cpu_seconds
from tests.threats.test_c_upgrades import CPU_S_EACH, STRANGE_OFFERS, UPGRADES
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import TEXT

AGREED = re.compile(rb"\r\nSec-WebSocket-Extensions: ([^\r]*)\r\n")


@pytest.fixture(scope="module")
def flags():
    return ("--set", "websocket.compression=true")


def agreed(attacker, offer):
    """Offer; return what the 101 agrees on, or None."""
    found = AGREED.search(attacker().open("/echo", Sec_WebSocket_Extensions=offer))
    return None if found is None else found[1].decode()


WRONG = [
    "server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=8", "server_max_window_bits=16",
    "server_max_window_bits=0", "server_max_window_bits=-9", "server_max_window_bits=012", "server_max_window_bits=1e1",
    "server_max_window_bits=1_0", "server_max_window_bits=999999999999999999999", "client_max_window_bits=abc",
    "client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=010",
    "server_no_context_takeover=1", "client_no_context_takeover=true", "unknown", "unknown=12",
    "server_no_context_takeover; server_no_context_takeover", "server_max_window_bits=10; server_max_window_bits=10",
    "client_max_window_bits; client_max_window_bits=10", "SERVER_MAX_WINDOW_BITS=10",
]  # fmt: skip


@pytest.mark.parametrize("parameters", WRONG)
def test_c44_a_wrong_offer_is_declined_and_the_next_one_is_tried(attacker, parameters):
    offer = f"permessage-deflate; {parameters}"
    assert agreed(attacker, offer) is None
    assert agreed(attacker, f"{offer}, permessage-deflate; server_no_context_takeover").startswith("permessage-deflate")
    assert agreed(attacker, [offer, offer, "permessage-deflate"]).startswith("permessage-deflate")


@pytest.mark.parametrize("value", ["", '""', '"', "٣", "\xb2", "1 0"])
@pytest.mark.parametrize("name", ["server_max_window_bits", "client_max_window_bits"])
def test_c44_a_value_that_is_no_token_is_refused_or_declined(attacker, name, value):
    one = attacker()
    request = ask_to_upgrade(Sec_WebSocket_Extensions="permessage-deflate; OFFER")
    one.send(request.replace(b"OFFER", f"{name}={value}".encode()))
    status = one.read(12)
    assert status in (b"HTTP/1.1 101", b"HTTP/1.1 400")
    if status.endswith(b"400"):
        one.rest()
    else:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += one.read(1)
        assert AGREED.search(head) is None


@pytest.mark.parametrize("bits", range(9, 16))
def test_c44_the_window_that_is_agreed_on_is_never_larger_than_what_was_offered(attacker, bits):
    answer = agreed(attacker, f'permessage-deflate; server_max_window_bits={bits}; client_max_window_bits="{bits}"')
    for side in ("server", "client"):
        assert 8 <= int(re.search(rf"{side}_max_window_bits=(\d+)", answer)[1]) <= bits


def test_c44_a_window_is_named_only_to_a_client_that_said_it_can(attacker):
    """RFC 7692 section 7.1.2.2: a client that did not offer client_max_window_bits must not be told one."""
    assert "client_max_window_bits" not in agreed(attacker, "permessage-deflate")
    assert "server_max_window_bits" not in agreed(attacker, "permessage-deflate; client_max_window_bits")


def test_c44_a_client_with_the_smallest_window_is_understood(attacker):
    answer = agreed(attacker, "permessage-deflate; client_max_window_bits=8")
    assert answer is None or "client_max_window_bits=8" in answer


@pytest.mark.parametrize("offer", STRANGE_OFFERS)
def test_c43_a_strange_extension_is_declined_or_refused_by_a_server_that_compresses_too(attacker, offer):
    one = attacker()
    one.send(ask_to_upgrade(Sec_WebSocket_Extensions=offer))
    if one.read(12) == b"HTTP/1.1 400":
        one.rest()
        return
    while one.read(1) != b"\n" or one.read(2) != b"\r\n":
        pass
    one.send(frame(TEXT, b"hi"))
    assert one.read(4) == b"\x81\x02hi"


FILLERS = [
    " ", ",", ";", " ,", "a,", ";a", ";a=b", '"', '="', "\\", "; \t", "permessage-deflate,",
    "permessage-deflate; x=y,", '; a="\\""', ';a="' + "\\x" * 100,
]  # fmt: skip


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("start", ["a", 'permessage-deflate; x="', ""])
def test_c42_offers_of_8_kib_are_read_in_linear_time_by_a_server_that_compresses_too(server, attacker, filler, start):
    value = start + filler * (7900 // len(filler)) + "b"
    before = cpu_seconds(server)
    for _ in range(UPGRADES):
        one = attacker()
        one.send(ask_to_upgrade(Sec_WebSocket_Extensions=value))
        assert one.read(12) in (b"HTTP/1.1 101", b"HTTP/1.1 400")
        one.close()
    assert cpu_seconds(server) - before < UPGRADES * CPU_S_EACH


def test_c42_the_ninth_offer_is_not_looked_at(attacker):
    assert agreed(attacker, "x, " * 7 + "permessage-deflate").startswith("permessage-deflate")
    assert agreed(attacker, "x, " * 8 + "permessage-deflate") is None


def test_c42_the_seventeenth_parameter_is_too_many(attacker):
    one = attacker()
    one.send(ask_to_upgrade(Sec_WebSocket_Extensions="permessage-deflate" + "; x" * 17))
    assert one.answers() == [400]
