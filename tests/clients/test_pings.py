from tests.clients.ways import clogged
from tests.websocket.frames_by_hand import frame
from wsserver.clients.states import State
from wsserver.websocket.codes import PING, PONG, TEXT


def test_all_who_are_silent_get_one_ping_each(house):
    peers = [house.open() for _ in range(20)]
    house.jump(25)
    assert [peer.frames() for peer in peers] == [[(PING, b"")]] * 20


def test_a_ping_goes_behind_what_the_same_turn_says(house):
    peer = house.open()
    house.reactor.call_later(25, lambda: peer.client.send(b"news"))
    house.jump(25)
    assert peer.frames() == [(TEXT, b"news"), (PING, b"")]


def test_a_client_whose_queue_is_blocked_gets_its_ping_behind_it(house):
    peer = clogged(house)
    waiting = len(peer.client.transport.frames)
    house.registry.house.pings.add(peer.client.wire)
    house.turn()
    assert len(peer.client.transport.frames) == waiting + 1
    assert peer.received_in_all().endswith(b"\x89\x00")


def test_a_client_that_goes_in_the_turn_of_its_ping_harms_nobody(house):
    gone, other = house.open(), house.open()
    for client in (gone.client, other.client):
        house.registry.house.pings.add(client.wire)
    gone.client.on_lost(OSError("gone"))
    house.turn(3)
    assert gone.client.state is State.GONE
    assert other.frames() == [(PING, b"")]
    assert house.errors == []


def test_a_client_that_answers_each_ping_is_pinged_once_an_interval(house):
    peer = house.open()
    pings = 0
    for _ in range(8 * 250):
        house.jump(1 / 8)
        pings += len(peer.frames()) and not peer.send(frame(PONG))
    assert pings == 10
