import pytest

from wsserver.bench.churn import ChurnCrew


@pytest.fixture
def start(rig):
    def start_one(**changes):
        crew = ChurnCrew(rig.share("connect", **changes), rig.route)
        settled = []
        crew.begin(lambda: settled.append(True))
        assert settled == [True]  # nobody has to come first
        crew.start(rig.world.time, rig.world.time + 100.0)
        rig.turn()
        return crew

    return start_one


def agree(rig):
    """Accept whoever asks, and let go whoever goes."""
    for peer in rig.peers:
        if not hasattr(peer, "request"):
            peer.answer()
    rig.turn()
    for peer in rig.peers:
        if (8, b"\x03\xe8") in peer.messages():
            peer.say(b"\x03\xe8", 8)
    rig.turn()


def test_whoever_has_gone_comes_again(rig, start):
    crew = start(clients=3)
    assert (len(rig.peers), crew.here) == (3, 3)
    rig.world.time += 0.004
    agree(rig)
    assert (crew.tally.opened, crew.tally.received, len(rig.peers)) == (3, 3, 6)
    agree(rig)
    assert (crew.tally.opened, crew.tally.faults) == (6, [])
    assert crew.latencies.greatest_us == 4000


def test_processes_have_numbers_of_their_own(rig):
    crew = ChurnCrew(rig.share("connect", 1, clients=4, processes=2), rig.route)
    crew.begin(lambda: None)
    crew.start(1000.0, 1100.0)
    rig.turn()
    assert sorted(connection.number for connection in crew._here) == [1, 3]


def test_at_a_rate_they_come_when_they_are_due(rig, start):
    crew = start(clients=8, rate=10.0)
    assert len(rig.peers) == 1
    rig.jump(0.55)
    assert len(rig.peers) == 6
    agree(rig)
    assert crew.latencies.greatest_us == 550_000  # the first was due at the beginning


def test_at_a_rate_no_more_come_than_may_be_here(rig, start):
    crew = start(clients=2, rate=10.0)
    rig.jump(0.55)
    assert (len(rig.peers), crew.tally.unsent) == (2, 4)


def test_a_refusal_is_counted_and_its_place_is_taken(rig, start):
    crew = start(clients=1)
    rig.peers[0].sock.send(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    rig.turn()
    assert crew.tally.refused == {"HTTP 503": 1}
    assert len(rig.peers) == 2


def test_at_the_end_nobody_comes_again_and_whoever_hangs_is_told(rig, start):
    crew = start(clients=2)
    rig.peers[0].answer()
    rig.turn()
    crew.stop()
    assert crew.missing() == 2
    crew.leave()
    rig.turn()
    assert (crew.here, len(rig.peers)) == (0, 2)
    assert (crew.tally.closed, crew.tally.refused) == ({"lost": 1}, {"not done at the end": 1})
    assert crew.tally.lost == 0
