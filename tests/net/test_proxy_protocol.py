"""The PROXY protocol's two versions: whole, in pieces, and everything that only looks like them."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wsserver.net.proxy_protocol import LINE_LIMIT, SIGNATURE, SIZE_LIMIT, ProxyHeaderError, read_proxy_header

V4 = ip_address("203.0.113.9").packed + ip_address("192.0.2.1").packed + struct.pack("!HH", 50312, 443)
V6 = ip_address("2001:db8::9").packed + ip_address("2001:db8::1").packed + struct.pack("!HH", 50312, 443)


def binary(body=V4, family=0x11, command=0x21, length=None):
    """A header of version 2, by the specification's table and nothing of the product's."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(body) if length is None else length) + body


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


GOOD = {
    "tcp4": (b"PROXY TCP4 203.0.113.9 192.0.2.1 50312 443\r\n", "203.0.113.9:50312"),
    "tcp6": (b"PROXY TCP6 2001:db8::9 2001:DB8::1 0 65535\r\n", "[2001:db8::9]:0"),
    "dressed": (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n", "203.0.113.9:1"),
    "unknown": (b"PROXY UNKNOWN\r\n", ""),
    "unknown-with-rest": (b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", ""),
    "v2-tcp4": (binary(), "203.0.113.9:50312"),
    "v2-tcp6": (binary(V6, 0x21), "[2001:db8::9]:50312"),
    "v2-unix": (binary(bytes(216), 0x31), ""),
    "v2-unspecified": (binary(b"", 0x00), ""),
    "v2-local": (binary(b"", 0x00, 0x20), ""),
    "v2-local-with-anything": (binary(b"\xff" * 40, 0x99, 0x20), ""),
    "v2-tlvs": (binary(V4 + tlv(0x01, b"h2") + tlv(0x04, b"") + tlv(0x05, b"x" * 128)), "203.0.113.9:50312"),
    "v2-longest": (binary(V4 + tlv(0x04, bytes(SIZE_LIMIT - 16 - 12 - 3))), "203.0.113.9:50312"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_header_is_read_whole_and_what_is_behind_it_is_left(name):
    data, source = GOOD[name]
    assert read_proxy_header(data) == (len(data), source)
    assert read_proxy_header(data + b"GET / HTTP/1.1\r\n") == (len(data), source)


@pytest.mark.parametrize("name", GOOD)
def test_every_beginning_of_it_asks_for_more(name):
    data, _ = GOOD[name]
    assert [read_proxy_header(data[:end]) for end in range(len(data))] == [None] * len(data)


BAD = {
    "http": b"GET / HTTP/1.1\r\n",
    "empty line": b"\r\n\r\nGET",
    "tls": b"\x16\x03\x01",
    "lower case": b"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
    "no family": b"PROXY \r\n",
    "no space": b"PROXY\r\n",
    "other family": b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
    "family of the other": b"PROXY TCP4 2001:db8::9 2001:db8::1 1 2\r\n",
    "other of the family": b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
    "bad source": b"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n",
    "leading zero": b"PROXY TCP4 1.1.1.01 2.2.2.2 1 2\r\n",
    "bad destination": b"PROXY TCP4 1.1.1.1 nowhere 1 2\r\n",
    "zone": b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    "port too high": b"PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n",
    "port with sign": b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
    "port with zero": b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
    "port missing": b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
    "destination port": b"PROXY TCP4 1.1.1.1 2.2.2.2 1 x\r\n",
    "two spaces": b"PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
    "something behind": b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
    "no ascii": b"PROXY TCP4 1.1.1.\xb9 2.2.2.2 1 2\r\n",
    "bare line feed": b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n" + b"x" * 80,
    "line too long": b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n",
    "line without end": b"PROXY " + b"f" * (LINE_LIMIT - 6),
    "v2 of version 1": binary(command=0x11),
    "v2 unknown command": binary(command=0x22),
    "v2 datagrams": binary(family=0x12),
    "v2 unknown family": binary(family=0x41),
    "v2 addresses cut": binary(V4[:-1]),
    "v2 family without addresses": binary(V4, 0x21),
    "v2 too long": binary(length=SIZE_LIMIT - 16 + 1, body=b""),
    "v2 longest there is": binary(length=65535, body=b""),
    "v2 tlv cut": binary(V4 + b"\x01\x00"),
    "v2 tlv too long": binary(V4 + b"\x01\x00\x05abcd"),
}


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused(name):
    with pytest.raises(ProxyHeaderError):
        read_proxy_header(BAD[name])


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_as_soon_as_it_can_be_known_and_never_read_as_good(name):
    answers = []
    for end in range(len(BAD[name])):
        try:
            answers.append(read_proxy_header(BAD[name][:end]))
        except ProxyHeaderError:
            break
    assert set(answers) <= {None}


@given(
    some.binary(max_size=600)
    | some.binary(max_size=110).map(lambda rest: b"PROXY " + rest + b"\r\n")
    | some.binary(max_size=600).map(lambda rest: SIGNATURE + rest)
    | some.builds(binary, some.binary(max_size=300), some.integers(0, 255), some.integers(0, 255))
)
def test_whatever_comes_is_a_header_or_the_beginning_of_one_or_refused(data):
    try:
        header = read_proxy_header(data)
    except ProxyHeaderError:
        return
    assert len(data) < SIZE_LIMIT if header is None else 0 < header.size <= len(data)
    if header is not None and header.source:
        host, _, port = header.source.rpartition(":")
        ip_address(host.strip("[]"))
        assert 0 <= int(port) <= 65535
