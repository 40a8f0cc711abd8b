import socket

import pytest

from tests.bench.rig import server_frame
from wsserver.bench.connection import OUTBOX_LIMIT, SLOW_BUFFER, Connection
from wsserver.net.outbox import Outbox


class Owner:
    def __init__(self):
        self.heard = []

    def on_open(self, connection):
        self.heard.append("open")

    def on_messages(self, connection, messages, now_us):
        self.heard.append((messages, now_us))

    def on_end(self, connection):
        self.heard.append(connection.end)


@pytest.fixture
def dialled(rig):
    owner = Owner()
    connection = Connection(0, rig.route, owner)
    connection.dial()
    rig.turn()
    return connection, owner, rig.peers[0]


@pytest.fixture
def opened(rig, dialled):
    connection, owner, peer = dialled
    peer.answer()
    rig.turn()
    assert owner.heard.pop() == "open"
    return connection, owner, peer


def test_it_asks_for_the_path_and_opens_when_the_server_agrees(rig, dialled):
    connection, owner, peer = dialled
    assert owner.heard == [] and not connection.is_open
    peer.answer()
    rig.turn()
    assert peer.request.startswith("GET /echo HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
    assert owner.heard == ["open"] and connection.is_open


def test_a_message_right_behind_the_answer_is_heard(rig, dialled):
    _connection, owner, peer = dialled
    peer.answer(extra=server_frame(1, b"welcome"))
    rig.turn()
    assert owner.heard == ["open", ([(1, b"welcome")], 1_000_000_000)]


def test_messages_are_heard_with_the_time_they_came(rig, opened):
    _connection, owner, peer = opened
    rig.world.time += 0.5
    peer.say(b"a")
    peer.say(b"b", 2)
    rig.turn()
    assert owner.heard == [([(1, b"a"), (2, b"b")], 1_000_500_000)]


def test_what_it_says_arrives_masked(rig, opened):
    connection, _, peer = opened
    connection.send(b"hello")
    connection.send(b"x" * 300, 2)
    rig.turn()
    assert peer.messages() == [(1, b"hello"), (2, b"x" * 300)]


def test_a_ping_is_answered(rig, opened):
    _, owner, peer = opened
    peer.say(b"are you there", 9)
    rig.turn()
    assert peer.messages() == [(10, b"are you there")]
    assert owner.heard == []


def test_a_parting_of_ours_is_closed_when_the_server_agrees(rig, opened):
    connection, owner, peer = opened
    connection.close()
    connection.close()
    rig.turn()
    assert peer.messages() == [(8, b"\x03\xe8")]
    assert owner.heard == []
    peer.say(b"\x03\xe8", 8)
    rig.turn()
    assert owner.heard == ["closed"] and not connection.is_open


def test_a_parting_of_the_servers_is_told_by_its_code_and_answered(rig, opened):
    _connection, owner, peer = opened
    peer.say((4008).to_bytes(2, "big") + b"too slow", 8)
    rig.turn()
    assert owner.heard == ["4008"]
    assert peer.messages() == [(8, (4008).to_bytes(2, "big"))]


@pytest.mark.parametrize("data", [server_frame(8, b"x"), server_frame(8, b"\x00\x01"), b"\x81\xff", b"\xf1\x00"])
def test_a_broken_rule_ends_it(rig, opened, data):
    _, owner, peer = opened
    peer.sock.send(data)
    rig.turn()
    [end] = owner.heard
    assert end.startswith("broke the protocol: ")


@pytest.mark.parametrize("agreed", [False, True])
def test_a_server_that_goes_without_a_word_is_a_refusal_before_it_opened_and_a_loss_after(rig, dialled, agreed):
    _, owner, peer = dialled
    if agreed:
        peer.answer()
        rig.turn()
    peer.sock.close()
    rig.turn()
    assert owner.heard[-1] == "lost" if agreed else owner.heard[-1].startswith("refused: ")


def test_a_refusal_is_told_with_its_status(rig, dialled):
    _, owner, peer = dialled
    peer.sock.send(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    rig.turn()
    assert owner.heard == ["refused: HTTP 503"]


def test_a_connection_that_cannot_begin_is_a_refusal(rig):
    rig.world.refusal = OSError(99, "Cannot assign requested address")
    owner = Owner()
    Connection(0, rig.route, owner).dial()
    assert owner.heard == ["refused: Cannot assign requested address"]


def test_it_ends_once_and_says_nothing_after(rig, opened):
    connection, owner, _ = opened
    connection.abort("enough")
    connection.abort("more than enough")
    connection.send(b"nothing")
    connection.close()
    rig.turn()
    assert owner.heard == ["enough"]


def test_a_slow_reader_hears_nothing_until_it_reads_again(rig, opened):
    connection, owner, peer = opened
    connection.stop_reading()
    peer.say(b"a")
    rig.turn()
    assert owner.heard == []
    connection.stop_reading(False)
    rig.turn()
    assert owner.heard[0][0] == [(1, b"a")]


def test_a_slow_reader_leaves_the_kernel_little_room(rig):
    connection = Connection(0, rig.route, Owner())
    connection.slow = True
    connection.dial()
    assert connection.transport.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 4 * SLOW_BUFFER


def test_it_reads_on_while_the_server_does_not(rig, opened):
    connection, owner, peer = opened
    for _ in range(40):
        connection.send(b"x" * 100_000)
        rig.turn(1)
    assert connection.transport.queued > 1 << 20
    peer.say(b"still here")
    rig.turn()
    assert owner.heard[-1][0] == [(1, b"still here")]


def test_a_server_that_reads_nothing_of_all_that_waits_is_given_up(rig, opened):
    connection, owner, _ = opened
    connection.transport.limit = 300_000
    for _ in range(10):
        connection.send(b"x" * 100_000)
        rig.turn()
    assert owner.heard == ["it does not read (overflow)"]
    assert OUTBOX_LIMIT > 300_000


def test_more_clients_than_an_address_has_ports_come_from_several(rig):
    assert [rig.route.source(number) for number in (0, 19_999, 20_000, 45_000)] == ["", "", "127.0.1.1", "127.0.2.1"]
    rig.route.address = ("::1", 8080)
    assert rig.route.source(20_000) == ""


def test_a_mistake_of_ours_is_told_as_one(rig, opened):
    connection, owner, _ = opened
    connection.on_crash(ValueError("x"))
    assert owner.heard == ["our mistake: ValueError('x')"]
    assert isinstance(connection.transport, Outbox)
