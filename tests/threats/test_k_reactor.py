"""Attacks on the reactor and its sockets: numbers that are used again, hang-ups, errors of every call, exceptions."""

import errno
import os
import socket

import pytest

from tests.clients.rig import BIG, close_payload, decode_frames, get, parse_answers
from tests.clients.ways import clogged, closing_by_them, closing_by_us, stuck_handshake
from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import open_raw
from tests.threats.attacking import ask_to_upgrade
from tests.websocket.frames_by_hand import frame
from wsserver.clients.states import State
from wsserver.net.farewell import LINGER_S
from wsserver.websocket.codes import CLOSE, TEXT


def sleeps(house):
    """Whether the poller has nothing to report: a reactor whose poller always has would spin."""
    return house.reactor.poller.poll(0) == []


# -- 140 and 141: numbers that are used again --------------------------------------------------------------------------


def test_k140_an_event_of_who_was_ended_in_the_same_batch_reaches_nobody(house):
    one, other = house.open(), house.open()
    numbers = {one.client.transport.fd, other.client.transport.fd}

    def end_the_other(what, peer, *_rest):
        if what == "message":
            victim = other if peer is one.client else one
            victim.client.transport.close()
            newcomers.append(house.connect())  # accepted before the victim's event is handed out

    newcomers = []
    house.router.react = end_the_other
    one.socket.send(frame(TEXT, b"a"))
    other.socket.send(frame(TEXT, b"b"))
    house.turn()
    assert house.router.kinds().count("message") == 1
    [newcomer] = newcomers
    assert newcomer.client.transport.fd not in numbers
    newcomer.upgrade("/echo")
    newcomer.send_frame(TEXT, b"mine")
    assert newcomer.frames() == [(TEXT, b"mine")]


def test_k140_a_number_that_is_used_again_belongs_to_its_new_owner_alone(house):
    numbers = set()
    for turn in range(50):
        peer = house.open("/echo")
        numbers.add(peer.client.transport.fd)
        peer.socket.send(frame(TEXT, b"left behind"))
        if turn % 2:
            peer.client.transport.close()
        peer.hang_up()
        assert peer.buried
        heir = house.open("/echo")
        assert heir.received() == b""
        heir.send_frame(TEXT, b"%d" % turn)
        assert heir.frames() == [(TEXT, b"%d" % turn)]
        heir.hang_up()
    assert len(numbers) < 50


def test_k141_a_connection_that_is_ended_in_every_way_at_once_is_closed_once(house):
    peer = house.open()
    buried = []
    bury = house.reactor.bury
    house.reactor.bury = lambda mortal: (buried.append(mortal), bury(mortal))
    peer.client.close(1000)
    peer.socket.close()
    peer.client.transport.close()
    peer.client.transport.finish()
    peer.client.transport.close()
    house.turn(4)
    assert buried == [peer.client.transport]
    assert house.router.kinds().count("close") == 1
    assert house.registry.sockets == 0


def test_k141_a_connection_that_somebody_else_holds_open_too_is_reported_no_more(house):
    peer = house.open()
    with os.fdopen(os.dup(peer.client.transport.fd)):
        peer.client.transport.close()
        house.turn(2)
        assert peer.buried
        peer.socket.send(b"into the void")
        assert sleeps(house)


# -- 142 to 145: what the kernel reports -------------------------------------------------------------------------------


def unread(house):
    """A client that does not read, so much that nothing more is read from it."""
    peer = house.open(sndbuf=4096)
    for _ in range(100):
        peer.client.send(b"x" * 1000)
    house.turn()
    return peer


def big_page(house):
    """A client that gets a page too big for the kernel and reads none of it."""
    peer = house.connect(sndbuf=4096)
    peer.send(get("/big"))
    return peer


def last_words(house):
    """A client that is gone for us, while our last words wait to be read."""
    peer = house.connect(sndbuf=4096)
    peer.send(get("/middling") + get("/nowhere"))
    assert peer.client.state is State.GONE
    return peer


STUCK = [unread, big_page, last_words, clogged, stuck_handshake, closing_by_us, closing_by_them]


def hang_up(peer):
    peer.socket.close()


def hang_up_softly(peer):
    peer.socket.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("end", [hang_up, hang_up_softly])
@pytest.mark.parametrize("stuck", STUCK)
def test_k142_a_hang_up_is_heard_though_nothing_is_read_and_never_spun_on(house, stuck, end):
    peer = stuck(house)
    end(peer)
    house.turn(6)
    assert peer.client.state is State.GONE
    assert peer.buried
    assert sleeps(house)


def test_k142_who_resets_while_nothing_is_read_from_it_is_gone(server, attacker):
    for _ in range(50):
        one = attacker()
        one.send(ask_to_upgrade() + frame(TEXT, b"x" * 60_000) * 8)
        one.reset()


@pytest.mark.parametrize("stuck", STUCK)
def test_k143_half_a_hang_up_behind_a_full_queue_is_not_spun_on(house, stuck):
    peer = stuck(house)
    peer.socket.shutdown(socket.SHUT_WR)
    house.turn(4)
    assert sleeps(house)
    peer.received_in_all()
    house.turn(4)
    assert peer.client.state is State.GONE


