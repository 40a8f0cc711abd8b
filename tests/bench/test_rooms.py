import json

import pytest

from wsserver.bench.rooms import RoomsCrew


class House:
    """A chat server of a few lines, which the test can tell to misbehave."""

    def __init__(self, rig):
        self.rig = rig
        self.channels = {}  # name -> peers
        self.seq = {}
        self.joins = []
        self.error = None  # the code to answer messages with
        self.skip = 0  # numbers left out before the next message

    def serve(self):
        """Answer everything that has come."""
        for peer in self.rig.peers:
            for opcode, payload in peer.messages():
                if opcode == 1:
                    self.hear(peer, json.loads(payload))
        self.rig.turn()

    def hear(self, peer, command):
        channel = command["channel"]
        if command["type"] == "join":
            self.joins.append(command)
            self.channels.setdefault(channel, []).append(peer)
            self.say(peer, type="joined", channel=channel)
        elif self.error:
            self.say(peer, type="error", code=self.error)
        else:
            self.seq[channel] = self.seq.get(channel, 0) + 1 + self.skip
            self.skip = 0
            for member in self.channels[channel]:
                self.say(member, type="message", channel=channel, seq=self.seq[channel], text=command["text"])

    def say(self, peer, **event):
        peer.say(json.dumps(event).encode())


def seated(rig, scenario="fanout", index=0, **changes):
    crew = RoomsCrew(rig.share(scenario, index, **changes), rig.route)
    house = House(rig)
    heard = rig.settle(crew)
    assert heard.settled == 0
    house.serve()
    assert heard.settled == 1
    return crew, house


def begun(rig, scenario="fanout", **changes):
    crew, house = seated(rig, scenario, **changes)
    crew.start(rig.world.time, rig.world.time + 100.0)
    rig.turn()
    return crew, house


def test_everybody_joins_a_channel_of_this_run_alone(rig):
    crew, house = seated(rig, "rooms", clients=5, channels=2)
    assert [join["channel"] for join in house.joins] == ["bench-run-0", "bench-run-1"] * 2 + ["bench-run-0"]
    assert len({join["user"] for join in house.joins}) == 5
    assert {join["history"] for join in house.joins} == {0}
    assert crew.tally.opened == 5


def test_who_may_not_join_is_refused(rig):
    crew = RoomsCrew(rig.share("fanout"), rig.route)
    heard = rig.settle(crew)
    for peer in rig.peers:
        peer.say(b'{"type":"error","code":"forbidden","message":"no"}')
    rig.turn()
    assert heard.settled == 1
    assert crew.tally.refused == {"forbidden": 2}
    assert crew.tally.errors == {"forbidden": 2}


def test_one_message_to_a_channel_reaches_all_and_then_comes_the_next(rig):
    crew, house = begun(rig, clients=4, size=30)
    for turns in range(1, 4):
        rig.world.time += 0.002
        house.serve()
        assert (crew.tally.sent, crew.tally.received) == (turns + 1, 4 * turns)
    assert crew.latencies.at(50) == crew.latencies.greatest_us == 2000
    assert list(house.channels) == ["bench-run-0"]


def test_a_window_is_for_each_channel(rig):
    crew, house = begun(rig, "rooms", clients=6, channels=3, window=2)
    assert crew.tally.sent == 6
    house.serve()
    assert (crew.tally.received, crew.tally.sent) == (12, 12)


def test_in_rooms_all_send_in_turn_and_in_a_fanout_only_the_first(rig):
    _crew, _house = begun(rig, "rooms", clients=3, channels=1, rate=10.0)
    rig.jump(0.5)
    assert [len(peer.messages()) for peer in rig.peers] == [2, 2, 2]


def test_in_a_fanout_only_the_first_sends(rig):
    begun(rig, "fanout", clients=3, rate=10.0)
    rig.jump(0.5)
    assert [len(peer.messages()) for peer in rig.peers] == [6, 0, 0]


