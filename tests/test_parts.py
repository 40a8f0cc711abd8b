"""What the settings come to: how many clients, which tokens."""

import sys

import pytest

from tests.test_server import config
from wsserver import parts
from wsserver.access.tokens import mint
from wsserver.chat.authority import BadToken, Grant
from wsserver.config import ConfigError
from wsserver.parts import SPARE_FDS
from wsserver.reactor.world import World

SECRET = "0123456789abcdef0123456789abcdef"


def test_connections_are_as_many_as_configured_or_as_there_are_file_descriptors_for(monkeypatch):
    def connections(fd_limit, *assignments):
        return parts.connections(config(*assignments), fd_limit)

    assert connections(5000) == 5000 - SPARE_FDS
    assert connections(5000, "limits.connections=11") == 11
    assert connections(1000, "limits.connections=4000") == 1000 - SPARE_FDS
    assert connections(256) == 176
    assert connections(64) == 32
    assert connections(10) == 1
    assert connections(5000, "server.poller=select") == 1024 - SPARE_FDS


def judge_of(*assignments):
    return parts.authority(config("auth.mode=token", *assignments), World())


def test_in_open_mode_nobody_judges_tokens():
    assert parts.authority(config(f"auth.secret={SECRET}"), World()) is None


def test_a_secret_and_an_audience_are_what_tokens_are_judged_by():
    judge = judge_of(f"auth.secret={SECRET}", "auth.audience=here").judge
    token = mint(SECRET, "ann", 2**40, ["lobby"], "here")
    assert judge(token, "192.0.2.1:1") == Grant("ann", 2**40 * 1000, ("lobby",))
    with pytest.raises(BadToken):
        judge(mint(SECRET, "ann", 2**40), "192.0.2.1:1")


def test_how_many_bad_tokens_an_address_may_show_is_a_setting():
    judge = judge_of(f"auth.secret={SECRET}", "auth.bad_tokens=1").judge
    for code in (4501, 4029):
        with pytest.raises(BadToken) as caught:
            judge("bad", "192.0.2.1:1")
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("assignments", "told"),
    [
        ((), "no key is set"),
        (("auth.public_key=/nowhere/key.pem",), "'auth.public_key' cannot be read"),
        ((f"auth.public_key={__file__}",), "'auth.public_key' is not a public key in PEM"),
    ],
)
def test_a_key_that_cannot_be_relied_on_is_told_with_its_setting(assignments, told):
    with pytest.raises(ConfigError, match=told):
        judge_of(*assignments)


def test_without_the_library_token_mode_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jwt", None)
    monkeypatch.delitem(sys.modules, "wsserver.access.tokens", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'wsserver\[auth\]'"):
        judge_of(f"auth.secret={SECRET}")


def test_nobody_is_believed_where_a_client_comes_from_unless_they_are_named():
    assert parts.proxies(config()) is None
    proxies = parts.proxies(config("server.trusted_proxies=10.0.0.0/8", "server.proxy_protocol=true"))
    assert proxies.trusts("10.0.0.1:5000")
    assert not proxies.trusts("192.0.2.1:5000")
    assert proxies.wants_preface("10.0.0.1:5000")
