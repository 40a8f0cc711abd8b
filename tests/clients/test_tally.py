"""Counts of those who have gone, by real clients on real sockets."""

import pytest

from tests.clients.rig import House, close_payload, get
from wsserver.clients.tally import OTHER, Tally
from wsserver.websocket.codes import CLOSE, TEXT


def test_close_codes_that_a_client_makes_up_are_one() -> None:
    tally = Tally()
    for code in (1000, 4008, *range(3000, 4000)):
        tally.note_close(code)
    assert tally.closes == {1000: 1, 4008: 1, OTHER: 1000}


@pytest.fixture
def house():
    house = House()
    yield house
    house.close()


def test_a_conversation_that_ends_is_counted_once_by_its_code(house) -> None:
    peer = house.connect()
    peer.upgrade()
    peer.send_frame(TEXT, b"hello")
    house.turn()
    peer.send_frame(CLOSE, close_payload(1000))
    house.turn(4)
    peer.hang_up()
    house.turn(4)
    tally = house.registry.house.tally
    assert tally.closes == {1000: 1}
    assert tally.messages_in == 2  # the Close is one, too
    assert house.registry.leaving == set()


def test_a_lost_connection_is_1006(house) -> None:
    peer = house.connect()
    peer.upgrade()
    peer.hang_up()
    house.turn(4)
    assert house.registry.house.tally.closes == {1006: 1}


def test_refusals_are_counted_by_status_and_answers_are_none(house) -> None:
    for path in ("/nowhere", "/nowhere", "/page"):
        peer = house.connect()
        peer.send(get(path))
        house.turn(4)
    assert house.registry.house.tally.refusals == {404: 2}


def test_who_finds_the_house_full_is_a_refusal_too() -> None:
    house = House(most=1)
    house.connect()
    house.connect()
    house.turn(2)
    assert house.registry.house.tally.refusals == {503: 1}
    house.close()
