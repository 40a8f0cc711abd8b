"""Clients that were handed over, over real sockets: what held before holds over there, and what can go wrong there."""

import pytest

from tests.clients.handing import GO, MOVED, towns
from tests.clients.rig import close_payload, decode_frames
from tests.websocket.frames_by_hand import frame
from wsserver.clients.states import State
from wsserver.drain import Drain
from wsserver.websocket.codes import CLOSE, CONTINUATION, HEARTBEAT_MISSED, PING, PONG, RATE_LIMITED, TEXT

WHOLE = frame(TEXT, GO)


@pytest.fixture
def make_town():
    with towns() as make:
        yield make


@pytest.fixture
def town(make_town):
    return make_town()


def test_a_silent_one_is_pinged_over_there_and_closed_when_it_does_not_answer(make_town):
    town = make_town(ping_interval_s=25.0, pong_timeout_s=20.0)
    peer, _ = town.go()
    peer.frames()
    town.jump(24)
    assert peer.frames() == []
    town.jump(1.5)
    assert peer.frames() == [(PING, b"")]
    town.jump(20.2)
    assert peer.frames() == [(CLOSE, close_payload(HEARTBEAT_MISSED, "heartbeat missed"))]
    assert town.here.router.kinds() == ["open", "message"]


def test_one_that_was_pinged_here_and_answers_over_there_is_alive(make_town):
    town = make_town(ping_interval_s=25.0, pong_timeout_s=20.0)
    peer = town.here.open()
    town.jump(26)
    assert peer.frames() == [(PING, b"")]
    peer.send(WHOLE)
    town.turn()
    peer.send_frame(PONG, b"")
    town.turn()
    assert peer.frames() == [MOVED]
    town.jump(24)
    assert peer.frames() == []
    assert town.arrival().state is State.OPEN


def test_the_rate_holds_over_there(make_town):
    town = make_town(rate=10.0)
    peer, _ = town.go()
    for _ in range(30):
        peer.send_frame(TEXT, b"n")
    town.turn()
    kinds = town.there.router.kinds()
    assert kinds.count("message") == 1 + 20
    assert kinds.count("limited") == 10
    for _ in range(110):
        town.jump(0.1)
        peer.send(frame(TEXT, b"n") * 3)
    town.turn()
    assert decode_frames(peer.received())[-1] == (CLOSE, close_payload(RATE_LIMITED, "too many messages for too long"))


def test_limits_of_messages_hold_over_there(make_town):
    town = make_town(max_message=1000)
    peer, _ = town.go()
    peer.send_frame(TEXT, b"x" * 1000)
    town.turn()
    peer.send(frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 600))
    town.turn()
    assert [opcode for opcode, _ in peer.frames()] == [TEXT, TEXT, CLOSE]


def test_one_that_stalls_in_the_middle_of_a_message_over_there_is_closed(town):
    peer, _ = town.go()
    peer.send(frame(TEXT, b"never whole")[:5])
    town.turn()
    peer.frames()
    town.jump(31)
    assert [opcode for opcode, _ in peer.frames()][-1] == CLOSE


# -- what can go wrong over there -------------------------------------------------------------------------------------


def test_a_router_that_fails_over_there_costs_that_client_alone(town):
    def fail(*_):
        raise LookupError("a mistake of ours")

    town.there.router.on_take_over = fail
    peer = town.here.open()
    peer.send_frame(TEXT, GO)
    town.turn()
    assert peer.frames() == [(CLOSE, close_payload(1011, "internal error"))]
    assert [type(error) for error in town.there.errors] == [LookupError]
    town.there.errors.clear()
    peer.hang_up()
    town.turn()
    assert town.is_left_by_all(town.there)


def test_one_that_cannot_be_watched_over_there_is_closed_and_not_counted(town, monkeypatch):
    watch = town.there.reactor.watch

    def refuse(fd, interest, handler):
        raise OSError(28, "no room for another watch")

    peer = town.here.open()
    monkeypatch.setattr(town.there.reactor, "watch", refuse)
    peer.send_frame(TEXT, GO)
    town.turn()
    monkeypatch.setattr(town.there.reactor, "watch", watch)
    assert peer.ended
    assert town.is_left_by_all(town.there)
    assert len(town.there.errors) == 1
    town.there.errors.clear()


def test_what_cannot_be_understood_over_there_is_reported_and_the_next_one_is_taken(town):
    send_away = town.here.registry.house.send_away
    elsewhere = (b"/talk", b"/walk")
    town.here.registry.house.send_away = lambda worker, fd, data: send_away(worker, fd, data.replace(*elsewhere))
    lost = town.here.open()
    lost.send_frame(TEXT, GO)
    town.turn()
    assert lost.ended
    assert [type(error) for error in town.there.errors] == [KeyError]
    town.there.errors.clear()
    town.here.registry.house.send_away = send_away
    peer = town.here.open()
    peer.send_frame(TEXT, GO)
    town.turn()
    assert peer.frames() == [MOVED]


def test_who_is_handed_over_while_we_drain_is_told_the_same_as_all(town):
    done = []
    keeper = town.there.open()
    Drain(town.there.reactor, town.there.registry, 10.0, done.append).start()
    peer = town.here.open()
    peer.send_frame(TEXT, GO)
    town.turn()
    assert "drain" in town.there.router.kinds()[-2:]
    town.jump(0.1)
    assert peer.frames() == [MOVED, (CLOSE, close_payload(1012, "server restarts"))]
    assert done == []
    keeper.hang_up()
    peer.hang_up()
    town.turn()
    assert done == [True]
