"""A room that is too large to be told anything in one piece: what its members hear, and what others do not notice."""

import contextlib
import json
import resource

import pytest

from tests.clients.rig import House, close_payload, decode_frames
from tests.scenarios.talking import open_raw
from tests.websocket.frames_by_hand import frame
from wsserver.chat import rounds
from wsserver.chat.audience import MANY
from wsserver.chat.rounds import Rounds
from wsserver.clients.states import State
from wsserver.websocket.codes import CLOSE, TEXT
from wsserver.websocket.prepared import PreparedMessage

MEMBERS = MANY + 200


@pytest.fixture
def many_fds():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MEMBERS + 200:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MEMBERS + 200), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def house():
    house = House()
    yield house
    house.close()
    assert house.errors == []


class Member:
    """A plain socket that has joined, and what it hears."""

    def __init__(self, port, channel, number):
        self.socket = open_raw(port, "/chat")
        self.say(type="join", channel=channel, user=f"member-{number}")
        self._data = b""

    def say(self, **command):
        self.socket.sendall(frame(TEXT, json.dumps(command).encode(), masked=True))

    def hear_until(self, type, text=None):
        """Return (type, text) of all events up to that one."""
        heard = []
        while not heard or heard[-1] != (type, text):
            while not (size := _frame_size(self._data)):
                self._data += self.socket.recv(65536)
            [(_, payload)] = decode_frames(self._data[:size])
            self._data = self._data[size:]
            event = json.loads(payload)
            heard.append((event["type"], event.get("text")))
        return heard


def _frame_size(data):
    """How long the frame is that `data` begins with; 0: that, or its end, has not come yet."""
    if len(data) < 4:
        return 0
    size = data[1] + 2 if data[1] < 126 else int.from_bytes(data[2:4], "big") + 4
    return size if len(data) >= size else 0


@pytest.fixture
def fill():
    """Let so many members join a channel of a server; they are gone behind the test."""
    with contextlib.ExitStack() as sockets:

        def join(server, channel, count):
            members = [Member(server.port, channel, number) for number in range(count)]
            for member in members:
                sockets.callback(member.socket.close)
                member.hear_until("joined")
            return members

        yield join


def test_members_of_a_very_large_room_hear_everything_once_and_in_order_whoever_comes_and_goes(
    start, connect, fill, room, many_fds
):
    server = start("--set", "limits.rate=0", "--set", "limits.connections_per_ip=0")
    members = fill(server, room, MEMBERS)
    ann = connect(server, "ann", room)
    for number in range(40):
        ann.say("message", channel=room, text=str(number))
        if number % 10 == 5:
            members[number].say(type="leave", channel=room)
    told = ann.ask("message", channel=room, text="over")
    late = connect(server, "late")
    joined = late.join(room, "late")
    assert joined["seq"] == told["seq"] == 41
    leavers = {5, 15, 25, 35}
    for number, member in enumerate(members):
        heard = member.hear_until("left" if number in leavers else "message", None if number in leavers else "over")
        texts = [text for type, text in heard if type == "message"]
        assert texts == [*map(str, range(40)), "over"][: len(texts)]
        assert number in leavers or len(texts) == 41
    ann.say("message", channel=room, text="again")
    assert late.hear("message")["seq"] == 42
    for number, member in enumerate(members):
        if number not in leavers:
            assert [text for type, text in member.hear_until("message", "again") if type == "message"] == ["again"]


def rounds_of(house, peers):
    return Rounds({peer.client: peer.client.wire for peer in peers}, house.registry)


def test_what_is_given_out_in_slices_comes_behind_what_was_waiting(house, monkeypatch):
    monkeypatch.setattr(rounds, "STEP_MEMBERS", 2)
    peers = [house.open("/echo") for _ in range(5)]
    crowd = rounds_of(house, peers)
    crowd.append(PreparedMessage(b"one"), None)
    crowd.append(PreparedMessage(b"two"), None)
    house.reactor.call_soon(lambda: crowd.append(PreparedMessage(b"three"), None))
    house.reactor.call_later(0, lambda: peers[4].client.send(b"answer"))
    crowd.leave(peers[3].client)
    house.turn(3)
    news = [(TEXT, b"one"), (TEXT, b"two"), (TEXT, b"three")]
    assert [peer.frames() for peer in peers] == [news, news, news, news[:2], [*news[:2], (TEXT, b"answer"), news[2]]]
    assert not crowd.busy


def test_lost_and_slow_members_do_not_hold_up_what_is_given_out_in_slices(house, monkeypatch):
    monkeypatch.setattr(rounds, "STEP_MEMBERS", 1)
    lost, slow, well = (house.open("/echo") for _ in range(3))
    crowd = rounds_of(house, (lost, slow, well))
    lost.hang_up()
    numbers = [b"%02d" % number for number in range(12)]
    heard = []
    for number in numbers:
        crowd.append(PreparedMessage(number * 20_000), None)
        house.turn(2)
        heard += well.frames()
    assert [payload[:2] for _, payload in heard] == numbers
    assert lost.client.state is State.GONE
    assert slow.client.transport.queued > 0
    assert [payload[:2] for _, payload in decode_frames(slow.received_in_all())] == numbers


def test_a_member_that_is_closed_hears_what_was_said_before_its_close(house):
    peers = [house.open() for _ in range(3)]
    crowd = rounds_of(house, peers)
    house.router.react = lambda what, peer, *rest: crowd.leave(peer) if what == "close" else None
    crowd.append(PreparedMessage(b"news"), None)
    peers[1].client.close(4503, "kicked")
    house.turn(2)
    assert peers[1].frames() == [(TEXT, b"news"), (CLOSE, close_payload(4503, "kicked"))]
    assert peers[0].frames() == [(TEXT, b"news")]
