"""A worker is killed while two hundred a second connect and others talk: who notices, and what is lost."""

import re
import sqlite3
import sys
import time

import pytest

from tests.scenarios.members import Member, judge
from tests.scenarios.storm import Storm
from tests.scenarios.working import APART, kill, until, workers_of

RATE, COUNT = 200, 1000

BACK_S = 10.0
"""A worker is to be replaced within 3 s; a busy machine may take longer."""


@pytest.fixture
def site(start, tmp_path):
    """Two workers over one file."""
    path = tmp_path / "chat.db"
    server = start("--workers", "2", "--store", f"sqlite:{path}", "--set", "limits.rate=0", *APART)
    server.path = path
    return server


@pytest.fixture
def crowd(site, room):
    """Eight members, some on each worker, who talk until they are told to stop."""
    members = []
    while len(members) < 8 or len({served_by(site, member) for member in members}) < 2:
        assert len(members) < 32, "all clients were given to one worker"
        url = site.ws()
        members.append(Member(url, room, f"user-{len(members)}", 10_000, pace_s=0.05).start())
    yield members
    for member in members:
        member.leave()


def served_by(site, member):
    """The pid of the worker that a member is connected to; one that is on its way back is waited for."""

    def find():
        port = member._talker.socket.sock.getsockname()[1] if member._talker.socket.sock else 0
        for pid, worker in workers_of(site).items():
            if any(link.raddr and link.raddr.port == port for link in worker.net_connections("tcp")):
                return pid
        return 0

    return until(find)


def stored(site, room):
    connection = sqlite3.connect(site.path)
    try:
        return connection.execute(
            "SELECT seq, user, text FROM messages WHERE channel = ? ORDER BY seq", (room,)
        ).fetchall()
    finally:
        connection.close()


def finish(site, members, room):
    """Let everybody say what is left and hear it, and judge what was said."""
    for member in members:
        member.stop()
    until(lambda: all(member.is_done for member in members))
    last = max(seq for member in members for seq in member.acked.values())
    until(lambda: all(member.seq >= last for member in members))
    judge(members, stored(site, room))


def test_nobody_is_turned_away_and_nothing_is_lost_while_workers_are_killed_under_a_storm(site, crowd, room):
    storm = Storm(site.port, RATE, COUNT)
    died, back_s = [], []
    victims = []
    for round_ in (1, 2):
        time.sleep(1.0)
        pid, worker = next(iter(workers_of(site).items()))
        victims += [member for member in crowd if served_by(site, member) == pid]
        kill(worker)
        died.append(time.monotonic())
        until(lambda round_=round_: site.log.count("worker_back") == round_)
        back_s.append(time.monotonic() - died[-1])
    knocks = storm.result()
    finish(site, crowd, room)

    assert len(knocks) == COUNT
    assert not [knock for knock in knocks if isinstance(knock.trouble, ConnectionRefusedError)]
    ended = [knock for knock in knocks if knock.trouble is not None]
    for knock in ended:  # the dead had accepted them: whoever came later was let in
        assert any(knock.began <= at for at in died), knock
    assert len(ended) < COUNT / 10, ended[:5]
    assert max(back_s) < BACK_S
    longest_s = max(knock.waited_s for knock in knocks)
    sys.stdout.write(
        f"\n{COUNT} connects: {len(ended)} had been accepted by a dead worker, the longest waited {longest_s:.3f} s; "
        f"replaced after {', '.join(f'{one:.2f}' for one in back_s)} s; "
        f"{len(victims)} clients were cut off, {len(crowd)} heard {crowd[0].seq} messages\n"
    )
    for member in crowd:
        assert len(member.stretches) == 1, "who came back went on where it was"
        assert member.lost_connections == victims.count(member), "clients of others notice nothing"


def test_a_worker_that_is_killed_again_and_again_comes_back_later_and_the_other_serves(site, crowd, room):
    keeper = served_by(site, crowd[0])
    lucky = [member for member in crowd if served_by(site, member) == keeper]
    for times in (1, 2, 3):
        kill(*(worker for pid, worker in workers_of(site).items() if pid != keeper))
        until(lambda times=times: site.log.count("worker_back") == times)
        assert Storm(site.port, RATE, 20).result()[-1].trouble is None
    pauses = [float(pause) for pause in re.findall(r"worker_ended.*again_in_s=([\d.]+)", site.log)]
    assert len(pauses) == 3
    assert pauses[0] < pauses[2]
    finish(site, crowd, room)
    assert [member.lost_connections for member in lucky] == [0] * len(lucky)
    assert [len(member.stretches) for member in crowd] == [1] * len(crowd)
