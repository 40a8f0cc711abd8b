"""Closing handshakes as nobody should do them (RFC 6455 section 7), and connections that end without one."""

import pytest

from tests.clients.rig import close_payload
from tests.threats.attacking import Attacker, open_files
from tests.threats.conftest import assert_all_closed
from tests.websocket.frames_by_hand import frame
from wsserver.clients.closing import INPUT_LIMIT
from wsserver.clients.states import State
from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

GRACE = "presence.leave_grace=100ms"


@pytest.fixture(scope="module")
def flags():
    return ("--set", GRACE)


@pytest.fixture
def opened(attacker):
    """Make connections that are OPEN: opened() -> Attacker."""

    def make(path="/echo"):
        one = attacker()
        one.open(path)
        return one

    return make


# -- 64 and 65: their Close --------------------------------------------------------------------------------------------

FORBIDDEN = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 10000, 65535]
ALLOWED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]


@pytest.mark.parametrize("code", FORBIDDEN)
def test_d64_a_code_that_nobody_may_send_is_answered_with_1002(opened, code):
    one = opened()
    one.send(frame(CLOSE, close_payload(code, "why")))
    assert one.close_code() == 1002


@pytest.mark.parametrize("code", ALLOWED)
def test_d64_any_other_code_is_answered_with_itself(opened, code):
    one = opened()
    one.send(frame(CLOSE, close_payload(code, "why")))
    assert one.close_code() == code


def test_d64_an_empty_close_is_answered_with_an_empty_one(opened):
    one = opened()
    one.send(frame(CLOSE))
    assert one.rest() == b"\x88\x00"


def test_d64_half_a_code_is_answered_with_1002(opened):
    one = opened()
    one.send(frame(CLOSE, b"\x03"))
    assert one.close_code() == 1002


@pytest.mark.parametrize("reason", [b"\xff", b"ok \xed\xa0\x80", b"\xc3", b"x" * 122 + b"\xc3", b"\xc0\xaf"])
def test_d64_a_reason_that_is_not_utf8_is_answered_with_1007(opened, reason):
    one = opened()
    one.send(frame(CLOSE, b"\x03\xe8" + reason))
    assert one.close_code() == 1007


def test_d64_a_reason_cannot_write_lines_of_its_own_into_the_log(start):
    server = start("--log-level", "debug")  # then each client that is gone has a line
    files = open_files(server)
    one = Attacker(server)
    one.open()
    one.send(frame(CLOSE, close_payload(4999, "x\r\n2026-01-01 ERROR forged\x1b[2J\u2028" + "y" * 50)))
    assert one.close_code() == 4999
    one.close()
    assert_all_closed(server, files)
    [line] = [line for line in server.log.splitlines() if "forged" in line]
    assert "client_gone" in line
    assert line.isprintable()


