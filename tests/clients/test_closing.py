"""The way out: both Close frames in whichever order they cross, last words, and what is thrown away."""

import pytest

from tests.clients.rig import close_payload
from tests.websocket.frames_by_hand import frame, header
from wsserver.clients.closing import INPUT_LIMIT
from wsserver.clients.states import State
from wsserver.websocket.codes import BINARY, CLOSE, PING, TEXT
from wsserver.websocket.parser import FRAME_BATCH


def closing(house):
    """A client whose Close from us has left."""
    peer = house.open()
    peer.client.close(1000, "enough")
    house.turn()
    assert peer.frames() == [(CLOSE, close_payload(1000, "enough"))]
    return peer


def say_goodbye(house):
    house.router.react = lambda what, peer, *rest: peer.send(b"goodbye") if what == "close" else None


# -- the client begins -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [close_payload(1000), close_payload(1001, "off"), close_payload(4999, "ü"), b""])
def test_a_client_s_close_is_answered_with_its_own_code_and_then_the_end(house, payload):
    peer = house.open()
    peer.send_frame(CLOSE, payload)
    [(opcode, answer)] = peer.frames()
    assert (opcode, answer[:2]) == (CLOSE, payload[:2])
    assert peer.ended
    assert peer.client.state is State.GONE


def test_the_router_is_told_code_and_reason(house):
    house.open().send_frame(CLOSE, close_payload(1001, "closing tab"))
    house.open().send_frame(CLOSE)
    assert [entry for entry in house.router.heard if entry[0] == "close"] == [
        ("close", 1001, "closing tab"), ("close", 1005, ""),
    ]  # fmt: skip


def test_messages_before_the_close_are_heard_and_nothing_behind_it(house):
    peer = house.open("/echo")
    peer.send(frame(TEXT, b"one") + frame(CLOSE) + frame(TEXT, b"two"))
    assert peer.frames() == [(TEXT, b"one"), (CLOSE, b"")]


def test_a_close_between_two_fragments_is_answered(house):
    peer = house.open()
    peer.send(frame(TEXT, b"half", fin=False) + frame(CLOSE, close_payload(1000)))
    assert peer.frames() == [(CLOSE, close_payload(1000))]
    assert house.router.heard == [("open",), ("close", 1000, "")]


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"\x03", 1002), (close_payload(1005), 1002), (close_payload(999), 1002), (b"\x03\xe8\xff", 1007)],
)
def test_a_close_that_breaks_a_rule_is_told_which(house, payload, code):
    peer = house.open()
    peer.send_frame(CLOSE, payload)
    [(opcode, answer)] = peer.frames()
    assert (opcode, answer[:2]) == (CLOSE, code.to_bytes(2, "big"))


def test_the_fd_is_given_back_as_soon_as_the_client_ends_its_side(house):
    peer = house.open()
    peer.send_frame(CLOSE)
    peer.received()
    assert not peer.buried
    peer.finish()
    assert peer.buried


# -- we begin ----------------------------------------------------------------------------------------------------------


def test_our_close_waits_for_the_client_s(house):
    peer = closing(house)
    assert peer.client.state is State.CLOSING_STW
    assert not peer.ended
    peer.send_frame(CLOSE, close_payload(1000))
    assert peer.received() == b""
    assert peer.ended
    assert peer.client.state is State.GONE


def test_our_close_is_sent_behind_what_is_queued(house):
    peer = house.open()
    peer.client.send(b"first")
    peer.client.close(4503, "forbidden")
    peer.client.send(b"not any more")
    peer.client.close(1000)
    house.turn()
    assert peer.frames() == [(TEXT, b"first"), (CLOSE, close_payload(4503, "forbidden"))]


def test_what_comes_behind_our_close_is_looked_through_for_theirs_and_not_heard(house):
    peer = closing(house)
    peer.send(frame(TEXT, b"late") + frame(PING, b"late") + frame(BINARY, b"x", fin=False))
    assert house.router.kinds() == ["open", "close"]
    assert peer.received() == b""
    peer.send(frame(CLOSE)[:3])
    assert peer.client.state is State.CLOSING_STW
    peer.send(frame(CLOSE)[3:])
    assert peer.client.state is State.GONE


@pytest.mark.parametrize("count", [1, FRAME_BATCH - 1, FRAME_BATCH, 3 * FRAME_BATCH])
def test_their_close_is_found_behind_any_number_of_messages(house, count):
    peer = closing(house)
    peer.send(frame(TEXT, b"late") * count + frame(CLOSE), turns=6)
    assert peer.client.state is State.GONE


@pytest.mark.parametrize("count", [1, FRAME_BATCH - 1, FRAME_BATCH, 3 * FRAME_BATCH])
def test_their_close_is_found_in_the_input_in_whose_middle_we_closed(house, count):
    house.router.react = lambda what, peer, *rest: peer.close(4503) if what == "message" else None
    peer = house.open()
    peer.send(frame(TEXT, b"x") * count + frame(CLOSE), turns=6)
    assert house.router.kinds() == ["open", "message", "close"]
    assert peer.frames() == [(CLOSE, close_payload(4503))]
    assert peer.client.state is State.GONE


def test_two_closes_that_cross_on_the_wire(house):
    peer = house.open()
    peer.socket.send(frame(CLOSE, close_payload(1001)))
    peer.client.close(1000)
    house.turn(2)
    assert peer.frames() == [(CLOSE, close_payload(1000))]
    assert house.router.heard[-1] == ("close", 1000, "")
    assert peer.client.state is State.GONE


