"""Who is let in, who is counted, and how many are reached at once."""

import pytest

from tests.clients.rig import get, parse_answers, upgrade
from wsserver.clients.admission import Admission
from wsserver.clients.registry import REFUSALS_AT_ONCE, RETRY_AFTER_S
from wsserver.clients.router import Router
from wsserver.clients.states import State
from wsserver.http.forwarded import TrustedProxies
from wsserver.http.response import Response
from wsserver.net.farewell import LINGER_S
from wsserver.websocket.codes import BINARY, CLOSE, TEXT
from wsserver.websocket.prepared import PreparedMessage, join_messages


def test_a_connection_is_a_client_until_it_is_gone_and_a_socket_until_it_is_buried(house):
    peer = house.open()
    assert (len(house.registry.clients), house.registry.sockets) == (1, 1)
    peer.send_frame(CLOSE)
    assert (len(house.registry.clients), house.registry.sockets) == (0, 1)
    assert house.gone == [peer.client]
    peer.hang_up()
    assert house.registry.sockets == 0


def test_a_client_that_could_not_be_forgotten_when_it_went_is_forgotten_with_its_socket(house, expect_errors):
    peer = house.open()

    def no_memory(_client):
        raise MemoryError

    known, house.registry.house.on_gone = house.registry.house.on_gone, no_memory
    peer.hang_up()
    house.registry.house.on_gone = known
    assert [type(error) for error in expect_errors(house)] == [MemoryError]
    assert house.registry.clients == set()
    assert house.gone == [peer.client]


def test_above_the_limit_the_answer_is_503_and_when_to_come_back(make_house):
    house = make_house(most=2)
    house.open()
    second = house.connect()
    third = house.connect()
    assert third.client is None
    house.turn(2)
    [(status, headers, body)] = parse_answers(third.received())
    assert (status, headers["connection"]) == (503, "close")
    assert 1 <= int(headers["retry-after"]) <= RETRY_AFTER_S
    assert b"full" in body
    assert third.ended
    third.hang_up()
    second.hang_up()
    assert house.connect().client is not None


def test_one_address_may_have_so_many_connections(make_house):
    house = make_house(most_per_ip=2)
    first = house.connect("10.0.0.1:1")
    house.connect("10.0.0.1:2")
    refused = house.connect("10.0.0.1:3")
    house.turn(2)
    assert parse_answers(refused.received())[0][0] == 503
    assert house.connect("10.0.0.2:1").client is not None
    assert house.connect("[::1]:1").client is not None
    first.hang_up()
    assert house.connect("10.0.0.1:4").client is not None


def test_one_address_may_knock_so_often_and_is_told_429_and_when_to_come_back(make_house):
    house = make_house(handshakes_per_ip=0.2)  # one every five seconds, two at once
    assert [house.connect("10.0.0.1:1").client is not None for _ in range(3)] == [True, True, False]
    house.turn(2)
    [(status, headers, body)] = parse_answers(house.peers[-1].received())
    assert (status, headers["connection"]) == (429, "close")
    assert 1 <= int(headers["retry-after"]) <= RETRY_AFTER_S
    assert b"your address" in body
    assert house.peers[-1].ended
    assert house.connect("10.0.0.2:1").client is not None
    house.jump(5)
    assert house.connect("10.0.0.1:1").client is not None


def test_while_memory_is_short_nobody_new_comes_in(make_house):
    house = make_house(memory=1 << 40)
    inside = house.open()
    house.pressure.short = True
    refused = house.connect()
    house.turn(2)
    assert parse_answers(refused.received())[0][0] == 503
    inside.send_frame(TEXT, b"still here")
    assert house.router.heard[-1] == ("message", b"still here", TEXT)
    house.pressure.short = False
    assert house.connect().client is not None


def test_a_rate_below_one_message_in_two_seconds_still_lets_single_messages_through(make_house):
    house = make_house(rate=0.1)
    peer = house.open()
    peer.send_frame(TEXT, b"one")
    assert house.router.kinds()[-1] == "message"
    peer.send_frame(TEXT, b"two")
    assert house.router.kinds()[-1] == "limited"


def test_without_that_limit_nothing_is_counted_by_address(house):
    assert all(house.connect("10.0.0.1:1").client for _ in range(50))


