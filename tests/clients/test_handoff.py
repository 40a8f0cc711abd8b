"""Clients that change from one process to another, over real sockets: who can go, what goes along, what stays."""

import socket

import pytest

from tests.clients.handing import GO, KEPT, MOVED, towns
from tests.clients.rig import close_payload, decode_frames
from tests.websocket.frames_by_hand import frame
from wsserver.clients import client as client_module
from wsserver.clients.client import Client
from wsserver.clients.handoff import Baggage, pack, unpack
from wsserver.clients.states import State
from wsserver.net.inbox import MESSAGE_LIMIT
from wsserver.websocket.codes import BINARY, CLOSE, PING, PONG, TEXT
from wsserver.websocket.deflate import agreement_of, shared_compressor


@pytest.fixture
def make_town():
    with towns() as make:
        yield make


@pytest.fixture
def town(make_town):
    return make_town()


# -- who goes ---------------------------------------------------------------------------------------------------------


def test_one_that_is_at_rest_goes_and_is_answered_over_there(town):
    peer, client = town.go()
    assert peer.frames() == [MOVED]
    assert town.here.moves == [True]
    assert town.here.router.kinds() == ["open", "message"]
    assert town.there.router.heard == [("taken over", b"luggage \0 \xff"), ("message", GO, TEXT)]
    assert client.state is State.OPEN
    peer.send_frame(TEXT, b"more")
    town.turn()
    assert peer.frames() == [(TEXT, b"1 heard more")]


def test_nothing_of_it_is_left_behind_and_nobody_is_told_that_it_has_gone(town):
    peer = town.here.open()
    client = peer.client
    peer.send_frame(TEXT, GO)
    assert town.is_left_by_all(town.here)
    assert (client.state, client.talking, client.transport.sock.fileno()) == (State.GONE, False, -1)
    assert town.here.router.kinds() == ["open", "message"], "no conversation has ended"
    assert town.here.registry.house.tally.closes == {}
    assert town.here.gone == [client]
    assert peer.frames() == [], "the peer was told nothing, least of all a Close"
    assert not peer.ended
    town.turn()
    peer.hang_up()
    town.turn()
    assert town.is_left_by_all(town.there)


def test_the_old_process_hears_no_more_of_it(town):
    peer, _ = town.go()
    peer.frames()
    for number in range(5):
        peer.send_frame(TEXT, b"%d" % number)
        town.turn()
    peer.hang_up()
    town.turn()
    assert town.here.router.kinds() == ["open", "message"]
    assert len(town.there.router.heard) == 2 + 5 + 1


def test_a_late_word_to_one_that_has_gone_is_swallowed(town):
    peer = town.here.open()
    client = peer.client
    peer.send_frame(TEXT, GO)
    client.send(b"too late")
    client.close(1000)
    client.end(1012, "restart")
    town.turn()
    assert peer.frames() == [MOVED]
    assert client.hand_off(1, GO, TEXT, b"") is False


def test_what_the_outlet_does_not_take_stays(town):
    town.here.registry.house.send_away = lambda *_: False
    peer = town.here.open()
    peer.send_frame(TEXT, GO)
    assert peer.frames() == [KEPT]
    peer.send_frame(TEXT, b"on")
    assert peer.frames() == [(TEXT, b"0 heard on")]


def test_where_there_is_no_other_worker_nobody_goes(house):
    peer = house.open()
    assert peer.client.hand_off(1, GO, TEXT, b"") is False
    assert peer.client.state is State.OPEN


def test_one_that_says_too_much_to_be_carried_stays(town):
    peer = town.here.open()
    long = GO + b"x" * MESSAGE_LIMIT
    peer.send_frame(TEXT, long)
    assert peer.frames() == [(TEXT, b"0 kept " + long)]
    peer.send_frame(TEXT, GO + b"y" * (MESSAGE_LIMIT - 1000))
    town.turn()
    assert town.here.moves == [False, True]


def test_a_server_that_drains_keeps_those_it_has(town):
    peer = town.here.open()
    town.here.site.draining = True
    peer.send_frame(TEXT, GO)
    assert peer.frames() == [KEPT]


# -- who is in the middle of something --------------------------------------------------------------------------------

WHOLE = frame(TEXT, GO)
BEHIND = {
    "half a frame": frame(TEXT, b"later")[:7],
    "one byte of a frame": frame(TEXT, b"later")[:1],
    "an unfinished message": frame(TEXT, b"la", fin=False),
    "a ping": frame(PING, b"?"),
}


