import pytest

from tests.http.reading import request
from wsserver.access.origins import OriginRule
from wsserver.http.errors import RequestError
from wsserver.http.request import Request


def allows_host(rule: OriginRule, host: str) -> bool:
    return passes(rule.check_host, request(Host=host), 421)


def allows_origin(rule: OriginRule, origin: str | list[str], host: str = "a.example") -> bool:
    return passes(rule.check_origin, request(Host=host, Origin=origin), 403)


def passes(check, asked: Request, status: int) -> bool:
    try:
        check(asked)
    except RequestError as error:
        assert error.status == status
        return False
    return True


LOOPBACK = OriginRule([], [], "127.0.0.1", 8080)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "localhost.", "[::1]:8080", "[0:0::1]", "127.0.0.1:9"]
)
@pytest.mark.parametrize("bound_host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_loopback_server_goes_by_the_loopback_names_whatever_the_port(bound_host, host):
    assert allows_host(OriginRule([], [], bound_host, 8080), host)


@pytest.mark.parametrize(
    "host",
    ["a.example", "localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example", "127.0.0.2", "10.0.0.1",
     "127.1", "0x7f.1", "2130706433", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"],
)  # fmt: skip
def test_name_that_a_stranger_points_at_us_is_not_ours(host):
    assert not allows_host(LOOPBACK, host)


def test_visitor_by_another_name_is_told_one_that_works():
    with pytest.raises(RequestError, match="http://localhost:8080/"):
        LOOPBACK.check_host(request(Host="mybox"))


def test_own_loopback_address_is_one_of_the_names():
    assert allows_host(OriginRule([], [], "127.0.0.2", 1), "127.0.0.2")


def test_public_server_goes_by_the_address_it_is_bound_to():
    rule = OriginRule([], [], "192.0.2.7", 80)
    assert allows_host(rule, "192.0.2.7:80")
    assert not allows_host(rule, "localhost")
    assert not allows_host(rule, "192.0.2.8")
    rule = OriginRule([], [], "2001:DB8::7", 80)
    assert allows_host(rule, "[2001:db8:0::7]")
    rule = OriginRule([], [], "Chat.Example", 80)
    assert allows_host(rule, "chat.example:1")


@pytest.mark.parametrize("bound_host", ["0.0.0.0", "::", ""])
def test_server_on_every_address_goes_by_any_address_but_by_no_name(bound_host):
    rule = OriginRule([], [], bound_host, 80)
    for host in ("192.0.2.7", "[2001:db8::7]:80", "127.0.0.1", "localhost"):
        assert allows_host(rule, host)
    for host in ("a.example", "192.0.2.7.a.example", "192.0.2"):
        assert not allows_host(rule, host)


def test_listed_names_are_in_the_place_of_the_default():
    rule = OriginRule([], ["Chat.example", "[::1]", "2001:db8::7"], "127.0.0.1", 8080)
    for host in ("chat.example", "CHAT.EXAMPLE.:443", "[::1]:1", "[2001:db8::7]"):
        assert allows_host(rule, host)
    for host in ("localhost", "127.0.0.1", "x.chat.example", "chat.example.x", "chat_example"):
        assert not allows_host(rule, host)


def test_listed_names_are_in_the_place_of_any_address_too():
    assert not allows_host(OriginRule([], ["chat.example"], "0.0.0.0", 80), "192.0.2.7")


def test_listed_names_are_not_told_to_strangers():
    with pytest.raises(RequestError) as caught:
        OriginRule([], ["inner.example"], "127.0.0.1", 8080).check_host(request(Host="x"))
    assert "inner" not in caught.value.detail
    assert "8080" not in caught.value.detail


def test_asterisk_is_any_name():
    assert allows_host(OriginRule([], ["*"], "127.0.0.1", 80), "whatever.example")


def test_unix_socket_goes_by_localhost_and_by_what_is_listed():
    assert allows_host(OriginRule([], [], None, 0), "localhost")
    assert not allows_host(OriginRule([], [], None, 0), "a.example")
    rule = OriginRule([], ["a.example"], None, 0)
    assert allows_host(rule, "localhost")
    assert allows_host(rule, "a.example")


def test_old_client_without_host_passes():
    LOOPBACK.check_host(request(minor_version=0, Host=[]))
    with pytest.raises(RequestError):
        LOOPBACK.check_host(request(minor_version=0, Host="a.example"))


def test_client_that_is_no_browser_has_no_origin_and_passes():
    assert passes(LOOPBACK.check_origin, request(), 403)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://a.example", "a.example"),
        ("https://a.example", "a.example"),
        ("http://a.example", "A.Example:80"),
        ("http://a.example:80", "a.example"),
        ("https://a.example", "a.example:443"),
        ("http://a.example:8080", "a.example:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_page_of_ours_may_connect(origin, host):
    assert allows_origin(LOOPBACK, origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://b.example",
        "http://a.example:81",
        "https://a.example:80",
        "http://a.example.evil.com",
        "http://evila.example",
        "http://x.a.example",
        "http://a.exampl",
        "http://a.example@evil.com",
        "http://evil.com/a.example",
        "http://a.example/",
        "http://a.example?",
        "http://a.example, http://a.example",
        "http://a.example http://a.example",
        "ws://a.example",
        "ftp://a.example",
        "file://",
        "chrome-extension://a.example",
        "//a.example",
        "a.example",
        "HTTP://a.example",
        "http://a.example:0",
        "http://a.example:080x",
        "http://*",
        "*",
    ],
)
def test_any_other_page_may_not(origin):
    assert not allows_origin(LOOPBACK, origin)


def test_two_origins_are_none():
    assert not allows_origin(LOOPBACK, ["http://a.example", "http://a.example"])
    rule = OriginRule(["http://a.example", "http://a.example, http://a.example"], [], "127.0.0.1", 80)
    assert not allows_origin(rule, ["http://a.example", "http://a.example"])


def test_listed_origin_may_connect_exactly_as_listed():
    rule = OriginRule(["https://good.example", "https://other.example:444"], [], "127.0.0.1", 80)
    assert allows_origin(rule, "https://good.example")
    assert allows_origin(rule, "https://other.example:444")
    for origin in (
        "http://good.example",
        "https://good.example:444",
        "https://other.example",
        "https://x.good.example",
    ):
        assert not allows_origin(rule, origin)


def test_asterisk_is_no_origin():
    assert not allows_origin(OriginRule(["*"], ["*"], "127.0.0.1", 80), "https://b.example")


def test_null_is_refused_even_when_listed():
    assert not allows_origin(OriginRule(["null"], [], "127.0.0.1", 80), "null")


def test_page_is_not_ours_when_nobody_says_who_we_are():
    asked = request(minor_version=0, Host=[], Origin="http://a.example")
    assert not passes(LOOPBACK.check_origin, asked, 403)


def test_host_that_passed_once_passes_again_and_no_number_of_them_is_remembered():
    rule = OriginRule((), (), "127.0.0.1", 8080)
    for port in (*range(1, 300), 1):
        rule.check_host(request(Host=f"localhost:{port}"))
    assert len(rule._passed) <= 64
    for _ in range(2):
        with pytest.raises(RequestError, match="421"):
            rule.check_host(request(Host="evil.example:1"))
