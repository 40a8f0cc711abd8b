"""Answers that take time, and answers without end, as a service gives them and a client gets them."""

import pytest

from tests.clients.rig import get, parse_answers, upgrade
from wsserver.clients.handshake import STREAM_INPUT
from wsserver.clients.states import State
from wsserver.clients.visit import ANSWER_S, BEAT_S, BEHIND
from wsserver.http.errors import RequestError
from wsserver.http.response import Response
from wsserver.reactor.wheel import SLOT_S


class Desk:
    """A service that keeps its visits; `react` may be set to do something at once."""

    def __init__(self, house):
        self.visits = []
        self.ended = []
        self.react = lambda visit: None
        house.site.services = {"/desk": self.serve, "/desks/": self.serve}

    def serve(self, visit):
        self.visits.append(visit)
        visit.on_end = lambda: self.ended.append(visit)
        self.react(visit)


@pytest.fixture
def desk(house):
    return Desk(house)


def stream(visit):
    visit.stream((("Content-Type", "text/event-stream"),))


def said(text):
    return Response(200, body=text)


def bodies(data):
    return [body for _, _, body in parse_answers(data)]


def open_stream(house, desk, **named):
    """Return a peer that reads a stream, its head read, and the visit."""
    desk.react = stream
    peer = house.connect(**named)
    peer.send(get("/desk"))
    head = peer.received()
    assert head.endswith(b"\r\n\r\n")
    return peer, desk.visits[-1]


# -- an answer ---------------------------------------------------------------------------------------------------------


def test_a_service_may_answer_at_once(house, desk):
    desk.react = lambda visit: visit.answer(said(b"now"))
    peer = house.connect()
    peer.send(get("/desk") + get("/page"))
    assert bodies(peer.received()) == [b"now", b"page"]
    assert peer.client.state is State.CREATED


def test_a_service_has_all_below_a_path_that_ends_in_a_slash_and_nothing_beside_it(house, desk):
    desk.react = lambda visit: visit.answer(said(visit.request.path.encode()))
    peer = house.connect()
    peer.send(get("/desks/a/b") + get("/desks/") + get("/desks"))
    answers = parse_answers(peer.received())
    assert [(status, body) for status, _, body in answers[:2]] == [(200, b"/desks/a/b"), (200, b"/desks/")]
    assert answers[2][0] == 404


def test_an_answer_may_come_in_a_later_turn_and_the_connection_is_kept(house, desk):
    peer = house.connect("192.0.2.1:5000")
    peer.send(get("/desk"))
    assert peer.received() == b""
    [visit] = desk.visits
    assert (visit.address, visit.request.path) == ("192.0.2.1:5000", "/desk")
    visit.answer(said(b"later"))
    house.turn()
    assert bodies(peer.received()) == [b"later"]
    peer.send(get())
    assert bodies(peer.received()) == [b"page"]
    assert desk.ended == []


def test_requests_behind_one_that_waits_are_answered_after_it_in_their_order(house, desk):
    peer = house.connect()
    peer.send(get("/desk") + get("/page") + get("/desk"))
    peer.send(get("/middling"))
    assert peer.received() == b""
    assert len(desk.visits) == 1
    desk.visits[0].answer(said(b"first"))
    house.turn(3)
    assert bodies(peer.received()) == [b"first", b"page"]
    desk.visits[1].answer(said(b"third"))
    house.turn(3)
    third, fourth = bodies(peer.received_in_all())
    assert (third, fourth[:1]) == (b"third", b"m")


def test_what_comes_behind_one_that_waits_stays_in_the_kernel(house, desk):
    peer = house.connect()
    peer.send(get("/desk"))
    peer.send(get())
    handshake = peer.client.handshake
    before = handshake._parser.buffered
    peer.send(get())
    assert handshake._parser.buffered == before > 0
    desk.visits[0].answer(said(b"x"))
    house.turn(4)
    assert bodies(peer.received()) == [b"x", b"page", b"page"]


def test_only_the_first_answer_counts(house, desk):
    peer = house.connect()
    peer.send(get("/desk"))
    desk.visits[0].answer(said(b"one"))
    desk.visits[0].answer(said(b"two"))
    desk.visits[0].stream(())
    house.turn()
    assert bodies(peer.received()) == [b"one"]


