"""What `--broker` may say."""

import pytest

from wsserver.brokers.address import LOCAL, REDIS, Address, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("local:", Address(LOCAL)),
        ("redis://localhost", Address(REDIS, host="localhost")),
        ("redis://10.0.0.1:7000/3", Address(REDIS, host="10.0.0.1", port=7000, database=3)),
        ("redis://[::1]:7000/", Address(REDIS, host="::1", port=7000)),
        ("redis://:se%40cret@h", Address(REDIS, host="h", password="se@cret")),
        ("rediss://ann:pw@h/1?prefix=x", Address(REDIS, "h", 6379, "", True, "ann", "pw", 1, "x")),
        ("redis+unix:/run/redis.sock?db=2", Address(REDIS, path="/run/redis.sock", database=2)),
        ("unix:///run/redis.sock", Address(REDIS, path="/run/redis.sock")),
    ],
)  # fmt: skip
def test_each_kind_of_address_is_understood(url, address):
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "redis:", "redis://", "http://h", "local:x", "redis://h:port", "redis://h:99999", "redis://h/x"),
        *("redis://h/-1", "redis://h/123456", "redis://h?prefix=", "redis://h?prefix=a{b", "redis://h?colour=red"),
        *("redis+unix:run/redis.sock", "redis://h#f", "redis://h?prefix=" + "x" * 65),
    ],
)
def test_anything_else_is_refused(url):
    with pytest.raises(ValueError, match=r"expected|prefix|database"):
        parse_address(url)


def test_no_sentence_and_no_place_holds_the_password():
    for url in ("redis://ann:hunter2@h:port", "rediss://ann:hunter2@h/x", "redis://ann:hunter2@h?colour=x"):
        with pytest.raises(ValueError) as caught:
            parse_address(url)
        assert "hunter2" not in str(caught.value)
    assert parse_address("redis://ann:hunter2@[::1]/3").where == "[::1]:6379"
    assert parse_address("unix:/run/r.sock").where == "unix:/run/r.sock"
    assert parse_address("local:").where == "local:"
