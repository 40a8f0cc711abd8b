"""A router that overrides nothing is a router: it listens and says nothing."""

from wsserver.clients.router import Router
from wsserver.websocket.codes import CLOSE, TEXT


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
