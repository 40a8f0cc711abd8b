"""The way in: plain HTTP on a kept connection, pipelining, big answers, refusals, and the upgrade."""

import pytest

from tests.clients.rig import ACCEPT, MIDDLING, Slices, get, parse_answers, upgrade
from tests.websocket.frames_by_hand import frame
from wsserver.clients.handshake import BODY_PROGRESS_S, PIPELINE_BATCH
from wsserver.clients.states import State
from wsserver.http.errors import RequestError
from wsserver.http.response import Response
from wsserver.websocket.codes import CLOSE, TEXT


def statuses(data):
    return [status for status, _, _ in parse_answers(data)]


def numbered(_request=None):
    return Response(200, body=_request.path.rpartition("/")[2].encode())


# -- plain HTTP --------------------------------------------------------------------------------------------------------


def test_a_request_is_answered_and_the_connection_kept(house):
    peer = house.connect()
    for _ in range(3):
        peer.send(get())
        [(status, headers, body)] = parse_answers(peer.received())
        assert (status, body) == (200, b"page")
        assert headers["date"].endswith("GMT")
        assert headers.get("connection", "keep-alive") == "keep-alive"
    assert peer.client.state is State.CREATED


def test_head_gets_the_head_alone(house):
    peer = house.connect()
    peer.send(get(method="HEAD"))
    answer = peer.received()
    assert b"content-length: 4" in answer.lower()
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/broken", 500)])
def test_head_gets_no_body_with_an_error_either(house, expect_errors, path, status):
    peer = house.connect()
    peer.send(get(path, method="HEAD"))
    head, _, body = peer.received().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert body == b""
    assert b"Content-Length: 0" not in head
    assert len(expect_errors(house)) == (status == 500)


def test_a_connection_is_not_kept_when_the_client_does_not_want_it(house):
    peer = house.connect()
    peer.send(get(extra="Connection: close\r\n"))
    [(status, headers, _)] = parse_answers(peer.received())
    assert (status, headers["connection"]) == (200, "close")
    assert peer.ended


def test_a_connection_ends_after_so_many_requests(make_house):
    house = make_house(max_requests=3)
    peer = house.connect()
    peer.send(get() * 5)
    answers = parse_answers(peer.received())
    assert [headers.get("connection") == "close" for _, headers, _ in answers] == [False, False, True]
    assert peer.ended


def test_requests_in_one_piece_are_answered_in_their_order_a_batch_a_turn(make_house):
    house = make_house(pages={f"/n/{n}": numbered for n in range(40)})
    peer = house.connect()
    peer.socket.send(b"".join(get(f"/n/{n}") for n in range(40)))
    house.turn()
    first = parse_answers(peer.received())
    assert len(first) == PIPELINE_BATCH
    house.turn(4)
    answers = first + parse_answers(peer.received())
    assert [body for _, _, body in answers] == [b"%d" % n for n in range(40)]


def test_all_requests_are_answered_though_the_client_has_ended_its_side(make_house):
    house = make_house()
    peer = house.connect()
    peer.socket.send(get() * (PIPELINE_BATCH * 2 + 3))
    peer.finish()
    house.turn(4)
    assert statuses(peer.received()) == [200] * (PIPELINE_BATCH * 2 + 3)
    assert peer.ended
    assert peer.buried


def test_requests_behind_a_refused_one_are_not_answered(house):
    peer = house.connect()
    peer.send(get() + b"nonsense\r\n\r\n" + get())
    assert statuses(peer.received()) == [200, 400]
    assert peer.ended


def test_a_kept_connection_may_idle_for_so_long(house):
    peer = house.connect()
    peer.send(get())
    peer.received()
    house.jump(14.9)
    assert not peer.ended
    house.jump(0.2)
    assert peer.received() == b""
    assert peer.ended


def test_a_request_that_does_not_arrive_in_time_is_told_so(house):
    peer = house.connect()
    peer.send(b"GET /page HTT")
    house.jump(9.9)
    peer.send(b"P/1.1\r\n")
    house.jump(0.2)
    assert statuses(peer.received()) == [408]
    assert peer.ended


def test_a_connection_on_which_nothing_came_ends_in_silence(house):
    peer = house.connect()
    house.jump(10.1)
    assert peer.received() == b""
    assert peer.ended


def test_an_error_of_a_page_is_answered_and_ends_the_connection(house):
    peer = house.connect()
    peer.send(get("/nowhere"))
    [(status, headers, body)] = parse_answers(peer.received())
    assert (status, headers["connection"]) == (404, "close")
    assert b"There is no such page." in body
    assert peer.client.cause == "refused with 404: There is no such page."


