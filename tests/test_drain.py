"""One shutdown, by the clock: who is told what, when they are closed, and when it is over."""

import pytest

from tests.clients.rig import House, close_payload, get, parse_answers, upgrade
from wsserver.clients.states import State
from wsserver.drain import CLOSED_BY, RECONNECT_WITHIN_S, TOLD_AT_ONCE, Drain
from wsserver.net.farewell import LINGER_S
from wsserver.websocket.codes import CLOSE, TEXT

DRAIN_S = 10.0


class Shutdown:
    """A house, and what its drain has said. `luck` is what every random draw gives: 0 the least, 1 the most."""

    def __init__(self, monkeypatch, luck=0.5, drain_s=DRAIN_S):
        self.house = House()
        self.results = []
        world = type(self.house.reactor.world)
        self.luck = luck
        monkeypatch.setattr(world, "uniform", lambda _world, low, high: low + (high - low) * self.luck)
        self.drain = Drain(self.house.reactor, self.house.registry, drain_s, self.results.append)

    def start(self):
        self.drain.start()
        self.house.turn()


@pytest.fixture
def shut_down(monkeypatch):
    shutdowns = []

    def make(**named):
        shutdowns.append(Shutdown(monkeypatch, **named))
        return shutdowns[-1]

    yield make
    for shutdown in shutdowns:
        shutdown.house.close()


def test_without_clients_it_is_over_at_once_and_said_once(shut_down):
    shutdown = shut_down()
    shutdown.start()
    assert shutdown.results == [True]
    shutdown.house.jump(1000)
    shutdown.drain.start()
    assert shutdown.results == [True]


def test_every_client_is_told_when_to_come_back_which_is_after_it_was_closed(shut_down):
    shutdown = shut_down()
    house = shutdown.house
    house.open()
    shutdown.start()
    delay_s = DRAIN_S * CLOSED_BY * 0.5
    assert house.router.heard == [("open",), ("drain", delay_s + 0.5 + (RECONNECT_WITHIN_S - 0.5) * 0.5)]


def test_each_is_told_a_moment_of_its_own(monkeypatch):
    house = House()
    drain = Drain(house.reactor, house.registry, DRAIN_S, lambda clean: None)
    for _ in range(20):
        house.open()
    drain.start()
    moments = [entry[1] for entry in house.router.heard if entry[0] == "drain"]
    assert len(set(moments)) > 10
    assert all(0.5 <= moment <= DRAIN_S + RECONNECT_WITHIN_S for moment in moments)
    house.close()


def test_a_client_talks_until_its_moment_and_is_then_closed_with_1012(shut_down):
    shutdown = shut_down()
    house = shutdown.house
    peer = house.open("/echo")
    shutdown.start()
    house.jump(DRAIN_S * CLOSED_BY * 0.5 - 0.1)
    peer.send_frame(TEXT, b"still here")
    assert peer.frames() == [(TEXT, b"still here")]
    house.jump(0.2)
    assert peer.frames() == [(CLOSE, close_payload(1012, "server restarts"))]
    assert shutdown.results == []


def test_it_is_over_when_the_last_socket_is_closed_and_not_before(shut_down):
    shutdown = shut_down(luck=0)
    house = shutdown.house
    first, second = house.open(), house.open()
    shutdown.start()
    house.turn(2)
    first.send_frame(CLOSE)
    first.hang_up()
    house.turn(2)
    assert shutdown.results == []
    second.send_frame(CLOSE)
    assert second.client.state is State.GONE
    house.turn(2)
    assert shutdown.results == []  # its last words linger
    second.hang_up()
    house.turn(2)
    assert shutdown.results == [True]


def test_clients_that_never_answer_do_not_hold_it_beyond_the_close_timeout(shut_down):
    shutdown = shut_down(luck=1)
    house = shutdown.house
    house.open()
    shutdown.start()
    close_timeout_s = house.registry.house.limits.close_timeout_s
    house.jump(DRAIN_S * CLOSED_BY)
    house.jump(close_timeout_s - 0.1)
    assert shutdown.results == []
    house.jump(DRAIN_S * (1 - CLOSED_BY) + 0.2)
    assert shutdown.results == [True]