def test_head_gets_the_head_of_a_late_answer_though_more_has_come_meanwhile(house, desk):
    peer = house.connect()
    peer.send(get("/desk", method="HEAD"))
    peer.send(get())
    desk.visits[0].answer(said(b"body"))
    house.turn(3)
    first, _, rest = peer.received().partition(b"\r\n\r\n")
    assert b"Content-Length: 4" in first
    assert bodies(rest) == [b"page"]


def test_an_answer_that_does_not_come_is_given_in_its_place(house, desk):
    peer = house.connect()
    peer.send(get("/desk"))
    house.jump(ANSWER_S - 0.1)
    assert peer.received() == b""
    house.jump(0.2)
    [(status, headers, _)] = parse_answers(peer.received())
    assert (status, headers["retry-after"]) == (503, "1")
    desk.visits[0].answer(said(b"too late"))
    peer.send(get())
    assert bodies(peer.received()) == [b"page"]


def test_a_service_may_say_what_is_answered_in_its_place(house, desk):
    peer = house.connect()
    peer.send(get("/desk"))
    desk.visits[0].late = said(b"sorry")
    house.jump(ANSWER_S + 0.1)
    assert bodies(peer.received()) == [b"sorry"]


def test_a_client_that_has_ended_its_side_still_gets_its_answer(house, desk):
    peer = house.connect()
    peer.send(get("/desk"))
    peer.finish()
    assert not peer.ended
    desk.visits[0].answer(said(b"here"))
    house.turn(3)
    assert bodies(peer.received()) == [b"here"]
    assert peer.ended


def test_a_service_hears_that_the_client_has_gone_and_may_answer_all_the_same(house, desk):
    peer = house.connect()
    peer.send(get("/desk"))
    peer.hang_up()
    house.turn(3)
    assert desk.ended == desk.visits
    assert desk.visits[0].over
    desk.visits[0].answer(said(b"to nobody"))
    house.turn(3)
    assert peer.buried


def test_a_refusal_by_a_service_is_answered_as_it_is_everywhere(house, desk):
    def refuse(visit):
        raise RequestError(403, "Not you.")

    desk.react = refuse
    house.site.explain = lambda path, error: Response(error.status, body=f"{path}: {error.detail}".encode())
    peer = house.connect()
    peer.send(get("/desk"))
    [(status, headers, body)] = parse_answers(peer.received())
    assert (status, headers["connection"], body) == (403, "close", b"/desk: Not you.")


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (b"POST /desk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n", b"/desk"),
        (b"POST /desk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 2\r\n\r\n", b"/desk"),
        (get("/desk") + b"nonsense\r\n\r\n", b""),
        (upgrade("/desk"), b"/desk"),
    ],
    ids=["a body too large", "no length", "a broken head", "an upgrade"],
)
def test_every_refusal_knows_the_path_as_far_as_it_was_told(house, desk, request_, path):
    desk.react = lambda visit: visit.answer(said(b""))
    house.site.explain = lambda path, error: Response(error.status, body=path.encode())
    peer = house.connect()
    peer.send(request_)
    status, _, body = parse_answers(peer.received())[-1]
    assert status >= 400
    assert body == path


def test_a_mistake_in_a_service_is_a_500(house, desk, expect_errors):
    desk.react = lambda visit: 1 // 0
    peer = house.connect()
    peer.send(get("/desk"))
    assert parse_answers(peer.received())[0][0] == 500
    assert [type(error) for error in expect_errors(house)] == [ZeroDivisionError]
    assert desk.ended == desk.visits


def test_whoever_waits_for_an_answer_when_the_server_stops_gets_it(house, desk):
    peer = house.connect()
    peer.send(get("/desk"))
    house.site.draining = True
    peer.client.end(1012, "server restarts")
    desk.visits[0].answer(said(b"stored"))
    house.turn(2)
    [(_, headers, body)] = parse_answers(peer.received())
    assert (headers["connection"], body) == ("close", b"stored")
    assert peer.ended