def test_refusals_are_bounded_too_and_those_above_are_just_closed(make_house):
    house = make_house(most=1)
    house.connect()
    refused = [house.connect() for _ in range(REFUSALS_AT_ONCE + 5)]
    house.turn()
    answers = [peer.received() for peer in refused]
    assert sum(b" 503 " in answer for answer in answers) == REFUSALS_AT_ONCE
    house.jump(LINGER_S)
    late = house.connect()
    house.turn()
    assert b" 503 " in late.received()


def test_who_was_refused_and_goes_on_sending_is_thrown_away(make_house):
    house = make_house(most=1)
    house.connect()
    refused = house.connect()
    refused.send(get() * 10)
    assert len(parse_answers(refused.received())) == 1
    house.jump(LINGER_S)
    assert refused.ended


# -- many at once ------------------------------------------------------------------------------------------------------


def test_a_message_for_many_is_encoded_once_and_reaches_each_of_them(house):
    peers = [house.open() for _ in range(5)]
    house.registry.fan_out([peer.client for peer in peers[:4]], PreparedMessage(b"all", BINARY))
    house.registry.fan_out([peer.client for peer in peers], PreparedMessage(b"y" * 300, TEXT))
    house.turn()
    assert [peer.frames() for peer in peers[:4]] == [[(BINARY, b"all"), (TEXT, b"y" * 300)]] * 4
    assert peers[4].frames() == [(TEXT, b"y" * 300)]


def test_members_that_are_closing_gone_or_reset_are_passed_over(house):
    closing, gone, reset, well = (house.open() for _ in range(4))
    closing.client.close(1000)
    gone.hang_up()
    reset.socket.close()  # the server has not heard of it yet
    everyone = [peer.client for peer in (closing, gone, reset, well)]
    for _ in range(3):
        house.registry.fan_out(everyone, PreparedMessage(b"x", TEXT))
        house.turn()
    assert well.frames() == [(TEXT, b"x")] * 3
    assert [opcode for opcode, _ in closing.frames()] == [CLOSE]
    assert reset.client.state is State.GONE
    assert house.router.kinds().count("close") == 3


def test_a_slow_member_is_told_apart_after_the_loop_and_the_others_get_everything(house):
    slow, *others = [house.open() for _ in range(4)]
    members = {slow.client, *(peer.client for peer in others)}
    house.router.react = lambda what, peer, *rest: members.discard(peer) if what == "close" else None
    received = [[] for _ in others]
    for _ in range(40):
        house.registry.fan_out(members, PreparedMessage(b"z" * 60_000, TEXT))
        house.turn()
        for frames, peer in zip(received, others, strict=True):
            frames += peer.frames()
    assert [len(frames) for frames in received] == [40] * 3
    assert slow.client not in members
    assert slow.client.state is State.CLOSING_STS


def test_each_router_is_attached_once_to_the_surroundings(make_house):
    attached = []

    class Guest(Router):
        def attach(self, surroundings):
            attached.append(surroundings)

    house = make_house()
    house.site.routers = {"/guest": Guest()}
    registry = type(house.registry)(house.reactor, house.site, house.registry.house.limits, Admission(1))
    assert attached == [registry]


# -- what routers get --------------------------------------------------------------------------------------------------


def test_time_is_that_of_the_turn(house):
    before = house.registry.monotonic()
    house.jump(5)
    assert house.registry.monotonic() == before + 5


def test_a_callback_comes_later_once_unless_it_is_cancelled(house):
    called = []
    house.registry.call_later(3, lambda: called.append("one"))
    house.registry.call_later(3, lambda: called.append("two")).cancel()
    house.jump(2.9)
    assert called == []
    house.jump(0.2)
    house.jump(5)
    assert called == ["one"]


def test_the_end_of_a_turn_comes_before_its_output_leaves(house):
    peer = house.open()
    house.registry.at_end_of_turn(lambda: peer.client.send(b"committed"))
    peer.client.send(b"said")
    house.turn()
    assert peer.frames() == [(TEXT, b"said"), (TEXT, b"committed")]


def test_random_bytes_and_the_wall_clock_are_those_of_the_world(house):
    assert len(house.registry.random_bytes(9)) == 9
    assert house.registry.random_bytes(9) != house.registry.random_bytes(9)
    assert abs(house.registry.wall_ms() - house.reactor.world.wall_ms()) < 10_000


@pytest.mark.parametrize(("wall_ms", "date"), [(0, "Thu, 01 Jan 1970 00:00:00"), (784111777999, "Sun, 06 Nov 1994")])
def test_answers_carry_the_date(house, monkeypatch, wall_ms, date):
    monkeypatch.setattr(type(house.reactor.world), "wall_ms", lambda _self: wall_ms)
    peer = house.connect()
    peer.send(get())
    assert parse_answers(peer.received())[0][1]["date"].startswith(date)