@pytest.mark.parametrize("behind", BEHIND)
def test_who_has_sent_more_already_stays(town, behind):
    peer = town.here.open()
    peer.send(WHOLE + BEHIND[behind])
    assert town.here.moves == [False]
    assert KEPT in peer.frames()


def test_half_a_frame_before_it_is_no_hindrance_once_it_is_whole(town):
    peer = town.here.open()
    peer.send(WHOLE[:3])
    peer.send(WHOLE[3:])
    town.turn()
    assert peer.frames() == [MOVED]


def test_a_pong_behind_it_asks_for_nothing(town):
    peer = town.here.open()
    peer.send(WHOLE + frame(PONG, b""))
    town.turn()
    assert peer.frames() == [MOVED]


def test_a_message_behind_it_is_answered_in_order_by_whoever_has_it(town):
    peer = town.here.open()
    peer.send(WHOLE + frame(TEXT, b"next"))
    town.turn()
    assert town.here.moves == [False], "an answer waits to be sent"
    assert peer.frames() == [(TEXT, b"0 heard next"), KEPT]


def test_what_comes_behind_it_in_a_segment_of_its_own_is_heard_over_there(town):
    peer = town.here.open()
    peer.socket.send(WHOLE)
    town.here.reactor.run_once()
    peer.socket.send(frame(TEXT, b"next") + frame(PING, b"?"))
    town.turn()
    assert peer.frames() == [MOVED, (TEXT, b"1 heard next"), (PONG, b"?")]


def test_a_close_behind_it_is_answered_here(town):
    peer = town.here.open()
    peer.send(WHOLE + frame(CLOSE, close_payload(1000)))
    assert town.here.moves == [False]
    assert peer.frames() == [(CLOSE, close_payload(1000))]
    assert town.here.router.heard[-1] == ("close", 1000, "")


def test_a_broken_rule_behind_it_is_answered_here(town):
    peer = town.here.open()
    peer.send(WHOLE + frame(TEXT, b"unmasked", masked=False))
    assert town.here.moves == [False]
    assert [opcode for opcode, _ in peer.frames()] == [CLOSE]


def test_who_ends_its_side_behind_it_gets_its_answer_over_there(town):
    peer = town.here.open()
    peer.socket.send(WHOLE)
    peer.socket.shutdown(socket.SHUT_WR)
    town.turn()
    assert peer.frames() == [MOVED]
    assert peer.ended
    assert town.there.router.kinds() == ["taken over", "message", "close"]


def test_who_has_ended_its_side_before_does_not_go(town):
    peer = town.here.open()
    peer.finish()
    assert peer.client.hand_off(1, GO, TEXT, b"") is False


def test_who_hangs_up_while_it_is_on_its_way_is_found_gone_over_there(town):
    peer = town.here.open()
    peer.socket.send(WHOLE)
    town.here.reactor.run_once()
    peer.socket.close()
    town.turn()
    assert town.there.router.kinds() == ["taken over", "message", "close"]
    assert town.is_left_by_all(town.there)


def test_shaking_hands_and_going_in_one_segment_works_out_either_way(town):
    peer = town.here.connect()
    peer.upgrade(behind=WHOLE)
    town.turn()
    assert peer.frames() in ([KEPT], [MOVED])
    assert len(town.here.registry.clients) + len(town.there.registry.clients) == 1


def test_who_does_not_read_its_answers_stays(town):
    peer = town.here.connect(sndbuf=4096)
    peer.upgrade()
    for _ in range(40):
        peer.client.send(b"x" * 1000)
    peer.send_frame(TEXT, GO)
    assert town.here.moves == [False]
    assert decode_frames(peer.received_in_all())[-1] == KEPT


def test_a_full_batch_of_frames_behind_it_keeps_it_here(town):
    peer = town.here.open()
    peer.send(WHOLE + frame(PONG, b"") * 15 + frame(TEXT, b"n") * 100)
    town.here.turn(5)
    assert town.here.moves == [False]
    answers = [payload for _, payload in peer.frames()]
    assert answers.count(b"0 heard n") == 100
    assert answers.count(b"0 kept go") == 1


# -- what goes along --------------------------------------------------------------------------------------------------


