"""Clients that are on their way from worker to worker while one of them hangs, dies or drains, and on other ways in."""

import signal
import socket

import pytest

from tests.scenarios.handing import Crew, channel_at, handed, nobody_serves
from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import Talker
from tests.scenarios.working import kill, until

FLAGS = ("--workers", "2", "--log-level", "debug", "--set", "limits.rate=0", "--set", "server.drain=500ms")
GUESTS = 12


@pytest.fixture
def crew(server):
    return Crew(server)


@pytest.fixture
def guests(server, connect):
    """Clients that worker 1 serves, and that have said nothing yet."""

    def find(crew, count=GUESTS):
        found = []
        while len(found) < count:
            talkers = [connect(server) for _ in range(2 * count)]
            for talker, index in zip(talkers, crew.index_of(talkers), strict=True):
                if index == 1 and len(found) < count:
                    found.append(talker)
                else:
                    talker.socket.shutdown()
        return found

    return find


def join_all(talkers, hall):
    for number, talker in enumerate(talkers):
        talker.say("join", channel=hall, user=f"user-{number}", id="j")


def await_joined(talkers):
    for talker in talkers:
        assert talker.hear("joined")["id"] == "j"


def test_on_the_way_to_one_that_hangs_they_are_taken_by_its_neighbour(server, crew, guests):
    talkers, hall = guests(crew), crew.channel(0)
    home = crew.worker(0)
    home.suspend()  # what is handed to it now stays on its way
    try:
        join_all(talkers, hall)
        await_joined(talkers)
        assert set(crew.index_of(talkers)) == {1}
        late = guests(crew, 1)[0]
        assert late.join(hall, "late")["count"] == GUESTS + 1, "nobody is sent there any more"
    finally:
        home.resume()
    until(lambda: "worker_answers" in server.log)
    again = guests(crew, 3)
    for number, talker in enumerate(again):
        talker.join(hall, f"again-{number}")
    assert set(crew.index_of(again)) == {0}, "it is at home there as before"
    talkers[0].say("message", channel=hall, text="all here?")
    assert {talker.hear("message")["seq"] for talker in (*talkers, late, *again)} == {1}


def test_on_the_way_to_one_that_is_killed_they_are_taken_by_its_neighbour_too(server, crew, guests):
    talkers, hall = guests(crew), crew.channel(0)
    home = crew.worker(0)
    home.suspend()
    join_all(talkers, hall)
    until(lambda: nobody_serves(server, talkers))
    kill(home)
    await_joined(talkers)
    assert server.log.count("worker_ended") == 1
    talkers[0].say("message", channel=hall, text="all here?")
    assert {talker.hear("message")["seq"] for talker in talkers} == {1}
    until(lambda: "worker_back" in server.log)
    crew = Crew(server)
    later = guests(crew, 2)
    for number, talker in enumerate(later):
        assert talker.join(hall, f"later-{number}")["count"] == GUESTS + number + 1
    assert crew.index_of(later) == [0, 0], "its successor is sent clients as it was"


@pytest.fixture
def come_by():
    """Make clients that come by way of a Unix socket: come_by(path, how many)."""
    talkers = []

    def connect_some(path, count):
        for _ in range(count):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(PATIENCE_S)
            sock.connect(path)
            talkers.append(Talker("ws://localhost/chat", socket=sock))
        return talkers[-count:]

    yield connect_some
    for talker in talkers:
        talker.socket.shutdown()


def test_over_a_unix_socket_too_and_all_are_told_when_to_come_back_also_on_their_way(start, come_by, tmp_path):
    path = str(tmp_path / "s")
    server = start("--unix", path, *FLAGS)
    halls = [channel_at(0, 2), channel_at(1, 2)]
    talkers = come_by(path, GUESTS)
    for number, talker in enumerate(talkers):
        talker.join(halls[number % 2])
    for home in (0, 1):
        members = talkers[home::2]
        members[0].say("message", channel=halls[home], text="hi")
        assert [talker.hear("message")["seq"] for talker in members] == [1] * len(members)
    until(lambda: handed(server) > 0)

    late = come_by(path, 40)
    for number, talker in enumerate(late):
        talker.say("join", channel=halls[number % 2], id="j")
    server.signal(signal.SIGTERM)
    for talker in (*talkers, *late):
        assert talker.hear("goaway")["reconnect_in"] > 0
        assert talker.hear_close()[0] == 1012
    assert server.wait() == 0


def test_workers_that_meet_in_redis_hand_over_too(start, connect, redis):
    server = start("--broker", redis.url(), *FLAGS)
    crew = Crew(server)
    talkers = [connect(server) for _ in range(GUESTS)]
    halls = [crew.channel(home) for home in (0, 1)]
    for number, talker in enumerate(talkers):
        talker.join(halls[number % 2], f"user-{number}")
    assert crew.index_of(talkers) == [number % 2 for number in range(GUESTS)]
    for home in (0, 1):
        members = talkers[home::2]
        for member in members:
            member.say("message", channel=halls[home], text="hi")
        heard = [[talker.hear("message") for _ in members] for talker in members]
        assert all(each == heard[0] for each in heard)
        assert [message["seq"] for message in heard[0]] == list(range(1, len(members) + 1))