def test_a_body_is_invited(house):
    peer = house.connect()
    peer.send(b"POST /page HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert peer.received() == b"HTTP/1.1 100 Continue\r\n\r\n"
    peer.send(b"ab")
    assert statuses(peer.received()) == [200]


@pytest.mark.parametrize("before", [0, PIPELINE_BATCH + 1], ids=["alone", "behind a batch"])
def test_a_mistake_of_ours_is_a_500(house, expect_errors, before):
    peer = house.connect()
    peer.send(get() * before + get("/broken"))
    assert statuses(peer.received()) == [200] * before + [500]
    assert peer.ended
    assert [type(error) for error in expect_errors(house)] == [LookupError]


# -- big answers -------------------------------------------------------------------------------------------------------


def test_a_big_answer_leaves_a_slice_a_turn_and_the_next_request_waits_for_it(make_house):
    big = Slices(5)
    house = make_house(pages={"/slices": big.page})
    peer = house.connect()
    peer.socket.send(get("/slices") + get())
    sent = []
    for _ in range(8):
        house.turn()
        sent.append(big.sent)
    assert sent == [0, 1, 2, 3, 4, 5, 5, 5]
    answers = parse_answers(peer.received())
    assert [(status, len(body)) for status, _, body in answers] == [(200, 5000), (200, 4)]
    assert big.closed
    peer.send(get())
    assert statuses(peer.received()) == [200]


def test_head_of_a_big_answer_has_its_length_and_no_slice(make_house):
    big = Slices(5)
    house = make_house(pages={"/slices": big.page})
    peer = house.connect()
    peer.send(get("/slices", method="HEAD") + get())
    answer = peer.received()
    assert b"content-length: 5000\r\n" in answer.lower()
    assert answer.count(b"HTTP/1.1 200") == 2
    assert big.sent == 0


def test_a_slow_reader_gets_its_big_answer_as_long_as_a_slice_leaves_in_time(make_house):
    big = Slices(8, size=1 << 20)
    house = make_house(pages={"/slices": big.page})
    peer = house.connect()
    peer.send(get("/slices"))
    data = b""
    while len(data) < big.length:
        house.jump(BODY_PROGRESS_S * 0.9 / 6)
        data += peer.received()
        house.turn(2)
    assert peer.client.state is State.CREATED


def test_a_reader_that_stops_is_given_up_and_the_file_closed(make_house):
    big = Slices(8, size=1 << 20)
    house = make_house(pages={"/slices": big.page})
    peer = house.connect()
    peer.send(get("/slices") + get()[:10])
    house.jump(BODY_PROGRESS_S)
    house.jump(10)
    assert big.closed
    assert peer.buried
    assert b"HTTP/1.1 4" not in peer.received()


def test_who_goes_in_the_middle_of_a_big_answer_leaves_nothing_behind(make_house):
    big = Slices(8, size=1 << 20)
    house = make_house(pages={"/slices": big.page})
    peer = house.connect()
    peer.send(get("/slices"))
    peer.hang_up()
    assert big.closed
    assert peer.buried


def test_a_client_that_only_reads_on_gets_its_big_answer_and_then_the_end(make_house):
    big = Slices(5)
    house = make_house(pages={"/slices": big.page})
    peer = house.connect()
    peer.socket.send(get("/slices"))
    peer.finish()
    house.turn(8)
    assert [len(body) for _, _, body in parse_answers(peer.received())] == [5000]
    assert peer.ended
    assert peer.buried


def test_an_answer_that_turns_out_shorter_than_announced_is_cut_off(make_house):
    house = make_house(pages={"/slices": Slices(3, announced=5000).page})
    peer = house.connect()
    peer.send(get("/slices") + get(), turns=8)
    answer = peer.received()
    assert answer.count(b"HTTP/1.1") == 1
    assert len(answer.partition(b"\r\n\r\n")[2]) == 3000
    assert peer.buried


def test_a_mistake_in_the_middle_of_a_big_answer_cuts_it_off(make_house, expect_errors):
    def breaks():
        yield b"x" * 1000
        raise LookupError("a mistake of ours")

    house = make_house(pages={"/slices": lambda _request: Response(200, slices=breaks(), length=5000)})
    peer = house.connect()
    peer.send(get("/slices"), turns=8)
    answer = peer.received()
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"x" * 1000)
    assert peer.buried
    assert len(expect_errors(house)) == 1


def test_the_server_may_close_between_two_slices(make_house):
    big = Slices(5)
    house = make_house(pages={"/slices": big.page})
    peer = house.connect()
    peer.socket.send(get("/slices"))
    house.turn(2)
    peer.client.end(1012, "server restarts")
    house.turn(8)
    assert peer.client.state is State.GONE
    assert big.closed
    assert big.sent < 5
    assert peer.received() != b""
    assert peer.ended


# -- the upgrade -------------------------------------------------------------------------------------------------------


def test_the_upgrade_is_granted_with_the_key_of_the_rfc(house):
    peer = house.connect()
    head = peer.upgrade()
    assert ACCEPT in head
    assert b"sec-websocket-protocol" not in head.lower()
    assert peer.client.state is State.OPEN
    assert house.router.heard == [("open",)]


