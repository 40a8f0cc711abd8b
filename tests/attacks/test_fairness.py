"""Whoever does much does not make others wait for it: everybody gets a turn of the same size, round after round.

How long an honest client waits is told in turns of the reactor and in the work that is done for others meanwhile, which
does not depend on the machine. On the clock of the wall it is measured by `make attacks` (`test_latency.py`).
"""

import pytest

from tests.attacks.catalogue import say
from tests.attacks.turning import Turning, frames, received, send
from tests.websocket.frames_by_hand import frame
from wsserver.reactor.poller import MAX_EVENTS
from wsserver.websocket.codes import BINARY, PING, TEXT
from wsserver.websocket.parser import FRAME_BATCH

FLOOD = frame(BINARY, b"x") * 9000
PINGS = frame(PING) * 20
SMALL = 4096


@pytest.fixture
def turning():
    one = Turning("limits.queue=16MiB")
    yield one
    assert one.errors == []
    one.close()


def flood(turning, attackers):
    """Each sends what it can and reads what there is."""
    for peer in attackers:
        received(peer)
        send(peer, FLOOD)


def ask(turning, honest, attackers, number):
    """Send an honest question amid the flood; return after how many turns its answer was there."""
    flood(turning, attackers)
    turning.turn()
    send(honest, frame(TEXT, b"question %d" % number))
    for turns in range(1, 100):
        flood(turning, attackers)
        turning.turn()
        if frames(honest) == [(TEXT, b"question %d" % number)]:
            return turns
    raise AssertionError("no answer")


def handled(turning):
    return {client: client.messages_in for client in turning.server.registry.clients}


@pytest.mark.parametrize("crowd", [1, 100])
def test_an_answer_is_there_in_the_same_turn_whoever_floods(turning, crowd):
    attackers = [turning.open("/echo") for _ in range(crowd)]
    honest = turning.open("/echo")
    for number in range(10):
        before = handled(turning)
        turns = ask(turning, honest, attackers, number)
        assert turns == 1
        work = [after - before[client] for client, after in handled(turning).items()]
        assert max(work) <= 2 * FRAME_BATCH, "somebody had more than one portion a turn"


def test_those_who_flood_get_equal_shares(turning):
    attackers = [turning.open("/echo") for _ in range(20)]
    for _ in range(30):
        flood(turning, attackers)
        turning.turn()
    shares = list(handled(turning).values())
    assert min(shares) >= max(shares) - 2 * FRAME_BATCH
    assert min(shares) > 10 * FRAME_BATCH


def test_slow_readers_and_floods_of_pings_cost_an_honest_client_no_turn(turning):
    slow = [turning.open("/echo", room=SMALL) for _ in range(200)]
    for peer in slow:
        send(peer, frame(BINARY, bytes(60_000)))
        send(peer, frame(BINARY, bytes(60_000)))
    turning.settle()
    pinging = [turning.open("/echo") for _ in range(50)]
    attackers = [turning.open("/echo")]
    honest = turning.open("/echo")
    for number in range(10):
        for peer in pinging:
            received(peer)
            send(peer, PINGS)
        assert ask(turning, honest, attackers, number) == 1


def test_more_clients_than_one_poll_reports_take_turns(turning):
    """A poll reports MAX_EVENTS sockets at most; whoever was left out is reported before the others come again."""
    crowd = [turning.open("/echo", room=SMALL) for _ in range(MAX_EVENTS + 50)]
    question = frame(TEXT, b"me too")
    for peer in crowd:
        send(peer, question * 100)
    for _ in range(2):
        turning.turn()
    assert all(client.messages_in > 0 for client in turning.server.registry.clients)
    assert sum(handled(turning).values()) <= 2 * MAX_EVENTS * FRAME_BATCH


def test_messages_to_a_crowd_do_not_hold_up_who_asks_something_else(turning):
    crowd = [turning.open("/chat") for _ in range(100)]
    for number, peer in enumerate(crowd):
        send(peer, say(type="join", channel="crowd", user=f"user-{number}"))
    turning.settle(*crowd)
    honest = turning.open("/echo")
    loud = crowd[0]
    for number in range(10):
        send(loud, say(type="message", channel="crowd", text="x") * 500)
        assert ask(turning, honest, [], number) == 1
        for peer in crowd:
            received(peer)