# -- a stream ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_stream_goes_on_until_the_connection_ends(house, desk, version):
    desk.react = stream
    peer = house.connect()
    peer.send(f"GET /desk HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
    head = peer.received().lower()
    assert head.startswith(b"http/1.1 200 ")
    assert b"connection: close" in head
    assert b"content-length" not in head
    assert b"transfer-encoding" not in head
    desk.visits[0].write(b"one ")
    desk.visits[0].write(b"two ")
    house.turn()
    assert peer.received() == b"one two "
    assert not peer.ended
    desk.visits[0].end(b"three")
    house.turn()
    assert peer.received() == b"three"
    assert peer.ended
    assert desk.ended == []


def test_head_gets_the_head_of_a_stream_alone(house, desk):
    desk.react = stream
    peer = house.connect()
    peer.send(get("/desk", method="HEAD"))
    answer = peer.received()
    assert b"text/event-stream" in answer
    assert answer.endswith(b"\r\n\r\n")
    assert peer.ended
    assert desk.visits[0].over


def test_a_silent_stream_says_something_now_and_then_and_lives_on(house, desk):
    peer, visit = open_stream(house, desk)
    visit.on_beat = lambda: b"."
    for _ in range(3):
        house.jump(BEAT_S + SLOT_S)
        assert peer.received() == b"."
    visit.write(b"news")
    house.jump(BEAT_S + SLOT_S)
    assert peer.received() == b"news"
    house.jump(BEAT_S + SLOT_S)
    assert peer.received() == b"."
    assert not peer.ended


def test_a_reader_that_hangs_up_is_noticed_at_once(house, desk):
    peer, visit = open_stream(house, desk)
    peer.hang_up()
    house.turn(3)
    assert desk.ended == [visit]
    assert peer.buried
    visit.write(b"to nobody")
    visit.end()
    house.turn()


def test_a_reader_that_had_ended_its_side_before_is_gone_too(house, desk):
    peer = house.connect()
    peer.send(get("/desk"))
    peer.finish()
    stream(desk.visits[0])
    house.turn(3)
    assert desk.ended == desk.visits


def test_what_comes_behind_the_request_for_a_stream_is_not_answered_and_ends_it_when_it_is_too_much(house, desk):
    peer, visit = open_stream(house, desk)
    peer.send(get())
    visit.write(b"news")
    house.turn()
    assert peer.received() == b"news"
    peer.send(b"x" * STREAM_INPUT)
    assert desk.ended == [visit]
    assert peer.ended


def test_a_slow_reader_is_closed_when_its_queue_is_full(make_house):
    house = make_house(queue=100_000)
    desk = Desk(house)
    peer, visit = open_stream(house, desk, sndbuf=4096)
    for _ in range(400):
        visit.write(b"n" * 1000)
        house.turn()
    assert desk.ended == [visit]
    assert peer.client.state is State.GONE
    assert "slow consumer" in peer.client.cause


def test_a_service_can_see_that_a_reader_is_behind(house, desk):
    _, visit = open_stream(house, desk, sndbuf=4096)
    assert not visit.behind
    visit.write(b"n" * BEHIND * 2)
    house.turn()
    assert visit.behind


def test_a_stream_hears_that_the_server_stops_and_ends_when_it_is_told_to(house, desk):
    peer, visit = open_stream(house, desk)
    heard = []
    visit.on_drain = heard.append
    peer.client.handshake.on_drain(2.5)
    assert heard == [2.5]
    peer.client.end(1012, "server restarts")
    house.turn()
    assert desk.ended == [visit]
    assert peer.ended


def test_a_mistake_of_ours_in_the_middle_of_a_stream_ends_it_without_words(house, desk):
    peer, visit = open_stream(house, desk)
    peer.client.on_crash(LookupError("a mistake"))
    house.turn()
    assert peer.received() == b""
    assert desk.ended == [visit]


def test_a_service_that_fails_when_its_client_goes_does_not_keep_it(house, desk, expect_errors):
    peer, visit = open_stream(house, desk)
    visit.on_end = lambda: 1 // 0
    peer.hang_up()
    house.turn(3)
    assert len(expect_errors(house)) == 1
    assert peer.buried