def test_it_is_the_same_client_over_there(town):
    town.jump(7)
    peer = town.here.connect("203.0.113.7:5000")
    peer.upgrade(extra="Sec-WebSocket-Protocol: v1\r\n")
    peer.client.address = "198.51.100.9"  # as a proxy in front has said
    before = peer.client
    town.jump(3)
    peer.send_frame(BINARY, GO)
    town.turn()
    after = town.arrival()
    assert after is not before
    assert after.id == before.id
    assert (after.address, after.subprotocol, after.created_at) == ("198.51.100.9", "v1", before.created_at)
    assert after.transport.read_size == 64 * 1024
    assert peer.frames() == [(BINARY, b"1 heard go")]


def test_everything_that_is_packed_is_unpacked(town, monkeypatch):
    packed = []
    monkeypatch.setattr(client_module, "pack", lambda *args: packed.append(pack(*args)) or packed[-1])
    peer = town.here.connect("[2001:db8::1]:5000")
    peer.upgrade(extra="Sec-WebSocket-Protocol: v2\r\n")
    peer.send_frame(BINARY, GO + b"\0\n\xff")
    client, (data,) = peer.client, packed
    assert unpack(data) == Baggage(
        client.id, "/talk", "v2", "[2001:db8::1]:5000", client.created_at, 1, 0, BINARY, None, False,
        GO + b"\0\n\xff", b"luggage \0 \xff",
    )  # fmt: skip
    assert unpack(data).agreement is None
    town.turn()


@pytest.mark.parametrize(("server", "client"), [(bits, 24 - bits) for bits in range(9, 16)])
@pytest.mark.parametrize("contexts", [(False, True), (True, False)])
def test_what_was_agreed_on_of_compression_is_the_same_over_there(server, client, contexts):
    agreement = agreement_of(server, contexts[0], client, contexts[1])
    inflater = agreement.inflater(1000)
    assert agreement.compressor.terms + inflater.terms == (server, contexts[0], client, contexts[1])
    assert agreement.compressor.droppable is not contexts[0]
    assert (agreement.compressor is shared_compressor(server)) is not contexts[0], "who can share one shares it"


def test_messages_are_counted_once_over_both(town):
    peer = town.here.open()
    peer.send_frame(TEXT, b"one")
    peer.send_frame(TEXT, b"two")
    peer.send_frame(TEXT, GO)
    town.turn()
    peer.send_frame(TEXT, b"four")
    town.turn()
    client = town.arrival()
    assert (client.messages_in, client.messages_out) == (4, 4)
    tally = town.here.registry.house.tally
    assert (tally.messages_in, tally.messages_out, tally.received, tally.sent, tally.handed_off) == (0, 0, 0, 0, 1)
    peer.hang_up()
    town.turn()
    tally = town.there.registry.house.tally
    assert (tally.messages_in, tally.messages_out, tally.handed_off) == (4, 4, 0)


def test_bytes_are_counted_once_over_both(town):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = town.here.connect()
        peer.hang_up()
        sock = socket.create_connection(listener.getsockname())
        ours = listener.accept()[0]
        ours.setblocking(False)
        town.here.registry.admit(ours, "127.0.0.1:1")
        peer.socket = sock
        sock.settimeout(5)
        town.here.peers.append(peer)
        peer.upgrade()
        peer.send_frame(TEXT, GO)
        while not town.there.registry.clients:
            town.turn()
        assert sock.recv(100) == b"\x81\x0a" + MOVED[1]
        sock.close()
        while town.there.registry.clients or town.there.registry.leaving:
            town.turn()
    here, there = (side.registry.house.tally for side in town.sides)
    assert (here.received, here.sent) == (0, 0)
    assert there.received > 100 + len(WHOLE), "the handshake is in it"
    assert there.sent > 100
    assert town.there.registry.accepted == 0, "it was accepted once, and not there"


def test_its_place_is_counted_where_it_is(make_town):
    town = make_town(most_per_ip=5)
    for number in range(3):
        peer = town.here.connect(f"192.0.2.1:{number}")
        peer.upgrade()
        peer.send_frame(TEXT, GO)
        town.turn()
        assert (town.here.registry.sockets, town.there.registry.sockets) == (0, number + 1)
    for peer in town.here.peers:
        peer.hang_up()
    town.turn()
    assert town.there.registry.sockets == 0


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_pack_asks_nothing_of_a_client_that_it_does_not_have(town):
    peer = town.here.open()
    client = peer.client
    assert isinstance(client, Client)
    assert pack(client, TEXT, b"", b"") is not None
    client.transport.hold()
    assert pack(client, TEXT, b"", b"") is None
    client.transport.release()
    client.router = object()  # one that is at no path
    assert pack(client, TEXT, b"", b"") is None
    client.router = town.here.router