def test_a_client_that_ends_instead_of_answering_is_gone_at_once(house):
    peer = closing(house)
    peer.finish()
    assert peer.client.state is State.GONE
    assert peer.buried


def test_a_client_that_ended_before_our_close_has_left_still_gets_it(house):
    peer = house.open()
    peer.client.close(1000)
    peer.socket.shutdown(1)
    house.turn(3)
    assert peer.frames() == [(CLOSE, close_payload(1000))]
    assert peer.client.state is State.GONE


def test_a_client_that_breaks_a_rule_while_closing_gets_no_second_close(house):
    peer = closing(house)
    peer.send_frame(TEXT, b"x", masked=False)
    assert peer.received() == b""
    assert peer.ended
    assert peer.client.state is State.GONE


def test_a_client_that_goes_on_sending_is_cut_off(house):
    peer = closing(house)
    sent = 0
    while peer.client.state is State.CLOSING_STW and sent < 2 * INPUT_LIMIT:
        sent += peer.socket.send(frame(BINARY, bytes(60_000)))
        house.turn(2)
    assert INPUT_LIMIT < sent < INPUT_LIMIT + 200_000
    assert peer.buried


# -- a rule was broken -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"x", masked=False), 1002),
        (frame(TEXT, b"x", rsv=4), 1002),
        (frame(3), 1002),
        (frame(0, b"x"), 1002),
        (frame(PING, fin=False), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (header(BINARY, 1 << 20), 1009),
        (header(BINARY, 1 << 62), 1009),
    ],
)
def test_a_broken_rule_is_named_once_and_nothing_behind_it_is_looked_at(house, data, code):
    peer = house.open()
    peer.send(data + frame(TEXT, b"behind"))
    peer.socket.send(frame(TEXT, b"later"))
    house.turn(3)
    [(opcode, payload)] = peer.frames()
    assert (opcode, payload[:2]) == (CLOSE, code.to_bytes(2, "big"))
    assert house.router.kinds() == ["open", "close"]
    assert house.router.heard[-1][1] == code


def test_messages_before_the_broken_rule_are_heard(house):
    peer = house.open("/echo")
    peer.send(frame(TEXT, b"good") + frame(TEXT, b"bad", masked=False))
    assert [payload[:4] for _, payload in peer.frames()] == [b"good", b"\x03\xeaa "]


def test_who_broke_a_rule_learns_from_our_fin_that_nobody_listens(house):
    peer = house.open()
    peer.send_frame(3)
    assert len(peer.frames()) == 1
    assert peer.ended
    assert peer.client.state is State.CLOSING_STW
    peer.send_frame(CLOSE)
    assert peer.client.state is State.CLOSING_STW
    peer.finish()
    assert peer.client.state is State.GONE
    assert peer.buried


# -- last words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end_it", "code"),
    [
        (lambda peer: peer.send_frame(CLOSE, close_payload(1001)), 1001),
        (lambda peer: peer.client.close(4503), 4503),
        (lambda peer: peer.send_frame(3), 1002),
        (lambda peer: peer.client.end(1012, ""), 1012),
    ],
    ids=["their Close", "our Close", "a broken rule", "the server's end"],
)
def test_what_on_close_says_goes_ahead_of_our_close(house, end_it, code):
    say_goodbye(house)
    peer = house.open()
    end_it(peer)
    house.turn(2)
    first, (opcode, payload) = peer.frames()
    assert first == (TEXT, b"goodbye")
    assert (opcode, payload[:2]) == (CLOSE, code.to_bytes(2, "big"))
    assert house.router.kinds() == ["open", "close"]


def test_what_on_close_says_to_a_client_that_ended_its_side_still_leaves(house):
    say_goodbye(house)
    peer = house.open()
    peer.finish()
    assert peer.frames() == [(TEXT, b"goodbye")]
    assert peer.ended
    assert house.router.heard == [("open",), ("close", 1006, "")]


@pytest.mark.parametrize(
    "end_it",
    [lambda peer: peer.send_frame(CLOSE, close_payload(1000)), lambda peer: peer.client.close(1000)],
    ids=["their Close", "our Close"],
)
def test_last_words_that_fill_the_queue_do_not_lose_our_close(make_house, end_it):
    house = make_house(queue=1000)

    def say_much(what, peer, *rest):
        if what == "close":
            for _ in range(10):
                peer.send(b"g" * 600)

    house.router.react = say_much
    peer = house.open()
    end_it(peer)
    house.turn(2)
    assert peer.frames() == [(TEXT, b"g" * 600)] * 10 + [(CLOSE, close_payload(1000))]


def test_closing_again_from_on_close_changes_nothing(house):
    house.router.react = lambda what, peer, *rest: peer.close(4503) if what == "close" else None
    peer = house.open()
    peer.send_frame(CLOSE, close_payload(1000))
    assert peer.frames() == [(CLOSE, close_payload(1000))]
    assert house.router.kinds() == ["open", "close"]


def test_a_mistake_in_on_open_still_ends_with_both_closes(house, expect_errors):
    def break_down(what, *_rest):
        if what == "open":
            raise LookupError("a mistake of ours")

    house.router.react = break_down
    peer = house.open()
    assert peer.frames() == [(CLOSE, close_payload(1011, "internal error"))]
    peer.send_frame(CLOSE, close_payload(1011))
    assert peer.client.state is State.GONE
    assert len(expect_errors(house)) == 1