@pytest.mark.parametrize(
    ("asked", "agreed"),
    [("v1", "v1"), ("v1, v2", "v1"), ("v9, v2", "v2"), ("v9", None)],
)
def test_a_subprotocol_is_agreed_on_when_one_is_known(house, asked, agreed):
    peer = house.connect()
    head = peer.upgrade(extra=f"Sec-WebSocket-Protocol: {asked}\r\n").lower()
    assert peer.client.subprotocol == agreed
    assert (b"sec-websocket-protocol: %b\r\n" % agreed.encode() in head) if agreed else b"protocol:" not in head


def test_frames_in_the_same_segment_as_the_upgrade_are_heard_after_on_open(house):
    peer = house.connect()
    peer.upgrade(behind=frame(TEXT, b"one") + frame(TEXT, b"two")[:4])
    peer.send(frame(TEXT, b"two")[4:])
    assert house.router.heard == [("open",), ("message", b"one", TEXT), ("message", b"two", TEXT)]


def test_more_frames_than_a_batch_in_the_same_segment_are_all_heard(house):
    peer = house.connect()
    peer.upgrade("/echo", behind=frame(TEXT, b"x") * 200)
    house.turn(4)
    assert len(peer.frames()) == 200


def test_an_upgrade_behind_a_plain_request_on_the_same_connection(house):
    peer = house.connect()
    peer.send(get())
    assert statuses(peer.received()) == [200]
    peer.upgrade()
    assert house.router.heard == [("open",)]


def test_open_begins_when_the_last_byte_of_the_101_has_left(house):
    peer = house.connect(sndbuf=4096)
    peer.send(get("/middling") + upgrade() + frame(TEXT, b"early"))
    assert peer.client.state is State.HANDSHAKE
    assert house.router.heard == []
    data = peer.received_in_all()
    assert data.endswith(b"\r\n\r\n")
    assert len(data) > MIDDLING
    assert house.router.heard == [("open",), ("message", b"early", TEXT)]


def test_what_the_router_says_at_once_comes_behind_the_101(house):
    house.router.react = lambda what, peer, *rest: peer.send(b"welcome") if what == "open" else None
    peer = house.connect()
    peer.upgrade()
    assert peer.frames() == [(TEXT, b"welcome")]


def test_a_router_may_close_at_once_and_early_frames_are_not_heard(house):
    house.router.react = lambda what, peer, *rest: peer.close(4503, "no") if what == "open" else None
    peer = house.connect()
    peer.upgrade(behind=frame(TEXT, b"early") + frame(CLOSE))
    assert [opcode for opcode, _ in peer.frames()] == [CLOSE]
    assert house.router.heard == [("open",), ("close", 4503, "no")]
    assert peer.client.state is State.GONE


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (upgrade("/nowhere"), 404),
        (upgrade("/page"), 404),
        (upgrade().replace(b"Version: 13", b"Version: 8"), 426),
        (upgrade().replace(b"GET", b"POST"), 405),
        (upgrade().replace(b"Upgrade: websocket\r\n", b""), 426),
        (upgrade().replace(b"dGhl", b"dGh"), 400),
    ],
)
def test_a_refused_upgrade_gets_an_http_answer_and_no_close_frame(house, request_bytes, status):
    peer = house.connect()
    peer.send(request_bytes)
    answer = peer.received()
    assert statuses(answer) == [status]
    assert peer.ended
    assert house.router.heard == []
    assert peer.client.state is State.GONE
    if status == 426:
        assert b"sec-websocket-version: 13\r\n" in answer.lower()


@pytest.mark.parametrize(("judge", "status"), [("judge_host", 421), ("judge_origin", 403)])
def test_host_and_origin_are_judged_before_the_upgrade(house, judge, status):
    def refuse(_request):
        raise RequestError(status, "Not you.")

    setattr(house.site, judge, refuse)
    peer = house.connect()
    peer.send(upgrade())
    assert statuses(peer.received()) == [status]


def test_while_draining_everything_new_is_503_but_the_open_paths(house):
    house.site.open_paths = frozenset({"/page"})
    house.site.draining = True
    for path, status in (("/page", 200), ("/big", 503)):
        peer = house.connect()
        peer.send(get(path))
        assert statuses(peer.received()) == [status]
    peer = house.connect()
    peer.send(upgrade())
    [(status, headers, _)] = parse_answers(peer.received())
    assert (status, headers["retry-after"]) == (503, "1")


def test_answers_that_are_not_read_are_not_made(house):
    """A few bytes of requests must not pin megabytes of answers."""
    peer = house.connect(sndbuf=4096)
    peer.send(get("/middling") * 16)
    assert peer.client.transport.queued < 3 * MIDDLING
    assert statuses(peer.received_in_all()) == [200] * 16
