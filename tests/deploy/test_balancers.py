"""What people do, through each of the shipped configurations, with two real nodes behind it."""

import json
import os
import time

import pytest
import websocket

from tests.deploy.balanced import CLIENT
from wsserver.clients.visit import BEAT_S

SMALL, LARGE = 4 * 1024, 64 * 1024


INSIDE = pytest.mark.parametrize("site", ["nginx", "haproxy"], indirect=True)
"""Those that look into requests; for the other one all of our clients are one address, and all paths one connection."""


@pytest.fixture
def keep():
    """Close clients behind the test: keep(site.talk())."""
    kept = []

    def keep_one(client):
        kept.append(getattr(client, "socket", client))
        return client

    yield keep_one
    for sock in kept:
        sock.shutdown()


def test_the_page_comes_and_is_not_sent_again_to_who_has_it(site):
    status, headers, body = site.get("/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"</html>" in body
    assert site.get("/", If_None_Match=headers["etag"])[0] == 304


@pytest.mark.parametrize("size", [1, SMALL, LARGE])
def test_an_echo_comes_back_byte_for_byte(site, keep, size):
    sock = keep(site.echo())
    payload = os.urandom(size)
    for _ in range(3):
        sock.send_binary(payload)
        assert sock.recv() == payload


def test_people_of_one_node_chat(site, keep):
    cookie = site.cookie()
    ann, bob = keep(site.talk(cookie)), keep(site.talk(cookie))
    ann.join("balanced", "ann")
    bob.join("balanced", "bob")
    for text in ("hello", "é" * SMALL):
        ann.say("message", channel="balanced", text=text)
        assert bob.hear("message")["text"] == text


def test_events_arrive_while_their_stream_is_open(site, keep):
    cookie = site.cookie()
    ann = keep(site.talk(cookie))
    ann.join("streamed", "ann")
    with site.ask("/events?channel=streamed", **({"Cookie": cookie} if cookie else {})) as answer:
        assert answer.status == 200
        for number in range(3):
            ann.say("message", channel="streamed", text=f"number {number}")
            while not (line := answer.readline()).startswith(b"data:"):
                assert line, "the stream has ended"
            assert json.loads(line[5:])["text"] == f"number {number}"


def test_who_leaves_a_stream_of_events_is_gone_for_its_node_at_once(site):
    def readers():
        found = [entry for node in site.nodes for entry in site.connections(node, "CREATED")]
        return [entry for entry in found if entry["address"].startswith(CLIENT)]

    with site.ask("/events?channel=left") as answer:
        assert answer.status == 200
        assert len(readers()) == 1
    until = time.monotonic() + BEAT_S / 2  # what is only noticed when something is to be said takes twice as long
    while readers():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_nodes_see_where_a_client_really_is_and_nothing_it_says_about_that(site, keep):
    header = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6.6.6.6"}
    talker = keep(site.talk(header=header))
    answer = talker.ask("request", method="whoami")
    assert answer["result"]["address"].rpartition(":")[0] == CLIENT


def test_a_client_stays_with_its_node(site, keep):
    cookie = site.cookie()
    before = [len(site.connections(node)) for node in site.nodes]
    for _ in range(6):
        keep(site.talk(cookie))
    grown = [len(site.connections(node)) - count for node, count in zip(site.nodes, before, strict=True)]
    assert sorted(grown) == [0, 6]


@INSIDE
def test_different_clients_come_to_both_nodes(site, keep):
    for _ in range(24):
        keep(site.talk(site.cookie()))
    assert all(site.connections(node) for node in site.nodes)


def test_a_silent_client_stays_as_long_as_its_pings_are_answered(site, keep):
    sock = keep(site.echo())
    pings = 0
    while pings < 6:  # in 3 s; a balancer would have hung up after 2
        opcode, _ = sock.recv_data(control_frame=True)
        assert opcode == websocket.ABNF.OPCODE_PING
        pings += 1
    sock.send("still here")
    while (answer := sock.recv_data(control_frame=True))[0] != websocket.ABNF.OPCODE_TEXT:
        assert answer[0] == websocket.ABNF.OPCODE_PING
    assert answer[1] == b"still here"


def test_a_page_of_another_site_may_not_connect(site):
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        site.talk(origin="https://evil.example")
    assert caught.value.status_code == 403


@INSIDE
@pytest.mark.parametrize("path", ["/metrics", "/inspect", "/api/connections", "/api", "/%61pi/channels", "/metric%73"])
def test_what_is_not_for_everybody_is_not_there(site, path):
    assert site.get(path, Authorization=f"Bearer {'k' * 32}")[0] == 404
