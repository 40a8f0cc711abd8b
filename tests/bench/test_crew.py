import pytest

from tests.bench.rig import options
from wsserver.bench import crew as module
from wsserver.bench.crew import Crew, Share


def test_clients_are_dealt_to_the_processes_in_turn():
    shares = [Share(options(clients=7, processes=3), index, "run") for index in range(3)]
    assert [list(share.numbers) for share in shares] == [[0, 3, 6], [1, 4], [2, 5]]


def test_all_come_and_it_is_told_once(rig):
    crew = Crew(rig.share(clients=5), rig.route)
    heard = rig.settle(crew)
    assert heard.settled == 1
    assert (crew.tally.opened, crew.here) == (5, 5)
    assert crew.connecting.total == 5


def test_only_so_many_are_let_come_at_once(rig, monkeypatch):
    monkeypatch.setattr(module, "IN_FLIGHT", 2)
    crew = Crew(rig.share(clients=5), rig.route)
    heard = rig.settle(crew)
    assert (len(rig.peers), heard.settled) == (4, 0)
    for _ in range(2):
        for peer in rig.peers[2:]:
            if not hasattr(peer, "request"):
                peer.answer()
        rig.turn()
    assert (len(rig.peers), heard.settled) == (5, 1)


def test_the_time_it_took_is_counted_from_the_first_to_the_last(rig):
    crew = Crew(rig.share(clients=2), rig.route)
    crew.begin(lambda: None)
    rig.turn()
    rig.peers[0].answer()
    rig.jump(0.5)
    rig.peers[1].answer()
    rig.jump(0.25)
    assert crew.tally.connect_s == 0.75
    assert crew.connecting.greatest_us == 750_000


def test_refusals_are_counted_by_reason_and_do_not_keep_the_others_waiting(rig):
    crew = Crew(rig.share(clients=3), rig.route)
    settled = []
    crew.begin(lambda: settled.append(crew.tally.opened))
    rig.turn()
    for peer in rig.peers[:2]:
        peer.sock.send(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    rig.peers[2].answer()
    rig.turn()
    assert settled == [1]
    assert crew.tally.refused == {"HTTP 503": 2}


def test_a_server_that_is_not_there_refuses_everybody(rig):
    rig.world.refusal = OSError(111, "Connection refused")
    crew = Crew(rig.share(clients=3000), rig.route)
    settled = []
    crew.begin(lambda: settled.append(crew.tally.opened))
    rig.turn(100)
    assert settled == [0]
    assert crew.tally.refused == {"Connection refused": 3000}


def test_who_has_not_come_in_time_is_given_up(rig):
    crew = Crew(rig.share(clients=2), rig.route)
    settled = []
    crew.begin(lambda: settled.append(crew.tally.opened))
    rig.turn()
    rig.peers[0].answer()
    rig.turn()
    crew.give_up_unsettled("too late")
    assert settled == [1]
    assert crew.tally.refused == {"too late": 1}


def test_who_is_sent_away_is_counted_by_the_code(rig):
    crew = Crew(rig.share(clients=2), rig.route)
    rig.settle(crew)
    rig.peers[0].say((1012).to_bytes(2, "big"), 8)
    rig.peers[1].sock.close()
    rig.turn()
    assert crew.tally.closed == {"1012": 1, "lost": 1}
    assert crew.here == 0


def test_a_parting_that_both_agree_on_is_no_fault(rig):
    crew = Crew(rig.share(clients=2), rig.route)
    rig.settle(crew)
    crew.leave()
    rig.turn()
    for peer in rig.peers:
        assert peer.messages() == [(8, b"\x03\xe8")]
        peer.say(b"\x03\xe8", 8)
    rig.turn()
    assert (crew.tally.closed, crew.here, crew.tally.faults) == ({}, 0, [])


def test_slow_clients_are_the_last_and_have_a_count_of_their_own(rig):
    crew = Crew(rig.share("slow", clients=3, slow=1), rig.route)
    rig.settle(crew)
    assert [connection.slow for connection in crew.connections] == [False, False, True]
    rig.peers[2].say((4008).to_bytes(2, "big"), 8)
    rig.turn()
    assert (crew.tally.slow_closed, crew.tally.closed) == ({"4008": 1}, {})


@pytest.mark.parametrize(("index", "rate"), [(0, 60.0), (1, 40.0)])
def test_the_rate_is_shared_by_clients(rig, index, rate):
    crew = Crew(rig.share(clients=5, processes=2, rate=100.0, index=index), rig.route)
    assert crew.rate() == pytest.approx(rate)


def test_what_an_open_loop_did_not_get_to_do_is_told_at_the_end(rig):
    crew = Crew(rig.share(clients=1, rate=10.0), rig.route)
    rig.settle(crew)
    crew.start(1000.0, 1002.0)
    rig.world.time += 1.0
    crew.stop()
    assert crew.tally.unsent == 10
    assert not crew.running
