"""A node goes, asked to or not, and nobody who comes is told so by an error."""

import json
import signal
import time

import pytest
import websocket

from tests.deploy.conftest import BALANCERS
from tests.engines.private import PATIENCE_S

INSIDE = BALANCERS[:2]


def visit(site, cookie):
    """Do what a browser does that comes back: the page, its events, the chat. Return what it was answered."""
    headers = {"Cookie": cookie} if cookie else {}
    page, _, _ = site.get("/", **headers)
    with site.ask("/events?channel=lobby", **headers) as events:
        stream = events.status
    talker = site.talk(cookie)
    try:
        return page, stream, talker.join("lobby", "ann")["type"]
    finally:
        talker.socket.shutdown()


WELCOME = (200, 200, "joined")


def settle(site):
    """Open ten chats; return the node that has the more of them, its clients, and the others', each with its cookie."""
    talkers = []
    for number in range(10):
        cookie = site.cookie()
        before = [len(site.connections(node)) for node in site.nodes]
        talker = site.talk(cookie)
        after = [len(site.connections(node)) for node in site.nodes]
        talker.join("lobby", f"user-{number}")
        talkers.append((site.nodes[after[1] - before[1]], talker, cookie))
    node = max(site.nodes, key=lambda node: sum(entry[0] is node for entry in talkers))
    mine = [entry[1:] for entry in talkers if entry[0] is node]
    return node, mine, [entry[1:] for entry in talkers if entry[0] is not node]


def last_words(talker):
    """Return whether a node that is gone has said goaway, and the code of its Close."""
    heard = list(talker.kept)
    while (frame := talker.socket.recv_frame()).opcode != websocket.ABNF.OPCODE_CLOSE:
        if frame.opcode == websocket.ABNF.OPCODE_TEXT:
            heard.append(json.loads(frame.data))
    return "goaway" in [event["type"] for event in heard], int.from_bytes(frame.data[:2], "big")


@pytest.mark.parametrize("kind", INSIDE)
def test_while_a_node_shuts_down_everybody_is_served_by_the_other(make_site, kind):
    site = make_site(kind, **{"server.drain": "1500ms", "websocket.close_timeout": "1s"})
    node, sent_away, others = settle(site)
    node.signal(signal.SIGTERM)
    answers = []
    while node.process.poll() is None:
        answers += [visit(site, sent_away[0][1]), visit(site, None)]
    assert node.wait() == 0
    answers += [visit(site, cookie) for _, cookie in sent_away]
    assert set(answers) == {WELCOME}
    for talker, _ in sent_away:
        assert last_words(talker) == (True, 1012)
    for talker, _ in others:
        talker.ask("ping")


@pytest.mark.parametrize("kind", BALANCERS)
def test_when_a_node_dies_whoever_comes_next_is_served_by_the_other(make_site, kind):
    site = make_site(kind)
    node, lost, _ = settle(site)
    node.process.kill()
    node.wait()
    assert {visit(site, cookie) for _, cookie in lost * 3} == {WELCOME}
    for talker, _ in lost:
        with pytest.raises((websocket.WebSocketConnectionClosedException, OSError)):
            talker.ask("ping")


def test_a_balancer_that_looks_into_nothing_learns_of_it_by_its_check(make_site):
    site = make_site("haproxy-tcp", **{"server.drain": "5s"})
    node, _, _ = settle(site)
    node.signal(signal.SIGTERM)
    refused = 0
    while True:
        try:
            answer = visit(site, None)
        except websocket.WebSocketBadStatusException as error:
            assert error.status_code == 503
        else:
            if answer == WELCOME:
                break
        refused += 1
    assert node.process.poll() is None, f"it was not noticed while the node was there; refused {refused}"


@pytest.mark.parametrize("kind", INSIDE)
def test_a_client_that_is_refused_too_often_does_not_take_the_nodes_away_from_others(make_site, kind):
    site = make_site(kind, **{"limits.connections_per_ip": "1"})
    cookie = site.cookie()
    first = site.talk(cookie)
    for _ in range(20):
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            site.talk(cookie)
        assert caught.value.status_code == 429
    assert {site.get("/", Cookie=some)[0] for some in (cookie, site.cookie())} == {200}
    first.ask("ping")


def wait_until_noticed(site, nodes):
    """Wait until HAProxy has found so many nodes to be down."""
    until = time.monotonic() + PATIENCE_S
    while site.balancer.log.count(" is DOWN") < nodes:
        assert time.monotonic() < until, site.balancer.log
        time.sleep(0.02)


@pytest.mark.parametrize("kind", BALANCERS[1:])
def test_a_node_that_hangs_is_found_by_its_check_and_whoever_is_there_stays(make_site, kind):
    site = make_site(kind)
    node, mine, _ = settle(site)
    node.signal(signal.SIGSTOP)
    try:
        wait_until_noticed(site, 1)
        assert {visit(site, cookie) for _, cookie in [*mine, (None, None)]} == {WELCOME}
    finally:
        node.signal(signal.SIGCONT)
    for talker, _ in mine:
        talker.ask("ping")


@pytest.mark.parametrize("kind", BALANCERS[1:])
def test_nodes_that_all_say_they_are_not_ready_are_better_than_none(make_site, kind):
    site = make_site(kind, **{"server.hosts": "127.0.0.1"})  # so that the checks, which ask for another, are refused
    wait_until_noticed(site, 2)
    assert site.get("/", Host="127.0.0.1")[0] == 200
    assert site.talk(host="127.0.0.1", origin="http://127.0.0.1").join("lobby", "ann")["users"] == ["ann"]
