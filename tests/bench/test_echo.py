import pytest

from wsserver.bench.echo import EchoCrew


def begun(rig, seconds=1000.0, **changes):
    crew = EchoCrew(rig.share(**changes), rig.route)
    rig.settle(crew)
    crew.start(rig.world.time, rig.world.time + seconds)
    rig.turn()
    return crew


def echo(rig, *, but=()):
    """Have every peer send back what it got, but for the messages at some places."""
    count = 0
    for peer in rig.peers:
        for place, (opcode, payload) in enumerate(peer.messages()):
            if place not in but:
                peer.say(payload, opcode)
                count += 1
    return count


def test_a_window_of_messages_is_under_way_on_each_client_and_stays_so(rig):
    crew = begun(rig, window=3)
    for turns in range(1, 5):
        rig.world.time += 0.001
        assert echo(rig) == 6
        rig.turn()
        assert crew.tally.received == 6 * turns
    assert crew.tally.sent == 30
    assert crew.latencies.greatest_us == 1000


@pytest.mark.parametrize("size", [18, 19, 64, 1000])
def test_messages_have_the_size_that_was_asked_for(rig, size):
    begun(rig, size=size)
    [(opcode, payload)] = rig.peers[0].messages()
    assert (opcode, len(payload)) == (1, size)


def test_bytes_are_counted_as_they_come_back(rig):
    crew = begun(rig, size=100)
    echo(rig)
    rig.turn()
    assert crew.tally.bytes_in_time == 200


def test_an_open_loop_sends_in_turn_whatever_has_not_come_back(rig):
    crew = begun(rig, rate=10.0)
    for _ in range(10):
        rig.jump(0.1)
    assert crew.tally.sent in (10, 11)
    assert [len(peer.messages()) for peer in rig.peers] == [6, 5][: len(rig.peers)]


def test_what_does_not_come_back_is_lost_and_what_overtook_it_is_not(rig):
    crew = begun(rig, window=4, clients=1)
    assert echo(rig, but=(1,)) == 3
    rig.turn()
    crew.stop()
    crew.expect({})
    assert crew.tally.received == 3
    assert crew.missing() == crew.tally.sent - 3


def test_what_comes_back_changed_was_sent_by_nobody(rig):
    crew = begun(rig, clients=1)
    [(_, payload)] = rig.peers[0].messages()
    rig.peers[0].say(payload[:-1] + b"y")
    rig.turn()
    assert (crew.tally.wrong, crew.tally.received, crew.missing()) == (1, 0, 1)
    assert crew.tally.faults == ["1 messages that nobody sent"]


def test_what_comes_back_as_another_kind_is_wrong(rig):
    crew = begun(rig, clients=1)
    [(_, payload)] = rig.peers[0].messages()
    rig.peers[0].say(payload, 2)
    rig.turn()
    assert (crew.tally.received, crew.tally.wrong) == (0, 1)


def test_when_it_is_over_nothing_more_is_sent_and_what_is_late_still_counts(rig):
    crew = begun(rig)
    crew.stop()
    assert (crew.tally.in_time, crew.missing()) == (0, 2)
    rig.world.time += 0.7
    echo(rig)
    rig.turn()
    assert (crew.tally.in_time, crew.tally.received, crew.tally.sent, crew.missing()) == (0, 2, 2, 0)
    assert crew.latencies.greatest_us == 700_000


def test_nobody_is_left_to_send(rig):
    crew = begun(rig, rate=10.0, seconds=2.0)
    for peer in rig.peers:
        peer.sock.close()
    rig.turn()
    sent = crew.tally.sent
    rig.jump(1.0)
    assert crew.tally.sent == sent
    assert crew.tally.unsent == 10


def through_a_stall(rig, **changes):
    """One second of load, a step a millisecond, of a server that answers at once but for 200 ms in the middle."""
    crew = begun(rig, clients=1, seconds=1.0, **changes)
    for step in range(1, 1001):
        rig.world.time = 1000.0 + step / 1000
        rig.turn(2)
        if not 400 <= step < 600:
            echo(rig)
            rig.turn(1)
    crew.stop()
    return crew


def test_a_stall_of_the_server_shows_in_an_open_loop(rig):
    crew = through_a_stall(rig, rate=1000.0)
    assert crew.tally.sent == 1000
    assert crew.missing() == 0
    assert crew.latencies.at(50) <= 1000
    # A fifth of all were due in the stall, and waited between nothing and 200 ms.
    assert crew.latencies.at(99) == pytest.approx(190_000, rel=0.03)
    assert crew.latencies.at(90) == pytest.approx(100_000, rel=0.03)


def test_a_stall_of_the_server_is_hidden_by_a_closed_loop(rig):
    crew = through_a_stall(rig)
    assert crew.tally.received >= 700
    assert crew.latencies.at(99) <= 2000
    assert crew.latencies.greatest_us >= 199_000
