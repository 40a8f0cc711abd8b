"""The first bytes of a connection that a proxy has opened, and where its client counts from then on."""

import pytest

from tests.clients.rig import get, parse_answers, upgrade
from wsserver.clients.limits import ClientLimits
from wsserver.http.forwarded import TrustedProxies
from wsserver.websocket.codes import TEXT

LINE = b"PROXY TCP4 203.0.113.9 192.0.2.1 50312 443\r\n"
PROXY = "10.0.0.1:5000"


@pytest.fixture
def proxied(make_house):
    """A house behind a proxy that speaks the PROXY protocol."""

    def make(networks=("10.0.0.1",), **options):
        house = make_house(**options)
        house.registry.house.proxies = TrustedProxies(networks, preface=True)
        return house

    return make


def test_the_client_has_the_address_that_the_proxy_names(proxied):
    house = proxied()
    peer = house.connect(PROXY)
    peer.send(LINE + upgrade())
    assert peer.received().startswith(b"HTTP/1.1 101 ")
    assert peer.client.address == "203.0.113.9:50312"
    peer.send_frame(TEXT, b"hello")
    assert ("message", b"hello", TEXT) in house.router.heard


@pytest.mark.parametrize("cut", range(1, len(LINE), 5))
def test_it_may_come_in_pieces(proxied, cut):
    peer = proxied().connect(PROXY)
    peer.send(LINE[:cut])
    peer.send(LINE[cut:])
    peer.send(get())
    assert [status for status, _, _ in parse_answers(peer.received())] == [200]


def test_it_comes_once_a_connection_and_not_before_each_request(proxied):
    peer = proxied().connect(PROXY)
    peer.send(LINE + get() + get())
    assert [status for status, _, _ in parse_answers(peer.received())] == [200, 200]
    peer.send(LINE + get())
    assert [status for status, _, _ in parse_answers(peer.received())] == [400]


def test_a_proxy_that_speaks_for_itself_keeps_its_address(proxied):
    peer = proxied().connect(PROXY)
    peer.send(b"PROXY UNKNOWN\r\n" + upgrade())
    assert peer.client.address == PROXY
    assert peer.received().startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("garbage", [get(), b"\x16\x03\x01", LINE.replace(b"9", b"999")])
def test_what_is_no_header_ends_the_connection_without_a_word(proxied, garbage):
    house = proxied()
    peer = house.connect(PROXY)
    peer.send(garbage)
    assert peer.received() == b""
    assert peer.ended
    assert peer.buried
    assert "PROXY protocol" in house.gone[0].cause


def test_a_proxy_that_does_not_speak_it_is_told_of_once(proxied):
    house, told = proxied(), []
    house.registry.house.proxies = TrustedProxies(
        ["10.0.0.1"], preface=True, on_garbage=lambda *what: told.append(what)
    )
    for _ in range(3):
        house.connect(PROXY).send(get())
    assert told == [(PROXY, "the connection does not begin with the PROXY protocol")]


def test_it_has_the_time_of_the_handshake_and_no_more(proxied):
    house = proxied()
    peer = house.connect(PROXY)
    peer.send(LINE[:20])
    house.jump(ClientLimits().handshake_timeout_s + 0.1)
    assert peer.received() == b""
    assert peer.ended


def test_somebody_else_may_not_say_it(proxied):
    peer = proxied().connect("198.51.100.7:5000")
    peer.send(LINE + get())
    assert [status for status, _, _ in parse_answers(peer.received())] == [400]
    peer = peer.house.connect("198.51.100.7:5000")
    peer.send(get())
    assert [status for status, _, _ in parse_answers(peer.received())] == [200]


def test_the_limit_of_an_address_counts_clients_and_not_the_proxy(proxied):
    house = proxied(most_per_ip=1)
    first, second, third = (house.connect(PROXY) for _ in range(3))
    first.send(LINE + upgrade())
    second.send(LINE + upgrade())
    third.send(LINE.replace(b"113.9", b"113.8") + upgrade())
    assert first.received().startswith(b"HTTP/1.1 101 ")
    assert second.received().startswith(b"HTTP/1.1 429 ")
    assert third.received().startswith(b"HTTP/1.1 101 ")
    first.hang_up()
    fourth = house.connect(PROXY)
    fourth.send(LINE + upgrade())
    assert fourth.received().startswith(b"HTTP/1.1 101 ")


def test_what_the_header_says_is_believed_on_if_it_is_a_trusted_proxy_too(proxied):
    house = proxied(("10.0.0.1", "203.0.113.9"))
    peer = house.connect(PROXY)
    peer.send(LINE + upgrade(extra="X-Forwarded-For: 6.6.6.6, 192.0.2.77\r\n"))
    assert peer.client.address == "192.0.2.77:0"


def test_a_client_cannot_name_its_address_behind_the_header(proxied):
    peer = proxied().connect(PROXY)
    peer.send(LINE + upgrade(extra="X-Forwarded-For: 192.0.2.77\r\n"))
    assert peer.client.address == "203.0.113.9:50312"
