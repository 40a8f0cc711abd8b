"""Where a request comes from: whose word is taken, and how much of it."""

import time
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wsserver.http.forwarded import FORWARDED, HOPS, X_FORWARDED_FOR, TrustedProxies, parse_forwarded, parse_source
from wsserver.http.headers import Headers

PROXY, STRANGER = "10.0.0.1:5000", "198.51.100.7:5000"


def source(*values, by=PROXY, networks=("10.0.0.0/8", "fd00::/8")):
    return TrustedProxies(networks).source_of(Headers([("X-Forwarded-For", value) for value in values]), by)


def forwarded(value):
    headers = Headers([("Forwarded", value), ("X-Forwarded-For", "6.6.6.6")])
    return TrustedProxies(["10.0.0.0/8"], FORWARDED).source_of(headers, PROXY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("203.0.113.9", "203.0.113.9:0"),
        ("203.0.113.9:4711", "203.0.113.9:4711"),
        ("2001:db8::9", "[2001:db8::9]:0"),
        ("[2001:db8::9]", "[2001:db8::9]:0"),
        ("[2001:DB8:0::9]:4711", "[2001:db8::9]:4711"),
        ("::ffff:203.0.113.9", "203.0.113.9:0"),
        ("  203.0.113.9\t", "203.0.113.9:0"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9:0"),
        ("rubbish, <script>, 203.0.113.9", "203.0.113.9:0"),
        ("203.0.113.9, 10.0.0.2, fd00::1", "203.0.113.9:0"),
        ("10.9.9.9, 10.0.0.2", "10.9.9.9:0"),
        (", 203.0.113.9,, ", "203.0.113.9:0"),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_no_trusted_proxy(value, expected):
    assert source(value) == expected


def test_several_headers_are_one_list():
    assert source("6.6.6.6", "203.0.113.9", "10.0.0.2") == "203.0.113.9:0"


@pytest.mark.parametrize("by", [STRANGER, "[2001:db8::1]:5000", "unix", ""])
def test_nobody_else_is_believed(by):
    assert source("203.0.113.9", by=by) == by


def test_a_unix_socket_is_trusted_by_name():
    assert source("203.0.113.9", by="unix", networks=("unix",)) == "203.0.113.9:0"
    assert source("203.0.113.9", by=PROXY, networks=("unix",)) == PROXY


def test_a_proxy_that_comes_by_a_socket_for_both_families_is_recognised():
    assert source("203.0.113.9", by="[::ffff:10.0.0.1]:5000") == "203.0.113.9:0"


@pytest.mark.parametrize(
    "value",
    [
        "unknown",
        "_hidden",
        "chat.example",
        "203.0.113.999",
        "203.0.113.9:99999",
        "203.0.113.9:",
        "203.0.113.9:0x1",
        "203.0.113.09",
        "٣.0.113.9",
        "[203.0.113.9]extra",
        "[2001:db8::9",
        "fe80::1%eth0",
        "3405803785",
        "203.0.113.0/24",
        "6.6.6.6, rubbish",
        "6.6.6.6, rubbish, 10.0.0.2",
        "",
        ",",
        ", ".join(["203.0.113.9", *["10.0.0.2"] * HOPS]),
    ],
)
def test_garbage_leaves_the_address_of_the_connection_and_is_told_once(value):
    told = []
    proxies = TrustedProxies(["10.0.0.0/8"], on_garbage=lambda *what: told.append(what))
    for _ in range(3):
        assert proxies.source_of(Headers([("x-forwarded-for", value)]), PROXY) == PROXY
    assert told == [(PROXY, value)]


def test_without_the_header_it_comes_from_where_its_connection_does():
    told = []
    proxies = TrustedProxies(["10.0.0.0/8"], on_garbage=lambda *what: told.append(what))
    assert proxies.source_of(Headers([("Forwarded", "for=6.6.6.6"), ("X-Real-IP", "6.6.6.6")]), PROXY) == PROXY
    assert told == []


def test_as_many_hops_as_there_may_be_are_followed():
    assert source(", ".join(["203.0.113.9", *["10.0.0.2"] * (HOPS - 1)])) == "203.0.113.9:0"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=203.0.113.9", "203.0.113.9:0"),
        ("For=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9:0"),
        ('proto=https; for="203.0.113.9:4711"', "203.0.113.9:4711"),
        ('for="[2001:db8:cafe::17]:4711"', "[2001:db8:cafe::17]:4711"),
        ("for=6.6.6.6, for=203.0.113.9, for=10.0.0.2", "203.0.113.9:0"),
        ('for=", for=203.0.113.9', "203.0.113.9:0"),
        ("for=unknown", PROXY),
        ("for=_secret", PROXY),
        ("for=203.0.113.9;for=6.6.6.6", PROXY),
        ("by=10.0.0.1", PROXY),
        ("203.0.113.9", PROXY),
        ('for="203.0.113.9', PROXY),
        ("for=203.0.113.9;", PROXY),
        ("for = 203.0.113.9", PROXY),
    ],
)
def test_forwarded_is_read_in_place_of_it_where_that_is_configured(value, expected):
    assert forwarded(value) == expected


def test_a_header_of_all_that_fits_into_a_line_is_judged_in_a_moment():
    proxies = TrustedProxies(["10.0.0.0/8"])
    for value in ("10.0.0.2," * 900, "," * 8192, "a=" * 4096, "[" * 8192, "1." * 4096):
        headers = Headers([("x-forwarded-for", value), ("forwarded", value)])
        before = time.process_time()
        for _ in range(10):
            proxies.source_of(headers, PROXY)
            TrustedProxies(["10.0.0.0/8"], FORWARDED).source_of(headers, PROXY)
        assert time.process_time() - before < 0.5


def test_the_proxy_protocol_is_wanted_of_trusted_proxies_alone_and_only_if_it_is_on():
    assert TrustedProxies(["10.0.0.0/8"], preface=True).wants_preface(PROXY)
    assert not TrustedProxies(["10.0.0.0/8"], preface=True).wants_preface(STRANGER)
    assert not TrustedProxies(["10.0.0.0/8"]).wants_preface(PROXY)


def test_what_is_no_network_is_an_error():
    with pytest.raises(ValueError, match="10.0.0.1/8"):
        TrustedProxies(["10.0.0.1/8"])


def test_both_parsers_say_none_of_nothing():
    assert parse_source("") is None
    assert parse_forwarded("") is None


@given(some.text(alphabet=some.characters(max_codepoint=255), max_size=200))
def test_whatever_a_header_says_an_address_comes_out(value):
    for header in (X_FORWARDED_FOR, FORWARDED):
        proxies = TrustedProxies(["10.0.0.0/8"], header)
        host, _, port = proxies.source_of(Headers([(header, value)]), PROXY).rpartition(":")
        ip_address(host.strip("[]"))
        assert 0 <= int(port) <= 65535