def test_the_text_has_the_size_that_was_asked_for(rig):
    begun(rig, size=50)
    [(_, payload)] = rig.peers[0].messages()
    assert len(json.loads(payload)["text"]) == 50


def test_a_delivery_that_is_missing_is_lost(rig):
    crew, house = begun(rig, clients=4)
    house.channels["bench-run-0"].pop()
    house.serve()
    crew.stop()
    crew.expect(crew.sent_by_channel())
    assert (crew.tally.sent, crew.tally.received, crew.missing()) == (1, 3, 1)
    crew.leave()
    assert crew.tally.lost == 1


def test_a_gap_in_the_numbers_is_counted_by_each_who_sees_it(rig):
    crew, house = begun(rig, clients=3)
    house.serve()
    house.skip = 1
    house.serve()
    assert crew.tally.gaps == 3
    house.serve()
    assert crew.tally.gaps == 3


def test_an_error_is_counted_and_does_not_stop_the_load(rig):
    crew, house = begun(rig)
    house.error = "rate_limited"
    house.serve()
    house.error = None
    house.serve()
    crew.stop()
    house.serve()
    crew.expect(crew.sent_by_channel())
    assert crew.tally.errors == {"rate_limited": 1}
    assert crew.missing() == 0
    assert crew.tally.received == 2 * (crew.tally.sent - 1)


def test_a_reader_that_goes_does_not_keep_the_window_shut(rig):
    crew, house = begun(rig, clients=3)
    house.channels["bench-run-0"].remove(rig.peers[2])
    rig.peers[2].sock.close()
    rig.turn()
    for _ in range(5):
        house.serve()
    assert crew.tally.sent >= 5
    assert crew.tally.closed == {"lost": 1}


def test_when_the_sender_goes_another_sends(rig):
    _crew, house = begun(rig, clients=3)
    house.serve()
    house.channels["bench-run-0"].remove(rig.peers[0])
    rig.peers[0].sock.close()
    rig.turn()
    house.serve()
    rig.turn()
    assert len(rig.peers[1].messages()) == 1


def test_slow_readers_hear_nothing_and_owe_nothing(rig):
    crew, house = begun(rig, "slow", clients=4, slow=2)
    house.serve()
    crew.stop()
    house.serve()
    crew.expect(crew.sent_by_channel())
    assert crew.tally.received == 2 * crew.tally.sent
    assert crew.missing() == 0


def test_only_the_home_of_a_channel_sends_to_it_and_all_know_what_to_expect(rig):
    crew, _house = begun(rig, "fanout", index=1, clients=5, processes=2, channels=1)
    assert crew.tally.sent == 0
    crew.stop()
    assert crew.sent_by_channel() == {}
    crew.expect({0: 7})
    assert crew.missing() == 14


def test_homes_share_the_rate_by_their_channels(rig):
    crew = RoomsCrew(rig.share("rooms", 1, clients=9, channels=3, processes=2, rate=30.0), rig.route)
    assert crew.rate() == pytest.approx(10.0)


def test_idle_clients_join_and_say_nothing(rig):
    crew, house = begun(rig, "idle")
    house.serve()
    assert (len(house.joins), crew.tally.sent) == (2, 0)


def test_what_is_no_event_is_wrong_and_what_is_another_event_is_not(rig):
    crew, _house = begun(rig)
    for payload in (b"{", b"[]", b'{"type":"message","text":"hello","seq":1}'):
        rig.peers[0].say(payload)
    rig.peers[0].say(b'{"type":"presence","channel":"c","joined":[]}')
    rig.turn()
    assert crew.tally.wrong == 3


def test_the_meaning_of_a_payload_is_remembered_within_bounds(rig, monkeypatch):
    monkeypatch.setattr("wsserver.bench.rooms.REMEMBERED", 3)
    crew, house = begun(rig)
    for _ in range(10):
        rig.world.time += 0.001
        house.serve()
    assert crew.tally.received == 20
    assert len(crew._meaning) <= 3
