import pytest

from wsserver.http.errors import RequestError
from wsserver.http.hosts import require_host, split_host


@pytest.mark.parametrize(
    ("host", "split"),
    [
        ("a.example", ("a.example", None)),
        ("A.Example:8080", ("a.example", 8080)),
        ("a.example.:80", ("a.example", 80)),
        ("a.example:", ("a.example", None)),
        ("a_b-c.example", ("a_b-c.example", None)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("[::1]", ("[::1]", None)),
        ("[0:0:0:0:0:0:0:1]:80", ("[::1]", 80)),
        ("[2001:DB8::1]:80", ("[2001:db8::1]", 80)),
        (".", (".", None)),
    ],
)
def test_host_is_split_and_written_in_one_way(host, split):
    assert split_host(host) == split


@pytest.mark.parametrize(
    "host",
    ["", ":80", "a b", "a/b", "a?b", "a#b", "a@b", "a,b", "a:b", "a:80:80", "a:65536", "a:+80", "a:٨٠", "a:123456",
     "::1", "[::1", "[]", "[1:2]", "[::1]80", "[127.0.0.1]", "[fe80::1%25eth0]", "a%2e", "é", "a\\b", "a'b", "a" * 256,
     "a..", "a..b"],
)  # fmt: skip
def test_what_is_no_host_is_none(host):
    assert split_host(host) is None


@pytest.mark.parametrize(
    ("hosts", "minor_version"), [((), 1), (("a", "a"), 1), (("a", "b"), 0), (("a b",), 1), (("",), 0)]
)
def test_wrong_host_headers_are_refused(hosts, minor_version):
    with pytest.raises(RequestError) as caught:
        require_host(hosts, minor_version)
    assert caught.value.status == 400


def test_right_host_headers_pass():
    assert require_host(("a",), 1) is require_host((), 0) is None