def test_the_end_comes_at_its_limit_whoever_is_left(shut_down):
    shutdown = shut_down(luck=1)
    house = shutdown.house
    house.open()
    shutdown.start()
    house.reactor.world.time += DRAIN_S + house.registry.house.limits.close_timeout_s
    house.turn()
    assert shutdown.results == [True]


def test_a_second_start_ends_it_now_and_says_that_it_was_not_clean(shut_down):
    shutdown = shut_down()
    shutdown.house.open()
    shutdown.start()
    shutdown.drain.start()
    assert shutdown.results == [False]
    shutdown.house.jump(1000)
    assert shutdown.results == [False]


def test_no_time_to_drain_means_that_everybody_is_closed_at_once(shut_down):
    shutdown = shut_down(drain_s=0)
    house = shutdown.house
    peer = house.open()
    shutdown.start()
    house.turn(2)
    assert peer.frames() == [(CLOSE, close_payload(1012, "server restarts"))]


def test_from_then_on_every_request_and_upgrade_is_503(shut_down):
    shutdown = shut_down()
    house = shutdown.house
    old = house.connect()
    shutdown.start()
    for peer, request in ((old, get()), (house.connect(), get()), (house.connect(), upgrade())):
        peer.send(request)
        [(status, headers, _)] = parse_answers(peer.received())
        assert (status, headers["retry-after"]) == (503, "1")


def test_plain_connections_are_closed_in_their_moment_and_told_nothing(shut_down):
    shutdown = shut_down()
    house = shutdown.house
    peer = house.connect()
    shutdown.start()
    house.jump(DRAIN_S * CLOSED_BY * 0.5 + 0.1)
    assert peer.received() == b""
    assert peer.ended
    assert house.router.heard == []
    house.jump(LINGER_S)
    house.turn(2)
    assert shutdown.results == [True]


def test_a_client_that_goes_on_its_own_is_not_closed_a_second_time(shut_down):
    shutdown = shut_down()
    house = shutdown.house
    peer = house.open()
    shutdown.start()
    peer.send_frame(CLOSE, close_payload(1000))
    assert peer.frames() == [(CLOSE, close_payload(1000))]
    house.jump(DRAIN_S)
    house.turn(2)
    assert house.router.kinds() == ["open", "drain", "close"]
    assert shutdown.results == [True]


def test_a_router_s_mistake_while_it_says_goodbye_is_nobody_else_s(shut_down):
    shutdown = shut_down()
    house = shutdown.house
    first, second = house.open(), house.open("/echo")
    house.router.react = lambda what, *_rest: 1 / 0 if what == "drain" else None
    shutdown.start()
    house.turn()
    assert first.frames() == [(CLOSE, close_payload(1011, "internal error"))]
    house.jump(DRAIN_S * CLOSED_BY * 0.5)
    assert second.frames() == [(CLOSE, close_payload(1012, "server restarts"))]
    assert [type(error) for error in house.errors] == [ZeroDivisionError]


def test_readers_of_a_stream_are_told_too_and_their_streams_end_in_their_moment(shut_down):
    shutdown = shut_down()
    house = shutdown.house
    heard = []

    def stream(visit):
        visit.on_drain = heard.append
        visit.stream(())

    house.site.services = {"/desk": stream}
    peer = house.connect()
    peer.send(get("/desk"))
    shutdown.start()
    [reconnect_in_s] = heard
    delay_s = DRAIN_S * CLOSED_BY * 0.5
    assert delay_s < reconnect_in_s <= delay_s + RECONNECT_WITHIN_S
    house.jump(delay_s + 0.1)
    peer.received()
    assert peer.ended


def test_many_clients_are_told_some_at_a_time_and_all_of_them_once(shut_down):
    shutdown = shut_down()
    house = shutdown.house
    for _ in range(2 * TOLD_AT_ONCE + 1):
        house.open()
    shutdown.drain.start()
    assert house.router.kinds().count("drain") == TOLD_AT_ONCE
    house.turn()
    assert house.router.kinds().count("drain") == 2 * TOLD_AT_ONCE + 1
    house.jump(DRAIN_S)
    assert house.router.kinds().count("close") == 2 * TOLD_AT_ONCE + 1
