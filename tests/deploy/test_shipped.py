"""The shipped files are good, and their numbers fit those of wsserver."""

import re
import textwrap

import pytest

from tests.deploy.shipped import DEPLOY, haproxy_cfg, haproxy_tcp_cfg, nginx_conf, replace, shipped
from tests.engines.haproxy import HAProxy
from tests.engines.nginx import Nginx
from wsserver.config import Config, load

DEFAULTS = Config()


@pytest.fixture
def judge(certificate):
    """Let a balancer judge what `write` makes of its shipped file."""

    def judge_one(make, write):
        one = make(lambda folder: write(folder, one.port, (1001, 1002), certificate))
        try:
            one.own(one.folder)
            one.prepare()
            return one.check()
        finally:
            one.stop()

    return judge_one


@pytest.mark.parametrize(("make", "write"), [(Nginx, nginx_conf), (HAProxy, haproxy_cfg), (HAProxy, haproxy_tcp_cfg)])
def test_the_program_finds_no_fault_in_it_and_warns_of_nothing(judge, make, write):
    good, said = judge(make, write)
    assert good, said
    assert not re.search(r"\b(warn|warning|alert|emerg)\b", said, re.IGNORECASE), said


def test_what_is_to_be_replaced_has_to_be_there():
    with pytest.raises(AssertionError, match="no such line"):
        replace("text", {"no such line": ""})


@pytest.mark.parametrize("name", ["nginx.conf", "haproxy.cfg", "haproxy-tcp.cfg"])
def test_no_timeout_of_a_connection_is_below_the_heartbeat(name):
    found = re.findall(
        r"^\s*(?:timeout (?:client|server|tunnel)|proxy_(?:read|send)_timeout) +(\d+)s", shipped(name), re.M
    )
    assert len(found) >= 2
    assert min(map(int, found)) > DEFAULTS.websocket.ping_interval + DEFAULTS.websocket.pong_timeout


def test_connections_to_the_nodes_are_given_up_before_the_nodes_do():
    settings = dict(re.findall(r"^\s*(keepalive_\w+) (\d+)s?;", shipped("nginx.conf"), re.M))
    assert int(settings["keepalive_timeout"]) < DEFAULTS.server.keepalive_timeout
    assert int(settings["keepalive_requests"]) < DEFAULTS.server.keepalive_requests
    delays = re.findall(r"pool-purge-delay (\d+)s", shipped("haproxy.cfg"))
    assert delays
    assert max(map(int, delays)) < DEFAULTS.server.keepalive_timeout


def test_what_the_readme_links_to_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", shipped("README.md"))
    assert len(links) >= 4
    assert [link for link in links if not (DEPLOY / link).exists()] == []


def test_the_configuration_of_a_node_is_good(tmp_path):
    [block] = re.findall(r"```toml\n(.*?)```", shipped("README.md"), re.DOTALL)
    file = tmp_path / "wsserver.toml"
    file.write_text(textwrap.dedent(block))
    config = load(str(file))
    assert (config.server.trusted_proxies, config.server.hosts) == (("10.0.0.5",), ("chat.example",))
