import pytest

from wsserver.bench.address import Target, is_loopback, look_up, parse_url
from wsserver.bench.errors import UsageError
from wsserver.reactor.world import World


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("ws://127.0.0.1:8080/echo", Target("127.0.0.1", 8080, "/echo"), "127.0.0.1:8080"),
        ("ws://localhost", Target("localhost", 80, ""), "localhost"),
        ("ws://localhost:80/", Target("localhost", 80, ""), "localhost"),
        ("ws://[::1]:9/a?b=c", Target("::1", 9, "/a?b=c"), "[::1]:9"),
        ("ws://h?b=c", Target("h", 80, "/?b=c"), "h"),
    ],
)
def test_url_is_taken_apart(url, target, authority):
    assert parse_url(url) == target
    assert parse_url(url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:8080", "http://h/", "wss://h/", "ws://", "ws://h:x/", "ws://h:70000/", "ws://h/#f"),
        *("ws://u@h/", "ws://h/a b", "ws://h/\r\nX: y", "ws://h/ü", "ws://[::1/"),
    ],
)
def test_what_is_no_url_of_a_websocket_is_refused_in_one_sentence(url):
    with pytest.raises(UsageError) as caught:
        parse_url(url)
    assert str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        *((("127.0.0.1", 1), True), (("127.9.9.9", 1), True), (("::1", 1, 0, 0), True)),
        *((("0.0.0.0", 1), False), (("192.0.2.1", 1), False), (("fe80::1%lo", 1, 0, 0), False)),
    ],
)
def test_loopback_is_told_from_the_rest(address, loopback):
    assert is_loopback(address) is loopback


def test_another_machine_is_loaded_only_by_who_says_that_it_is_theirs():
    target = parse_url("ws://192.0.2.1:8080/echo")
    with pytest.raises(UsageError, match="--i-own-this-server"):
        look_up(World(), target, foreign=False)
    assert look_up(World(), target, foreign=True)[1] == ("192.0.2.1", 8080)


def test_a_host_that_is_nowhere_is_a_sentence(monkeypatch):
    def fail(self, host, port):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(World, "resolve_tcp", fail)
    with pytest.raises(UsageError, match=r"'nowhere' cannot be found"):
        look_up(World(), Target("nowhere", 80, ""), foreign=True)