def test_d65_a_close_in_the_middle_of_a_fragmented_message_is_answered_with_its_own_code(opened):
    for begun in (frame(TEXT, b"half", fin=False), frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", fin=False)):
        one = opened()
        one.send(begun + frame(CLOSE, close_payload(1000)))
        assert one.frames() == [(CLOSE, close_payload(1000))]


def test_d65_a_close_in_the_middle_of_a_code_point_too(opened):
    one = opened()
    one.send(frame(TEXT, b"\xf0\x9f", fin=False), frame(CLOSE, close_payload(1001)))
    assert one.frames() == [(CLOSE, close_payload(1001))]


# -- 66 and 67: behind the Close ---------------------------------------------------------------------------------------

BEHIND = {
    "data": frame(TEXT, b"late"),
    "a ping": frame(PING, b"late"),
    "another close": frame(CLOSE, close_payload(1001)),
    "a broken rule": frame(TEXT, b"late", masked=False),
    "no frame at all": b"GET / HTTP/1.1\r\n\r\n",
    "a flood": frame(PING) * 5000,
}


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("together", [True, False], ids=["in one segment", "later"])
def test_d66_what_comes_behind_their_close_is_not_looked_at(opened, name, together):
    one = opened()
    close, late = frame(CLOSE, close_payload(1000)), BEHIND[name]
    one.send(*([close + late] if together else [close, late]))
    assert one.frames() == [(CLOSE, close_payload(1000))]


def test_d66_what_comes_behind_our_close_is_read_up_to_a_limit_and_then_cut_off(house):
    peer = house.open()
    peer.send_frame(TEXT, b"x", rsv=7)
    sent = 0
    while not peer.buried and sent < 2 * INPUT_LIMIT:
        sent += peer.socket.send(frame(BINARY, bytes(60_000)))
        house.turn(2)
    assert INPUT_LIMIT < sent < INPUT_LIMIT + 200_000
    assert peer.client.state is State.GONE


def test_d66_who_goes_on_sending_for_ever_is_reset(server, attacker):
    files = open_files(server)
    one = attacker()
    one.open()
    one.send(frame(TEXT, b"x", masked=False))
    for _ in range(1000):
        one.send(frame(BINARY, bytes(60_000)))
        if one.ended_early:
            break
    assert one.ended_early
    assert_all_closed(server, files)


def test_d67_who_never_answers_our_close_is_cut_off_in_time(house):
    peer = house.open()
    peer.client.close(1000)
    house.turn()
    assert peer.client.state is State.CLOSING_STW
    house.jump(4.9)
    assert not peer.buried
    house.jump(0.2)
    assert peer.buried


def test_d67_who_dribbles_behind_our_close_is_cut_off_in_time_too(house):
    peer = house.open()
    peer.client.close(1000)
    for _ in range(5):
        assert not peer.buried
        peer.send(b"\x89\x80")  # never a whole frame
        house.jump(1)
    assert peer.buried


def test_d67_on_the_clock_of_a_real_server(start):
    server = start("--set", "websocket.close_timeout=100ms")
    files = open_files(server)
    one = Attacker(server)
    one.open("/chat")
    one.send(frame(TEXT, b"no JSON") * 5)
    assert one.frames()[-1][1][:2] == b"\x03\xf0"
    assert_all_closed(server, files)  # though we have not closed our side
    one.close()


def test_d67_the_server_ends_the_connection_first(opened):
    one = opened()
    one.send(frame(CLOSE, close_payload(1000)))
    assert one.rest() == b"\x88\x02\x03\xe8"  # and the end, while our side is still open
    one.finish()


# -- 68: no Close at all -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["finish", "reset"])
def test_d68_who_goes_without_a_close_has_left_once(server, attacker, connect, ending):
    watcher = connect(server, "watcher", f"room-{ending}")
    lost = attacker()
    lost.open("/chat")
    lost.send(frame(TEXT, b'{"type":"join","channel":"room-%b","user":"lost"}' % ending.encode()))
    assert watcher.hear("presence")["joined"] == ["lost"]
    getattr(lost, ending)()
    announced = watcher.hear("presence")
    assert (announced["left"], announced["count"]) == (["lost"], 1)
    watcher.join(f"room-{ending}")
    assert watcher.is_quiet()


@pytest.mark.parametrize("count", [1, 64, 65, 90])
def test_d68_what_was_sent_before_the_end_is_dealt_with(opened, count):
    one = opened()
    one.send(b"".join(frame(BINARY, bytes([number])) for number in range(count)))
    one.finish()
    assert one.frames() == [(BINARY, bytes([number])) for number in range(count)]


@pytest.mark.parametrize("data", [b"\x81", frame(TEXT, b"cut")[:-1], frame(TEXT, b"half", fin=False)])
def test_d68_an_end_in_the_middle_of_a_message_is_no_message(opened, data):
    one = opened()
    one.send(frame(PING) + data)
    one.finish()
    assert one.frames() == [(PONG, b"")]


# -- 69: our reasons ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "sent"),
    [
        ("x" * 123, b"x" * 123),
        ("x" * 124, b"x" * 123),
        ("é" * 70, "é".encode() * 61),
        ("x" + "\U0001f600" * 40, b"x" + "\U0001f600".encode() * 30),
        ("lone \ud800 surrogate", b"lone ? surrogate"),
        ("x" * 100_000, b"x" * 123),
    ],
)
def test_d69_a_long_reason_of_ours_is_cut_and_never_inside_a_code_point(house, reason, sent):
    peer = house.open()
    peer.client.close(4503, reason)
    house.turn()
    assert peer.frames() == [(CLOSE, (4503).to_bytes(2, "big") + sent)]


def test_d69_a_reason_that_is_no_text_takes_down_nobody_else(house, expect_errors):
    house.router.react = lambda what, peer, *rest: peer.close(1000, b"bytes") if what == "message" else None
    other, peer = house.open("/echo"), house.open()
    peer.send_frame(TEXT, b"x")
    assert [type(error) for error in expect_errors(house)] == [AttributeError]
    assert peer.ended
    other.send_frame(TEXT, b"still here")
    assert other.frames() == [(TEXT, b"still here")]