def test_k143_who_has_ended_its_side_still_gets_the_whole_page(house):
    peer = house.connect(sndbuf=4096)
    peer.send(get("/big"))
    peer.finish()
    [(status, _, body)] = parse_answers(peer.received_in_all())
    assert (status, len(body)) == (200, BIG)


@pytest.mark.parametrize(("count", "size"), [(100, 1000), (1000, 1), (3, 60_000)])
def test_k144_what_was_sent_before_a_hang_up_counts(house, count, size):
    peer = house.open()
    peer.socket.setblocking(True)
    peer.socket.settimeout(PATIENCE_S)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    peer.socket.sendall(frame(TEXT, b"m" * size) * count)
    peer.socket.close()
    house.turn(40)
    assert house.router.kinds() == ["open"] + ["message"] * count + ["close"]


def test_k144_a_message_before_the_fin_is_delivered(server, connect):
    ann = connect(server, "ann", "k144")
    with open_raw(server.port, "/chat") as bob:
        said = b'{"type":"message","channel":"k144","text":"last"}'
        bob.sendall(frame(TEXT, b'{"type":"join","channel":"k144","user":"bob"}') + frame(TEXT, said))
        bob.shutdown(socket.SHUT_WR)
        assert ann.hear("message")["text"] == "last"


class Flaky:
    """A socket one of whose calls fails once, or for ever."""

    def __init__(self, sock, **failing):
        self._sock = sock
        self._failing = failing

    def __getattr__(self, name):
        error = self._failing.get(name)
        if error is None:
            return getattr(self._sock, name)
        if isinstance(error, (BlockingIOError, InterruptedError)):
            del self._failing[name]

        def fail(*_arguments):
            raise error

        return fail


FATAL = ["EPIPE", "ECONNRESET", "ETIMEDOUT", "ENOBUFS", "ENOMEM", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENOTCONN"]


@pytest.mark.parametrize("name", FATAL)
@pytest.mark.parametrize("call", ["send", "recv"])
def test_k145_every_error_of_a_socket_ends_that_connection_and_nothing_else(house, call, name):
    peer, other = house.open("/echo"), house.open("/echo")
    failing = Flaky(peer.client.transport.sock, **{call: OSError(getattr(errno, name), name)})
    peer.client.transport.sock = failing
    peer.client.transport.wire = failing.send
    peer.send(frame(TEXT, b"hello"), turns=4)
    assert peer.client.state is State.GONE
    assert peer.buried
    other.send_frame(TEXT, b"hello")
    assert other.frames() == [(TEXT, b"hello")]


@pytest.mark.parametrize("error", [BlockingIOError(errno.EAGAIN, ""), InterruptedError(errno.EINTR, "")])
@pytest.mark.parametrize("call", ["send", "recv"])
def test_k145_a_call_that_could_not_be_made_now_is_made_again(house, call, error):
    peer = house.open("/echo")
    transport = peer.client.transport
    failing = Flaky(transport.sock, **{call: error})
    transport.sock = failing
    transport.wire = lambda data: failing.send(data)
    peer.send(frame(TEXT, b"hello"), turns=5)
    assert peer.frames() == [(TEXT, b"hello")]


@pytest.mark.parametrize("most", [0, 1, 7])
def test_k145_a_send_that_takes_a_part_or_nothing_is_gone_on_with(house, most):
    peer = house.open("/echo")
    transport = peer.client.transport
    whole, taken = transport.wire, []

    def take_a_part(data):
        taken.append(len(data))
        return whole(data[:most]) if most or len(taken) > 1 else 0

    transport.wire = take_a_part
    if most == 0:
        transport.wire = lambda data: taken.append(1) or (0 if len(taken) == 1 else whole(data))
    peer.send(frame(TEXT, b"a message in parts"), turns=30)
    assert peer.frames() == [(TEXT, b"a message in parts")]
    assert len(taken) > 1


# -- 147 and 151: exceptions, and the end ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["open", "message", "close"])
def test_k147_an_exception_of_ours_ends_the_client_that_it_happened_to(house, expect_errors, what):
    peer, other = house.connect(), house.open("/echo")
    house.router.react = lambda happened, *_rest: 1 / 0 if happened == what else None
    peer.upgrade()
    peer.send_frame(TEXT, b"hello")
    peer.send_frame(CLOSE, close_payload(1000))
    [(opcode, payload)] = decode_frames(peer.received())
    assert (opcode, payload[:2]) == (CLOSE, close_payload(1000 if what == "close" else 1011)[:2])
    assert [type(error) for error in expect_errors(house)] == [ZeroDivisionError]
    other.send_frame(TEXT, b"hello")
    assert other.frames() == [(TEXT, b"hello")]


def test_k147_an_exception_in_a_page_is_answered_500(house, expect_errors):
    peer = house.connect()
    peer.send(get("/broken") + get("/page"))
    [(status, headers, body)] = parse_answers(peer.received())
    assert (status, headers["connection"]) == (500, "close")
    assert b"LookupError" not in body
    assert peer.ended
    assert [type(error) for error in expect_errors(house)] == [LookupError]


def test_k151_a_client_that_does_not_end_its_side_is_waited_for_and_then_cut(house):
    peer = house.open()
    peer.client.close(1000)
    house.turn()
    peer.send_frame(CLOSE, close_payload(1000))
    assert peer.frames() == [(CLOSE, close_payload(1000))]
    assert peer.ended
    assert not peer.buried
    house.jump(LINGER_S)
    assert peer.buried
