"""A router that overrides nothing is a router: it listens and says nothing."""

import pytest

from tests.clients.rig import parse_answers, upgrade
from tests.websocket.frames_by_hand import frame
from wsserver.clients.router import Router
from wsserver.http.errors import RequestError
from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, TEXT


def test_a_router_that_overrides_nothing_takes_everything_and_answers_nothing(make_house):
    house = make_house(rate=1)
    house.site.routers = {"/quiet": Router()}
    peer = house.open("/quiet")
    for _ in range(5):
        peer.send_frame(TEXT, b"hello")
    peer.client.router.on_drain(peer.client, 1.5)
    assert peer.frames() == []
    peer.send_frame(CLOSE)
    assert peer.frames() == [(CLOSE, b"")]


def test_a_router_needs_no_attach_and_knows_no_subprotocol():
    router = Router()
    assert router.attach(None) is None
    assert router.subprotocols == ()


def test_a_four_line_router_gets_a_peer_with_everything_that_is_promised(make_house):
    seen = []

    class Lesson(Router):
        def on_message(self, peer, payload, opcode):
            peer.context = (peer.context or 0) + 1
            seen.append((len(peer.id), peer.address, peer.subprotocol, peer.context))

    house = make_house()
    house.site.routers = {"/lesson": Lesson()}
    peer = house.open("/lesson", address="[::1]:50312")
    peer.send_frame(TEXT, b"one")
    peer.send_frame(TEXT, b"two")
    assert seen == [(12, "[::1]:50312", None, 1), (12, "[::1]:50312", None, 2)]


class Doorman(Router):
    """Lets in who says a word, and takes small messages from everybody until one says `more`."""

    def __init__(self):
        self.seen = []

    def on_upgrade(self, peer, request):
        self.seen.append(("upgrade", peer.context, request.path, request.query))
        if request.headers.get("x-word") != "please":
            raise RequestError(403, "Say please.")
        peer.context = request.headers.get("x-word")

    def on_open(self, peer):
        self.seen.append(("open", peer.context))
        peer.limit_messages(10)

    def on_message(self, peer, payload, opcode):
        self.seen.append(("message", len(payload)))
        if payload == b"more":
            peer.limit_messages(200)


@pytest.fixture
def doorman(house):
    house.site.routers = {"/door": Doorman()}
    return house.site.routers["/door"]


def test_a_router_sees_the_upgrade_before_it_is_granted_and_finds_again_what_it_kept(house, doorman):
    peer = house.connect()
    peer.upgrade("/door?a=1", "X-Word: please\r\n")
    assert doorman.seen == [("upgrade", None, "/door", "a=1"), ("open", "please")]


def test_a_router_may_refuse_an_upgrade_and_hears_no_more_of_it(house, doorman):
    peer = house.connect()
    peer.send(upgrade("/door"))
    [(status, _, body)] = parse_answers(peer.received())
    assert (status, b"Say please." in body) == (403, True)
    assert doorman.seen == [("upgrade", None, "/door", "")]
    assert peer.ended


def test_an_upgrade_that_is_wrong_anyhow_is_not_shown_to_the_router(house, doorman):
    peer = house.connect()
    peer.send(upgrade("/door", "X-Word: please\r\n").replace(b"Version: 13", b"Version: 12"))
    assert parse_answers(peer.received())[0][0] == 426
    assert doorman.seen == []


@pytest.mark.parametrize("split", [False, True], ids=["one frame", "two fragments"])
def test_a_router_may_take_small_messages_only_and_later_larger_ones(house, doorman, split):
    def message(size):
        if not split:
            return frame(BINARY, b"x" * size)
        return frame(BINARY, b"x" * (size - 1), fin=False) + frame(CONTINUATION, b"x")

    peer = house.connect()
    peer.upgrade("/door", "X-Word: please\r\n")
    for data in (message(10), frame(TEXT, b"more"), message(200)):
        peer.send(data)
    assert peer.frames() == []
    assert [what[1] for what in doorman.seen if what[0] == "message"] == [10, 4, 200]
    peer.send(message(201))
    [(opcode, payload)] = peer.frames()
    assert (opcode, payload[:2]) == (CLOSE, b"\x03\xf1")


def test_a_message_that_is_too_large_is_refused_by_its_header_alone(house, doorman):
    peer = house.connect()
    peer.upgrade("/door", "X-Word: please\r\n")
    peer.send(frame(BINARY, b"x" * 11)[:6])
    assert peer.frames()[0][0] == CLOSE