def test_messages_are_counted_for_each_client_by_whatever_way_they_went(house):
    peer, other = house.open("/echo"), house.open("/echo")
    peer.send_frame(TEXT, b"a")
    peer.send_frame(TEXT, b"b" * 300)
    two = join_messages([PreparedMessage(b"c"), PreparedMessage(b"d")])
    house.registry.fan_out([peer.client, other.client], two)
    house.registry.fan_out([peer.client], PreparedMessage(b"e" * 300))
    house.turn()
    assert (len(peer.frames()), len(other.frames())) == (5, 2)
    assert (peer.client.messages_in, peer.client.messages_out) == (2, 5)
    assert (other.client.messages_in, other.client.messages_out) == (0, 2)


def test_what_is_cut_into_slices_goes_on_until_it_says_that_it_is_done(house):
    left = [3]

    def step():
        left[0] -= 1
        return left[0] > 0

    house.registry.in_slices(step)
    assert left == [3]
    house.turn()
    assert left == [0]


# -- behind a proxy ----------------------------------------------------------------------------------------------------

PROXY = "10.9.9.9:1"


@pytest.fixture
def proxied(make_house):
    """A house whose proxy writes X-Forwarded-For."""

    def make(**options):
        house = make_house(**options)
        house.registry.house.proxies = TrustedProxies(["10.9.9.9"])
        return house

    return make


def by_proxy(house, source, path="/talk", address=PROXY):
    """Return a peer that has asked for an upgrade, and its status."""
    peer = house.connect(address)
    peer.send(upgrade(path, f"X-Forwarded-For: {source}\r\n"))
    return peer, int(peer.received().split()[1])


def test_a_client_by_a_trusted_proxy_has_its_own_address_and_one_by_another_has_that_of_its_connection(proxied):
    house = proxied()
    assert by_proxy(house, "203.0.113.9")[0].client.address == "203.0.113.9:0"
    assert by_proxy(house, "203.0.113.9", address="198.51.100.7:1")[0].client.address == "198.51.100.7:1"


def test_behind_a_proxy_each_address_may_have_so_many_connections_and_the_proxy_any_number(proxied):
    house = proxied(most_per_ip=1)
    first, status = by_proxy(house, "203.0.113.9")
    assert status == 101
    assert by_proxy(house, "203.0.113.9")[1] == 429  # not 503, by which a balancer would think ill of this node
    assert [by_proxy(house, f"203.0.113.{host}")[1] for host in range(10, 30)] == [101] * 20
    first.hang_up()
    assert by_proxy(house, "203.0.113.9")[1] == 101


def test_behind_a_proxy_each_address_may_knock_so_often(proxied):
    house = proxied(handshakes_per_ip=0.1)
    assert [by_proxy(house, "203.0.113.9")[1] for _ in range(2)] == [101, 429]
    assert by_proxy(house, "203.0.113.8")[1] == 101
    house.jump(10)
    assert by_proxy(house, "203.0.113.9")[1] == 101


def test_what_is_said_by_a_stranger_does_not_get_around_the_limit(proxied):
    house = proxied(most_per_ip=1)
    assert by_proxy(house, "203.0.113.1", address="198.51.100.7:1")[1] == 101
    assert house.connect("198.51.100.7:2").client is None


def test_the_requests_of_many_share_a_proxys_connection_and_only_what_lasts_counts(proxied):
    house = proxied(most_per_ip=1)
    asked = []

    def answer(visit):
        asked.append(visit.address)
        visit.answer(Response(200))

    house.site.services = {"/desk": answer, "/lasting": answer}
    house.site.lasting = frozenset({"/lasting"})
    peer = house.connect(PROXY)
    for host in (1, 2, 1):
        peer.send(get("/desk", f"X-Forwarded-For: 203.0.113.{host}\r\n"))
    assert asked == ["203.0.113.1:0", "203.0.113.2:0", "203.0.113.1:0"]
    assert peer.client.address == PROXY
    peer.send(get("/lasting", "X-Forwarded-For: 203.0.113.1\r\n"))
    assert peer.client.address == "203.0.113.1:0"
    assert by_proxy(house, "203.0.113.1")[1] == 429
    assert by_proxy(house, "203.0.113.2")[1] == 101
