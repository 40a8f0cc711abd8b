"""How a peer, a clock or the server makes a real client walk each row of the table.

`WAYS` has a way for each row, `NO_STEP` the rows that no client walks, with the reason. Read next: `test_client.py`.
"""

import json
import socket

from tests.clients.rig import PeerEnd, close_payload, get, upgrade
from wsserver.clients.states import Event, State
from wsserver.websocket.codes import CLOSE, TEXT


def clog(peer):
    """Fill the kernel's buffer and leave some frames in the queue, too few to pause reading."""
    for _ in range(40):
        peer.client.send(b"x" * 1000)
    peer.house.turn()
    assert 0 < peer.client.transport.queued < 60_000


def clogged(house):
    peer = house.open(sndbuf=4096)
    clog(peer)
    return peer


def stuck_handshake(house):
    """A client whose 101 waits behind a page that is not read."""
    peer = house.connect(sndbuf=4096)
    peer.send(get("/middling") + upgrade())
    assert peer.client.state is State.HANDSHAKE
    return peer


def closing_by_us(house):
    peer = clogged(house)
    peer.client.close(1000)
    assert peer.client.state is State.CLOSING_STS
    return peer


def closing_by_them(house):
    peer = clogged(house)
    peer.send_frame(CLOSE, close_payload(1000))
    assert peer.client.state is State.CLOSING_CTS
    return peer


def waiting(house):
    peer = house.open()
    peer.client.close(1000)
    house.turn()
    assert peer.client.state is State.CLOSING_STW
    return peer


def overflow(house):
    peer = house.open()
    for _ in range(40):
        peer.client.send(b"x" * 60_000)
    house.turn(2)


def miss_the_heartbeat(house):
    house.open()
    house.jump(25)
    house.jump(20)


def handed_off(house):
    house.registry.house.send_away = lambda worker, fd, baggage: True
    peer = house.open()
    assert peer.client.hand_off(1, b"the last word", TEXT, b"")


def taken_over(house):
    """A client that another process has shaken hands with."""
    ours, theirs = socket.socketpair()
    said = b"the last word"
    head = ["a", "/talk", None, "127.0.0.1:5000", 0.0, 1, 1, TEXT, None, False, len(said)]
    house.registry.take_over(ours, json.dumps(head).encode() + b"\0" + said)
    house.peers.append(PeerEnd(house, theirs, None))


WAYS = {
    (State.NONE, Event.ACCEPT_SUCCEEDED): lambda house: house.connect(),
    (State.CREATED, Event.RECEIVE_HANDSHAKE_FAILED): lambda house: house.connect().send(b"nonsense\r\n\r\n"),
    (State.CREATED, Event.RECEIVE_HANDSHAKE_SUCCEEDED): lambda house: house.connect().send(upgrade()),
    (State.CREATED, Event.ANSWERED): lambda house: house.connect().send(get()),
    (State.CREATED, Event.ANSWERED_LAST): lambda house: house.connect().send(get(extra="Connection: close\r\n")),
    (State.CREATED, Event.DEADLINE): lambda house: (house.connect(), house.jump(10)),
    (State.CREATED, Event.LOST): lambda house: house.connect().hang_up(),
    (State.CREATED, Event.TAKE_OVER): taken_over,
    (State.CREATED, Event.SERVER_CLOSES): lambda house: house.connect().client.end(1012, "server restarts"),
    (State.HANDSHAKE, Event.SEND_HANDSHAKE_FAILED): lambda house: stuck_handshake(house).hang_up(),
    (State.HANDSHAKE, Event.SEND_HANDSHAKE_SUCCEEDED): lambda house: house.open(),
    (State.HANDSHAKE, Event.DEADLINE): lambda house: (stuck_handshake(house), house.jump(20)),
    (State.HANDSHAKE, Event.SERVER_CLOSES): lambda house: stuck_handshake(house).client.end(1012, "server restarts"),
    (State.OPEN, Event.RECEIVE_DATA_FAILED): lambda house: house.open().send_frame(TEXT, b"x", masked=False),
    (State.OPEN, Event.SEND_DATA_FAILED): overflow,
    (State.OPEN, Event.RECEIVE_CLOSE): lambda house: house.open().send_frame(CLOSE),
    (State.OPEN, Event.DEADLINE): miss_the_heartbeat,
    (State.OPEN, Event.LOST): lambda house: house.open().hang_up(),
    (State.OPEN, Event.HAND_OFF): handed_off,
    (State.OPEN, Event.SERVER_CLOSES): lambda house: house.open().client.close(),
    (State.CLOSING_CTS, Event.SEND_CLOSE_FAILED): lambda house: closing_by_them(house).hang_up(),
    (State.CLOSING_CTS, Event.SEND_CLOSE_SUCCEEDED): lambda house: closing_by_them(house).received_in_all(),
    (State.CLOSING_CTS, Event.DEADLINE): lambda house: (closing_by_them(house), house.jump(5)),
    (State.CLOSING_STS, Event.SEND_CLOSE_FAILED): lambda house: closing_by_us(house).hang_up(),
    (State.CLOSING_STS, Event.SEND_CLOSE_SUCCEEDED): lambda house: closing_by_us(house).received_in_all(),
    (State.CLOSING_STS, Event.DEADLINE): lambda house: (closing_by_us(house), house.jump(5)),
    (State.CLOSING_STW, Event.RECEIVE_CLOSE): lambda house: waiting(house).send_frame(CLOSE),
    (State.CLOSING_STW, Event.RECEIVE_CLOSE_FAILED): lambda house: waiting(house).hang_up(),
    (State.CLOSING_STW, Event.DEADLINE): lambda house: (waiting(house), house.jump(5)),
}

NO_STEP = {
    (State.NONE, Event.ACCEPT_FAILED): "there is no client yet",
    (State.OPEN, Event.RECEIVE_DATA_SUCCEEDED): "OPEN stays OPEN, and no step is taken for each message",
    (State.OPEN, Event.SEND_DATA_SUCCEEDED): "likewise",
    (State.HANDSHAKE, Event.LOST): "what cannot be sent has failed: SEND_HANDSHAKE_FAILED",
    (State.CLOSING_CTS, Event.LOST): "SEND_CLOSE_FAILED",
    (State.CLOSING_STS, Event.LOST): "SEND_CLOSE_FAILED",
    (State.CLOSING_STW, Event.LOST): "RECEIVE_CLOSE_FAILED",
}
"""Rows that no client walks, and why."""
